"""NAS-Bench-201 (Dong & Yang, ICLR 2020), the topology space of NATS-Bench (Dong et al., TPAMI 2021).

15,625 cells trained on CIFAR-10, CIFAR-100 and ImageNet16-120, for 12 and for 200 epochs. Rows are in the
benchmark's order, which is that of the space's ``index``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from naslib_zc_plugin.benchmarks._table import ColumnInfo, EmbeddedTable, Table, Truth
from naslib_zc_plugin.spaces.nasbench201 import SPACE

ROWS = SPACE.size
KEY, INDEX, CLASS = "arch_str", "index", "unique_str"
"""Columns of the architecture, of its place in the benchmark, and of its class of isomorphic cells."""

_TITLES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16": "ImageNet16-120"}
NASLIB = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet16_120": "ImageNet16-120"}
"""Data sets of campaigns → NASLib's names; its pickles have ``cifar10-valid``."""
NASLIB_PREFIXES = {"cifar10-valid": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16"}
"""Data sets of NASLib's pickles → how our columns begin."""
_LENGTHS = (12, 200)

NaslibColumns = Mapping[str, Mapping[str, tuple[str, float]]]
"""NASLib's data set → its measurement → our column, and the factor to multiply it with."""


def naslib_columns(accuracy: str = "test", epochs: int = 200) -> NaslibColumns:
    """Return the columns of our table that NASLib's pickles have too.

    ``eval_acc1es`` are called validation and test accuracy in NASLib. Those of its file of CIFAR-10 are test accuracies
    of networks trained on the first half, and ``train_time`` is seconds per epoch.

    Args:
        accuracy: ``"test"`` as in that file, or ``"val"``.
        epochs: of the training, 200 as in that file, or 12.

    Raises:
        ValueError: no such accuracy, or no such training.
    """
    if accuracy not in ("test", "val") or epochs not in _LENGTHS:
        known = " or ".join(map(str, _LENGTHS))
        raise ValueError(f"NAS-Bench-201 has 'test' and 'val' after {known} epochs, not {accuracy!r} after {epochs!r}")
    found = {
        dataset: {
            "eval_acc1es": (f"{prefix}_{accuracy}_{epochs}", 1.0),
            "params": (f"{prefix}_params_M", 1.0),
            "train_time": (f"{prefix}_traintime_200_s", 1 / 200),
        }
        for dataset, prefix in NASLIB_PREFIXES.items()
    }
    halved = "_half_train" if accuracy == "test" else ""
    found["cifar10-valid"]["eval_acc1es"] = (f"cifar10_{accuracy}_{epochs}{halved}", 1.0)
    found["cifar10-valid"]["flops"] = ("cifar10_flops_M", 1.0)
    return found


def naslib_accuracy(dataset: str) -> str | None:
    """Return our column of NASLib's validation accuracy for a campaign's data set; None for any other data set."""
    if dataset not in NASLIB:
        return None
    return naslib_columns()["cifar10-valid" if dataset == "cifar10" else NASLIB[dataset]]["eval_acc1es"][0]


def _columns() -> dict[str, ColumnInfo]:
    found = {"n_seeds_200": ColumnInfo("runs of 200 epochs (CIFAR-10, trained on the first half)", "", None)}
    for dataset, title in _TITLES.items():
        half, whole = (", trained on the first half", ", trained on both halves") if dataset == "cifar10" else ("", "")
        for epochs in (200, 12):
            runs = f"{epochs} epochs, mean over the runs"
            # Trainings on both halves of CIFAR-10 were not timed.
            time = (f"{dataset}_traintime_200_s", epochs / 200)
            val, test = f"validation accuracy on {title}{half}: {runs}", f"test accuracy on {title}{whole}: {runs}"
            found[f"{dataset}_val_{epochs}"] = ColumnInfo(val, "%", True, cost=time)
            found[f"{dataset}_test_{epochs}"] = ColumnInfo(test, "%", True, cost=None if whole else time)
        training = f"training of 200 epochs, {title}{half}, without validation"
        found[f"{dataset}_traintime_200_s"] = ColumnInfo(training, "s", False, gaps=True)
        found[f"{dataset}_params_M"] = ColumnInfo(f"weights of the network for {title}", "M", None)
    found["cifar10_flops_M"] = ColumnInfo("operations for an image, as the table's source counts them", "M", None)
    found["cifar10_test_200_half_train"] = ColumnInfo(
        "test accuracy on CIFAR-10, trained on the first half (the 'CIFAR-10 test' of zero-cost-nas, Lightweight NAS "
        "and GradAlign's selected networks): 200 epochs, mean over those runs that the table's source has",
        "%",
        True,
        cost=("cifar10_traintime_200_s", 1.0),
    )
    for run, seed in enumerate(("first", "second", "third")):
        for part, title in (("val", "validation"), ("test", "test")):
            text = f"{title} accuracy as in cifar10_{part}_200, but of the {seed} run"
            found[f"cifar10_{part}_200_run{run}"] = ColumnInfo(text, "%", True, gaps=run > 0)
    return found


def space_keys(keys: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> Sequence[str]:
    """Return the keys; raise ``ValueError`` unless they and the index are in the official order."""
    places = [SPACE.index(key) for key in keys]
    wrong = next((row for row in range(1, len(places)) if places[row] <= places[row - 1]), None)
    if wrong is not None:
        raise ValueError(f"{keys[wrong]!r} in row {wrong}, out of the official order")
    if INDEX not in columns or list(columns[INDEX]) != places:
        raise ValueError(f"no column {INDEX!r} with the official order")
    return keys


def _class_of(key: str) -> str:
    from naslib_zc_plugin.benchmarks.nasbench201.convert import class_text

    return class_text(key)


def _architectures() -> Mapping[str, Sequence[Any]]:
    return {KEY: [SPACE.key(row) for row in range(ROWS)], INDEX: list(range(ROWS))}


DEVICES = {
    "edgegpu": "an edge GPU (Jetson TX2)",
    "raspi4": "a Raspberry Pi 4",
    "edgetpu": "an edge TPU (Dev Board)",
    "pixel3": "a Pixel 3 phone",
    "eyeriss": "the accelerator Eyeriss, as simulated",
    "fpga": "an FPGA (ZC706)",
}
"""Devices of HW-NAS-Bench (Li et al., ICLR 2021) in the names of columns, such as ``cifar10_raspi4_latency_ms``."""
LATENCIES = {
    f"{dataset}_{device}_latency_ms": ColumnInfo(
        f"latency of an image of {title} on {what}: the median of the class of identical networks", "ms", False, True
    )
    for dataset, title in _TITLES.items()
    for device, what in DEVICES.items()
}
TABLE = Table(
    name="nasbench201",
    file="nasbench201/accuracies.parquet",
    rows=ROWS,
    key=KEY,
    columns=_columns(),
    others=(INDEX, CLASS),
    space_keys=space_keys,
    best={
        "cifar10_test_200": (6111, 94.373),
        "cifar100_test_200": (9930, 73.513),
        "imagenet16_test_200": (857, 47.311),
    },
    embedded=EmbeddedTable(
        "nasbench201.npz",
        _architectures,
        LATENCIES,
        {
            "cifar10_test_200": (6111, 94.37),
            "cifar100_test_200": (9930, 73.51),
            "imagenet16_test_200": (857, 47.31),
        },
    ),
    class_of=_class_of,
    title="NAS-Bench-201",
    truths={of: Truth(f"{name}_test_200", _TITLES[name]) for of, name in zip(NASLIB, _TITLES)},
    converter=f"{__name__}.convert:columns",
)
