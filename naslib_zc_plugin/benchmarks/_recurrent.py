"""The rows of NAS-Bench-NLP, checked: recurrent cells and what training gave for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks._json import packed_lines, real_number, whole_number
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces.nasbench_nlp import SPACE, from_recipe, keys

LISTED = 4_322
"""Cells of the list that was trained three times each (on Penn Treebank, as far as it got)."""
ALL = 14_322
"""Those and the cells that were trained once."""
BEST = {LISTED: (3122, 4.435682575)}
"""By number of rows, the row of the lowest mean test loss, and that loss."""
LARGEST_LOSS = 700.0
WORDS = {"ptb": 10_000, "wikitext-2": 33_278}


@dataclass(frozen=True)
class Training:
    """One training: losses after the last epoch, in nats per word, NaN where it diverged or is not told; seconds."""

    test: float
    validation: float = math.nan
    seconds: float = math.nan


@dataclass(frozen=True)
class Row:
    """A cell: its number in the table, its key, parameters, and its trainings on Penn Treebank and on WikiText-2."""

    number: int
    key: str
    parameters: int
    ptb: tuple[Training, ...]
    wikitext: tuple[Training, ...]


def parameters(key: str, words: int = 10_000) -> int:
    """Parameters of the language model of a cell: embedding, decoder's bias, and three layers 400 → 600 → 600 → 400."""
    linear = [node.inputs for node in keys.parse(key).nodes if node.operation == "linear"]
    total = 400 * words + words
    for inputs, hidden in ((400, 600), (600, 600), (600, 400)):
        total += sum(hidden * (inputs if source == "x" else hidden) for node in linear for source in node)
        total += hidden * len(linear)
    return total


def rows(path: Path) -> list[Row]:
    """All cells of the neutral table.

    Raises:
        DataError: no such file, damaged, or not the benchmark's rows.
    """
    return checked_rows(path, packed_lines(path, "the table of NAS-Bench-NLP: one JSON object a line, packed by gzip"))


def checked_rows(path: Path, found: Sequence[Any]) -> list[Row]:
    """The rows, of known number (the first of a partial table says it), in order, with parameters that fit the cells.

    Raises:
        DataError: something else.
    """
    first = found[0] if found and isinstance(found[0], Mapping) else {}
    if len(found) not in (LISTED, ALL) and (not found or len(found) != first.get("rows")):
        raise DataError(path, f"{LISTED} or {ALL} rows, or as many as the first says", f"{len(found)}")
    checked = []
    for number, row in enumerate(found):
        try:
            made = _row(row)
        except (LookupError, TypeError, ValueError) as error:
            expected = f"row {number} with a recipe and its trainings"
            raise DataError(path, expected, f"{type(error).__name__}: {error}") from error
        if (made.number, made.parameters) != (number, parameters(made.key)):
            expected = f"cell {number} with {parameters(made.key)} parameters"
            raise DataError(path, expected, f"cell {made.number} with {made.parameters}")
        checked.append(made)
    if len(checked) in BEST:
        number, loss = BEST[len(checked)]
        trained = {row.number: mean(training.test for training in row.ptb) for row in checked}
        best = min(((value, row) for row, value in trained.items() if value == value), default=(math.nan, None))
        if best[1] != number or not abs(best[0] - loss) <= 1e-6:
            raise DataError(path, f"the lowest test loss to be {loss} in row {number}", f"{best[0]} in row {best[1]}")
    return checked


def _row(row: Mapping[str, Any]) -> Row:
    key = SPACE.canonical(from_recipe(row["recipe"]))
    trainings = (tuple(map(_training, row[name])) for name in ("ptb_runs", "wt2"))
    return Row(whole_number(row["arch"]), key, whole_number(row["num_params"]), *trainings)


def _training(run: Mapping[str, Any]) -> Training:
    given = (run["test_loss"], run.get("val_loss"), run.get("wall_s"))
    values = [math.nan if value is None else real_number(value) for value in given]
    if any(value <= 0 or math.isinf(value) for value in values):
        raise ValueError(f"losses and seconds above 0, not {values}")
    if any(value > LARGEST_LOSS for value in values[:2]):
        raise ValueError(f"losses of at most {LARGEST_LOSS:g}, of which there is a perplexity, not {values[:2]}")
    return Training(*values)


def mean(values: Any) -> float:
    """The mean of the values that are numbers; NaN without any."""
    numbers = [value for value in values if value == value]
    return sum(numbers) / len(numbers) if numbers else math.nan
