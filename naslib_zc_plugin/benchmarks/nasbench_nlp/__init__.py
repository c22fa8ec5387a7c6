"""NAS-Bench-NLP (Klyuchnikov et al., IEEE Access 2022): language models of recurrent cells, trained on Penn Treebank.

Rows whose recipes build the same network (other names of nodes, another order of nodes without weights: 4,051 keys in
4,322 rows) are one key, whose numbers are means over all its trainings; ``TABLE.trainings`` returns them row by row. A
training that diverged has no loss and enters no mean; ``ptb_diverged`` counts them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks._table import ColumnInfo, NestedTable, Truth
from naslib_zc_plugin.files import DataError, real_number, whole_number
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
class LanguageTraining:
    """One training: losses after the last epoch, in nats per word, and seconds; NaN where it diverged or is unknown."""

    test: float
    validation: float = math.nan
    seconds: float = math.nan


@dataclass(frozen=True)
class TrainedCell:
    """A cell: its number in the table, its key, parameters, and its trainings on Penn Treebank and on WikiText-2."""

    number: int
    key: str
    parameters: int
    ptb: tuple[LanguageTraining, ...]
    wikitext: tuple[LanguageTraining, ...]


def parameters(key: str, words: int = 10_000) -> int:
    """Count the parameters of a cell's language model: embedding, decoder's bias, and three layers 400→600→600→400."""
    linear = [node.inputs for node in keys.parse(key).nodes if node.operation == "linear"]
    total = 400 * words + words
    for inputs, hidden in ((400, 600), (600, 600), (600, 400)):
        total += sum(hidden * (inputs if source == "x" else hidden) for node in linear for source in node)
        total += hidden * len(linear)
    return total


class NasBenchNlpTable(NestedTable):
    """A table of recipes and their trainings."""

    row_form = "a recipe and its trainings"

    def row(self, row: Any) -> TrainedCell:
        """Return a row of JSON as a cell."""
        key = SPACE.canonical(from_recipe(row["recipe"]))
        trainings = (tuple(map(_training, row[name])) for name in ("ptb_runs", "wt2"))
        return TrainedCell(whole_number(row["arch"]), key, whole_number(row["num_params"]), *trainings)

    def checked(self, path: Path, rows: Sequence[Any]) -> list[TrainedCell]:
        """Return rows of JSON as cells; raise :class:`DataError` unless they are the benchmark's.

        Their number is known (the first row of a partial table gives it), and parameters fit the cells.
        """
        first = rows[0] if rows and isinstance(rows[0], Mapping) else {}
        if len(rows) not in (LISTED, ALL) and (not rows or len(rows) != first.get("rows")):
            raise DataError(path, f"{LISTED} or {ALL} rows, or as many as the first says", f"{len(rows)}")
        checked: list[TrainedCell] = super().checked(path, rows)
        for number, cell in enumerate(checked):
            if (cell.number, cell.parameters) != (number, parameters(cell.key)):
                expected = f"cell {number} with {parameters(cell.key)} parameters"
                raise DataError(path, expected, f"cell {cell.number} with {cell.parameters}")
        if len(checked) in BEST:
            number, loss = BEST[len(checked)]
            means = [_mean(training.test for training in cell.ptb) for cell in checked]
            best, row = min(((mean, row) for row, mean in enumerate(means) if mean == mean), default=(math.nan, None))
            if row != number or not abs(best - loss) <= 1e-6:
                raise DataError(path, f"the lowest test loss to be {loss} in row {number}", f"{best} in row {row}")
        return checked

    def numbers(self, of_key: Sequence[TrainedCell]) -> dict[str, float]:
        """Return means over the trainings of one key, and their counts."""
        ptb = [training for row in of_key for training in row.ptb]
        wikitext = [training for row in of_key for training in row.wikitext]
        ended = [training.test for training in ptb if training.test == training.test]
        return {
            "ptb_test_loss": _mean(ended),
            "ptb_test_ppl": _mean(map(math.exp, ended)),
            "ptb_val_loss": _mean(training.validation for training in ptb),
            "ptb_train_s": _mean(training.seconds for training in ptb),
            "ptb_runs": len(ended),
            "ptb_diverged": len(ptb) - len(ended),
            "wt2_test_loss": _mean(training.test for training in wikitext),
            "wt2_val_loss": _mean(training.validation for training in wikitext),
            "params": of_key[0].parameters,
        }


def _training(run: Mapping[str, Any]) -> LanguageTraining:
    """Return a run of JSON as a training; raise ``ValueError`` for numbers out of range."""
    given = (run["test_loss"], run.get("val_loss"), run.get("wall_s"))
    values = [math.nan if value is None else real_number(value) for value in given]
    if any(value <= 0 or math.isinf(value) for value in values):
        raise ValueError(f"losses and seconds above 0, not {values}")
    if any(value > LARGEST_LOSS for value in values[:2]):
        raise ValueError(f"losses of at most {LARGEST_LOSS:g}, of which there is a perplexity, not {values[:2]}")
    return LanguageTraining(*values)


def _mean(values: Iterable[float]) -> float:
    """Return the mean of the values that are numbers; NaN without any."""
    numbers = [value for value in values if value == value]
    return sum(numbers) / len(numbers) if numbers else math.nan


TABLE = NasBenchNlpTable(
    name="nasbench_nlp",
    file="nasbench_nlp/architectures.jsonl.gz",
    rows=ALL,
    columns={
        "ptb_test_loss": ColumnInfo("Penn Treebank, test loss after 50 epochs, nats a word", "", False, gaps=True),
        "ptb_test_ppl": ColumnInfo("Penn Treebank, test perplexity after 50 epochs", "", False, gaps=True),
        "ptb_val_loss": ColumnInfo("Penn Treebank, validation loss after 50 epochs, nats a word", "", False, gaps=True),
        "ptb_train_s": ColumnInfo("Penn Treebank, training, 50 epochs", "s", False, gaps=True),
        "ptb_runs": ColumnInfo("trainings on Penn Treebank that did not diverge"),
        "ptb_diverged": ColumnInfo("trainings on Penn Treebank that diverged"),
        "wt2_test_loss": ColumnInfo("WikiText-2, test loss after 50 epochs, nats a word", "", False, gaps=True),
        "wt2_val_loss": ColumnInfo("WikiText-2, validation loss after 50 epochs, nats a word", "", False, gaps=True),
        "params": ColumnInfo("parameters, with the vocabulary of Penn Treebank"),
    },
    title="NAS-Bench-NLP",
    truths={"ptb": Truth("ptb_test_loss", "Penn Treebank")},
    converter=f"{__name__}.convert:rows",
)
