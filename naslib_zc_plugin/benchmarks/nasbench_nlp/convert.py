"""The makers' logs of NAS-Bench-NLP (fmsnew/nas-bench-nlp-release) as rows of the neutral table.

The source is one of their ``logs.zip``, or a folder in which such archives lie: those of single and of several runs
on Penn Treebank, and those on WikiText-2. One JSON log is one training.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks._table import NestedTable, Progress
from naslib_zc_plugin.benchmarks.nasbench_nlp import ALL, WORDS, parameters
from naslib_zc_plugin.files import DataError, existing, inside, real_number, shown, whole_number
from naslib_zc_plugin.files.archives import open_zip, read_member
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.files.texts import parsed
from naslib_zc_plugin.spaces.nasbench_nlp import from_recipe

_EXPECTED = "logs.zip of NAS-Bench-NLP (JSON logs of trainings), or a folder with such archives"
_LARGEST = 1 << 22
"""Bytes of a log; the longest of the makers' has some thousands."""
_LIMITS = Limits(members=100_000, rows=1_000_000)
_DEEPEST = 8  # folders, of an archive below the source's


def rows(table: NestedTable, source: Path, partial: bool, progress: Progress) -> list[dict[str, Any]]:
    """Return a row for each recipe, with its trainings.

    Raises:
        DataError: the source is no such file or folder, damaged, or holds other logs; or some cells are missing, and
            ``partial`` is False.
    """
    of_recipe: dict[str, dict[str, Any]] = {}
    for recipe, words, run in _trainings(source):
        row = of_recipe.setdefault(json.dumps(recipe), {"recipe": recipe, "ids": [], "ptb_runs": [], "wt2": []})
        row["ids"].append(run["id"])
        row["ptb_runs" if words == "ptb" else "wt2"].append(run)
        row["num_params"] = run.pop("num_params")
        progress(len(of_recipe))
    found = sorted(of_recipe.values(), key=lambda row: min(row["ids"]))
    if len(found) != ALL and not partial:
        raise DataError(source, f"all {ALL} cells, unless a partial table is asked for", f"{len(found)}")
    numbered: list[dict[str, Any]] = [{"arch": number, **row} for number, row in enumerate(found)]
    numbered[0] = {"rows": len(numbered), **numbered[0]}
    return numbered


def _trainings(source: Path) -> Iterator[tuple[Mapping[str, Any], str, dict[str, Any]]]:
    """Yield recipe, text ("ptb" or "wikitext-2") and results of each training, by archive and member."""
    archives = sorted(_archives(source)) if source.is_dir() else [existing(source, _EXPECTED)]
    if not archives:
        raise DataError(source, _EXPECTED, "no .zip file")
    seen: dict[str, Path] = {}
    for path in archives:
        meter = Meter(existing(path, _EXPECTED), _LIMITS)
        with open_zip(path, _EXPECTED, meter) as archive:
            members = [name for name in archive.namelist() if inside(path, name).suffix == ".json"]
            if not members:
                raise DataError(path, _EXPECTED, "no .json member")
            for member in members:
                name = inside(path, member).name
                if name in seen:
                    raise DataError(path, "each training once", f"{member}, which is in {seen[name]}, too")
                seen[name] = path
                if archive.getinfo(member).file_size > _LARGEST:
                    raise DataError(path, f"logs of at most {_LARGEST} bytes", f"a larger one, {member}")
                of_member = meter.part(path / member)
                text = read_member(path, archive, member, of_member)
                meter.take("rows")
                try:
                    found = _training(name, parsed(text.decode(), of_member))
                except DataError:
                    raise
                except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
                    raise DataError(path, f"a log in {member}", f"{type(error).__name__}: {error}") from error
                meter.take("memory", len(text) // 4)
                yield found


def _archives(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield the archives in a folder and in those below it; links to folders are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and depth < _DEEPEST:
                yield from _archives(Path(entry.path), depth + 1)
            elif entry.name.endswith(".zip") and not entry.is_dir():
                yield Path(entry.path)


def _training(name: str, log: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, dict[str, Any]]:
    """Return recipe, text and results of a log, after checking its number of parameters."""
    recipe = json.loads(log["recepie"])
    text, key = Path(log["data"]).name, from_recipe(recipe)
    if text not in WORDS:
        raise ValueError(f"trained on {shown(text)}, not on {' or '.join(WORDS)}")
    if log["num_params"] != parameters(key, WORDS[text]):
        raise ValueError(f"{parameters(key, WORDS[text])} parameters, not {shown(log['num_params'])}")
    ended = log["status"] == "OK"
    run = {
        "id": whole_number(log["recepie_id"]),
        "log": name,
        "num_params": parameters(key),
        "test_loss": _last(log["test_losses"], ended),
        "val_loss": _last(log["val_losses"], ended),
        "wall_s": math.fsum(map(real_number, log["wall_times"])) if ended else None,
        "epochs": len(log["test_losses"]),
        "status": log["status"],
    }
    return recipe, text, run


def _last(losses: list[float], ended: bool) -> float | None:
    last = real_number(losses[-1]) if ended and losses else math.nan
    return last if math.isfinite(last) else None
