"""timm's own results (CSV files in its repository's ``results``) as the table of models.

The source is ``results-imagenet.csv``, or a folder with it; beside it may lie ``benchmark-infer-*.csv`` files, of which
the first by name that has a model gives its multiply-adds and activations, and the results on other test sets.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks._table import Progress, Table
from naslib_zc_plugin.files import DataError, existing, readable, shown
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.files.texts import lines_of

RESULTS = "results-imagenet.csv"
OTHERS = {
    "top1_imagenetv2": "results-imagenetv2-matched-frequency.csv",
    "top1_imagenet_r": "results-imagenet-r.csv",
    "top1_imagenet_real": "results-imagenet-real.csv",
}
_LIMITS = Limits(rows=100_000)


def columns(table: Table, source: Path, partial: bool, progress: Progress) -> dict[str, list[Any]]:
    """Return the columns of the table of models.

    Raises:
        DataError: there is no such file, or it is damaged or another.
    """
    path = source / RESULTS if source.is_dir() else source
    folder = path.parent
    sizes: dict[str, Mapping[str, str]] = {}
    for file in sorted(folder.glob("benchmark-infer-*.csv")):
        for row in _rows(file, ("model", "infer_img_size", "infer_gmacs", "infer_macts")):
            sizes.setdefault(row["model"], row)
    found = {name: folder / file for name, file in OTHERS.items() if (folder / file).exists()}
    needed = ("model", "img_size", "top1")
    others = {
        name: {(row["model"], row["img_size"]): row["top1"] for row in _rows(file, needed)}
        for name, file in found.items()
    }
    made = []
    for number, row in enumerate(_rows(path, ("model", "img_size", "top1", "top5", "param_count"))):
        model = row["model"]
        if "." not in model:
            continue  # older releases have models without tag, of which nobody knows the training
        cost = sizes.get(model) or sizes.get(model.partition(".")[0]) or {}
        texts = {
            "img_size": row["img_size"],
            "top1": row["top1"],
            "top5": row["top5"],
            **{name: known.get((model, row["img_size"]), "") for name, known in others.items()},
            "params_M": row["param_count"],
            "gmacs": cost.get("infer_gmacs", ""),
            "macts": cost.get("infer_macts", ""),
            "benchmark_img_size": cost.get("infer_img_size", ""),
        }
        made.append({"model": model, **{name: _number(path, name, text) for name, text in texts.items()}})
        progress(number)
    if not made:
        raise DataError(path, f"{RESULTS} with models such as resnet50.a1_in1k", "none")
    return {name: [row[name] for row in made] for name in made[0]}


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Yield the rows of a CSV file as mappings from names to texts; the needed columns must exist."""
    expected = f"timm's results in CSV, with {', '.join(needed)}"
    existing(path, expected)
    meter = Meter(path, _LIMITS)
    with readable(path, expected):
        rows = csv.reader(_ended(path, lines_of(path, expected, meter, newline="")), strict=True)
        names = next(rows, [])
        if not set(needed) <= set(names) or len(set(names)) < len(names):
            raise DataError(path, expected, f"columns {', '.join(names) or 'none'}")
        for number, row in enumerate(rows):
            if len(row) != len(names):
                raise DataError(path, f"{len(names)} entries in each row", f"{len(row)} in row {number}")
            meter.take("rows")
            yield dict(zip(names, row))


def _ended(path: Path, lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines; raise :class:`DataError` where the last has no end, as in a file that was cut short."""
    for line in lines:
        if not line.endswith("\n"):
            raise DataError(path, "lines that end", f"a last one that does not, {shown(line[-40:])}")
        yield line


def _number(path: Path, name: str, text: str) -> float | None:
    """Return the number of a text, whose thousands may be separated; None of an empty one."""
    try:
        return float(text.replace(",", "")) if text else None
    except ValueError as error:
        raise DataError(path, f"{name} as a number", text) from error
