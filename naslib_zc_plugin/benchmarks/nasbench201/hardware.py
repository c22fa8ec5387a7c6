"""Latencies and energies of NAS-Bench-201's networks on devices, of HW-NAS-Bench (Li et al., ICLR 2021).

Each of the 15,625 architectures was measured once, also those that are the same network, whose latencies on a Raspberry
Pi differ by 10 % in the median: :func:`class_medians` takes one number for all of a class.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import median

from naslib_zc_plugin.benchmarks._table import ColumnInfo, Table
from naslib_zc_plugin.benchmarks.nasbench201 import INDEX, KEY, ROWS, space_keys
from naslib_zc_plugin.benchmarks.nasbench201.convert import class_text
from naslib_zc_plugin.registry import closest

_DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16": "ImageNet16-120"}
_DEVICES = {
    "edgegpu": "an edge GPU (Jetson TX2)", "raspi4": "a Raspberry Pi 4", "edgetpu": "an edge TPU",
    "pixel3": "a Pixel 3", "eyeriss": "Eyeriss (simulated)", "fpga": "an FPGA (estimated)",
}  # fmt: skip
_ENERGY = ("edgegpu", "eyeriss", "fpga")
_MISSING = -1.0


def _columns() -> dict[str, ColumnInfo]:
    found = {}
    for dataset, title in _DATASETS.items():
        for device, words in _DEVICES.items():
            text = f"milliseconds of the network for {title} on {words}; {_MISSING:g}: missing"
            found[f"{dataset}_{device}_latency"] = ColumnInfo(text, "", False, minimum=_MISSING)
        for device in _ENERGY:
            text = f"millijoules of the network for {title} on {_DEVICES[device]}"
            found[f"{dataset}_{device}_energy"] = ColumnInfo(text, "", False, minimum=_MISSING)
        text = f"operations per byte of the network for {title} on {_DEVICES['eyeriss']}"
        found[f"{dataset}_eyeriss_arithmetic_intensity"] = ColumnInfo(text, "", None)
    return found


TABLE = Table(
    name="nasbench201_hardware",
    file="nasbench201/hardware.parquet",
    rows=ROWS,
    key=KEY,
    columns=_columns(),
    others=(INDEX,),
    space_keys=space_keys,
)


def class_medians(device: str, dataset: str = "cifar10", data: str | Path | None = None) -> dict[str, float]:
    """Return the latency of architectures on a device, in milliseconds: the median of all that are the same network.

    The classes are the benchmark's own (``unique_str``). What is missing is left out.

    Args:
        device: ``edgegpu``, ``raspi4``, ``edgetpu``, ``pixel3``, ``eyeriss`` or ``fpga``.
        dataset: ``cifar10``, ``cifar100`` or ``imagenet16``: the networks of which data set.
        data: the data directory.

    Returns:
        Key → milliseconds.

    Raises:
        ValueError: no such device or data set, or no data directory.
        DataError: the table cannot be read.

    >>> class_medians("raspi4", data="shared/data")  # doctest: +SKIP
    """
    for what, given, known in (("device", device, _DEVICES), ("dataset", dataset, _DATASETS)):
        if given not in known:
            raise ValueError(f"{TABLE.name} has no {what} {given!r}; {closest(str(given), known)}")
    measured = TABLE.read(data).column(f"{dataset}_{device}_latency")
    of_class = defaultdict(list)
    classes = {key: class_text(key) for key in measured}
    for key, value in measured.items():
        if value != _MISSING:
            of_class[classes[key]].append(value)
    middle = {name: median(values) for name, values in of_class.items()}
    return {key: middle[name] for key, name in classes.items() if name in middle}
