"""NAS-Bench-201 as NASLib's pickles have it: a training of 200 epochs per data set, at its 12th epoch and at its end.

The pickles ``nb201_<dataset>_full_training.pickle`` hold one run of each of the 15,625 cells, with a number for each
epoch, of which the table keeps two. There is one pickle per data set; a folder with several gives one table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Optional

from naslib_zc_plugin.benchmarks._table import ColumnInfo, Progress, Table
from naslib_zc_plugin.benchmarks.nasbench201 import INDEX, KEY, NASLIB_PREFIXES, ROWS, NaslibColumns, space_keys
from naslib_zc_plugin.files import DataError, existing, real_number, shown, unpickle
from naslib_zc_plugin.spaces.nasbench201 import SPACE, keys

LENGTH = 200
_EPOCHS = (12, LENGTH)
_EXPECTED = "NASLib's nb201_<dataset>_full_training.pickle, or a folder with some of them"
_PATTERN = "nb201_*.pickle"
Facts = tuple[str, str, str, Optional[bool]]
# NASLib's names → ours, the description, the unit, and whether higher is better.
_CURVES: dict[str, Facts] = {
    "eval_acc1es": ("eval", "accuracy on what NASLib calls validation and test images", "%", True),
    "train_acc1es": ("train", "accuracy on the training images", "%", True),
    "eval_losses": ("eval_loss", "loss on what NASLib calls validation and test images", "", False),
    "train_losses": ("train_loss", "loss on the training images", "", False),
}
_COSTS: dict[str, Facts] = {
    "train_time": ("epoch_s", "training of one epoch", "s", False),
    "latency": ("latency_s", "time of a batch", "s", False),
    "params": ("params_M", "weights of the network", "M", None),
    "flops": ("flops_M", "operations for an image", "M", None),
}


def _columns() -> dict[str, ColumnInfo]:
    found = {}
    for dataset, prefix in NASLIB_PREFIXES.items():
        for name, text, unit, higher in _CURVES.values():
            for epochs in _EPOCHS:
                described = f"{text}, {dataset}, after {epochs} of {LENGTH} epochs, one run"
                found[f"{prefix}_{name}_{epochs}"] = ColumnInfo(described, unit, higher, gaps=True)
        for name, text, unit, higher in _COSTS.values():
            found[f"{prefix}_{name}"] = ColumnInfo(f"{text}, {dataset}", unit, higher, gaps=True)
    return found


TABLE = Table(
    name="nasbench201_naslib",
    file="nasbench201/naslib.parquet",
    rows=ROWS,
    key=KEY,
    columns=_columns(),
    others=(INDEX,),
    space_keys=space_keys,
    converter=f"{__name__}:columns",
)


def pickle_columns() -> NaslibColumns:
    """Return the columns of the table that NASLib's pickles have at the end of the training."""
    curves = {name: f"{ours[0]}_{LENGTH}" for name, ours in _CURVES.items()}
    parts = {**curves, **{name: ours[0] for name, ours in _COSTS.items()}}
    return {
        dataset: {name: (f"{prefix}_{part}", 1.0) for name, part in parts.items()}
        for dataset, prefix in NASLIB_PREFIXES.items()
    }


def columns(table: Table, source: Path, partial: bool, progress: Progress) -> dict[str, list[Any]]:
    """Return the columns in NASLib's pickles, which are read whole, without running anything in them.

    Raises:
        DataError: no such pickle, one that is damaged or asks to run code, or that holds something else.
    """
    rows: dict[str, dict[str, float]] = {}
    paths = sorted(source.glob(_PATTERN)) if source.is_dir() else [existing(source, _EXPECTED)]
    if not paths:
        raise DataError(source, _EXPECTED, f"no {_PATTERN}")
    for path in paths:
        content = unpickle.read_pickle(path)
        if not isinstance(content, dict) or not content:
            raise DataError(path, "a dict by architecture string", type(content).__name__)
        for number, (key, results) in enumerate(content.items()):
            for name, value in _row(path, key, results):
                if name in rows.setdefault(key, {}):
                    raise DataError(path, "each data set in one pickle", f"{name} of {key} a second time")
                rows[key][name] = value
            progress(number)
    ordered = sorted(rows, key=SPACE.index)
    found: dict[str, list[Any]] = {KEY: ordered, INDEX: [SPACE.index(key) for key in ordered]}
    for name in table.columns:
        if any(name in row for row in rows.values()):
            found[name] = [rows[key].get(name) for key in ordered]
    return found


def _row(path: Path, key: Any, results: Any) -> Iterator[tuple[str, float]]:
    """Yield the numbers of an architecture, by column."""
    try:
        keys.parse(key)
        there = {dataset: results[dataset] for dataset in NASLIB_PREFIXES if dataset in results}
        if not there:
            raise ValueError(f"none of {', '.join(NASLIB_PREFIXES)}")
        for dataset, found in there.items():
            yield from _numbers(found, NASLIB_PREFIXES[dataset])
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise DataError(path, f"results of NASLib's form for {shown(key)}", what) from error


def _numbers(found: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for name, (ours, *_) in _CURVES.items():
        curve = found[name]
        if len(curve) != LENGTH:
            raise ValueError(f"{name} of {len(curve)} epochs, not {LENGTH}")
        yield from ((f"{prefix}_{ours}_{epochs}", real_number(curve[epochs - 1])) for epochs in _EPOCHS)
    for name, (ours, *_) in _COSTS.items():
        yield f"{prefix}_{ours}", real_number(found["cost_info"][name])
