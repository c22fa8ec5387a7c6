"""NDS' official files as columns of the neutral table: hundreds of megabytes, of which one job is in memory at a time.

A file is a list of objects, or an object of such lists (``top`` and ``mid``, in NDS' files of ImageNet). NaN and
Infinity stand in it as Python writes them, which is why no stricter parser of streams is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.benchmarks._table import Progress
from naslib_zc_plugin.benchmarks.nds import COLUMNS, KEY, NdsTable
from naslib_zc_plugin.files import DataError, existing, readable, real_number, shown
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.files.texts import JsonText

if TYPE_CHECKING:
    from naslib_zc_plugin.spaces.nds import CellSpace

OFFICIAL = ("DARTS", "DARTS_fix-w-d", "DARTS_lr-wd", "ENAS", "ENAS_fix-w-d", "PNAS", "PNAS_fix-w-d", "NASNet", "Amoeba")
"""NDS' files of cells on CIFAR-10."""
_LIMITS = Limits(rows=1_000_000)


def columns(table: NdsTable, source: Path, partial: bool, progress: Progress) -> dict[str, list[Any]]:
    """Return the columns of a design space's table, from its official file.

    Raises:
        DataError: another file, a damaged one, or networks that are not of this space.
    """
    official = table.official
    others = {f"{name}{suffix}" for name in OFFICIAL for suffix in ("", "_in")} - {official}
    if source.stem in others:
        raise DataError(source, f"{official}.json, for {table.name}", source.name)
    rows = []
    for number, job in enumerate(jobs(source, f"NDS' {official}.json, a list of trained networks")):
        try:
            rows.append(_row(table.space, job))
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            raise DataError(source, f"network {number} as in {official}.json", what) from error
        progress(number)
    return {name: [row[name] for row in rows] for name in (KEY, *COLUMNS)}


def _row(cells: CellSpace, job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a trained network."""
    net = job["net"]
    width, depth, auxiliary = net["width"], net["depth"], net["aux"]
    if type(width) is not int or type(depth) is not int or auxiliary not in (False, True):
        raise TypeError(f"width {shown(width)}, depth {shown(depth)} and aux {shown(auxiliary)}")
    test, train = ([real_number(error) for error in job[name]] for name in ("test_ep_top1", "train_ep_top1"))
    if not test or len(test) != len(train):
        raise ValueError(f"test errors of {len(test)} epochs, training errors of {len(train)}")
    return {
        KEY: cells.canonical(cells.from_genotype(net["genotype"], width, depth)),
        "test_accuracy": 100 - test[-1],
        "best_test_accuracy": 100 - min((error for error in test if error == error), default=test[-1]),
        "train_accuracy": 100 - train[-1],
        "epochs": len(test),
        "params": real_number(job["params"]),
        "flops": real_number(job["flops"]),
        "auxiliary": auxiliary,
    }


def jobs(source: Path, expected: str) -> Iterator[dict[str, Any]]:
    """Yield the objects in the file's list, or in its lists.

    Args:
        source: the file.
        expected: its form, for messages.

    Raises:
        DataError: the file is damaged, or of another form.
    """
    existing(source, expected)
    with readable(source, expected), source.open(encoding="utf-8") as file:
        text, found, meter = JsonText(file, Meter(source, _LIMITS)), 0, Meter(source, _LIMITS)
        try:
            for job in _jobs(text):
                meter.take("rows")
                yield job
                found += 1
            if text.peek():
                raise ValueError("more after its end")
        except DataError:
            raise
        except ValueError as error:
            fault = error.msg if isinstance(error, json.JSONDecodeError) else error
            raise DataError(source, expected, f"{fault}, after {found} objects") from error


def _jobs(text: JsonText) -> Iterator[dict[str, Any]]:
    if text.take("[{") == "[":
        yield from _listed(text)
        return
    separator = ","
    while separator == ",":
        text.value('"')
        text.take(":")
        text.take("[")
        yield from _listed(text)
        separator = text.take(",}")


def _listed(text: JsonText) -> Iterator[dict[str, Any]]:
    separator = ","
    while separator == ",":
        yield text.value("{")
        separator = text.take(",]")
