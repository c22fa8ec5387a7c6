"""NAS-Bench-NLP (Klyuchnikov et al., IEEE Access 2022): language models of recurrent cells, trained on Penn Treebank.

Rows whose recipes build the same network (other names of nodes, another order of nodes without weights: 4,051 keys in
4,322 rows) are one key, whose numbers are means over all its trainings; :func:`._recurrent.rows` gives them row by row.
A training that diverged has no loss and enters no mean; ``ptb_diverged`` counts them.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np

from naslib_zc_plugin.benchmarks._benchmark import Benchmark, Measure
from naslib_zc_plugin.benchmarks._logs import trainings
from naslib_zc_plugin.benchmarks._recurrent import ALL, Row, Training, checked_rows, mean, rows
from naslib_zc_plugin.files import DataError, replacing

COLUMNS: Mapping[str, Measure] = {
    "ptb_test_loss": Measure("Penn Treebank, test loss after 50 epochs, nats a word", "", False, gaps=True),
    "ptb_test_ppl": Measure("Penn Treebank, test perplexity after 50 epochs", "", False, gaps=True),
    "ptb_val_loss": Measure("Penn Treebank, validation loss after 50 epochs, nats a word", "", False, gaps=True),
    "ptb_train_s": Measure("Penn Treebank, training, 50 epochs", "s", False, gaps=True),
    "ptb_runs": Measure("trainings on Penn Treebank that did not diverge", "", None),
    "ptb_diverged": Measure("trainings on Penn Treebank that diverged", "", None),
    "wt2_test_loss": Measure("WikiText-2, test loss after 50 epochs, nats a word", "", False, gaps=True),
    "wt2_val_loss": Measure("WikiText-2, validation loss after 50 epochs, nats a word", "", False, gaps=True),
    "params": Measure("parameters, with the vocabulary of Penn Treebank", "", None),
}


class NasBenchNlp:
    """The neutral table, ``nasbench_nlp/architectures.jsonl.gz``: one JSON object a recipe."""

    name = "nasbench_nlp"
    file = "nasbench_nlp/architectures.jsonl.gz"

    def read(self, folder: Path) -> Benchmark:
        """The table in the data directory ``folder``, checked.

        Raises:
            DataError: not there, damaged, or not the benchmark's rows.
        """
        path = folder / self.file
        found, of_key = rows(path), dict[str, list[Row]]()
        for row in found:
            of_key.setdefault(row.key, []).append(row)
        numbers = [_numbers(of_key[key]) for key in of_key]
        values = {name: np.array([number[name] for number in numbers]) for name in COLUMNS}
        kept = {name: column for name, column in values.items() if not np.isnan(column).all()}
        columns = {name: COLUMNS[name] for name in kept}
        return Benchmark(self.name, path, tuple(of_key), columns, len(found) != ALL, kept)


TABLE = NasBenchNlp()


def convert(source: Path, data: Path, partial: bool, progress: Callable[[int], None]) -> Path:
    """Convert the makers' logs (fmsnew/nas-bench-nlp-release) to the neutral table.

    ``source`` is one of their ``logs.zip``, or a folder in which such archives lie: those of single and of several runs
    on Penn Treebank, and those on WikiText-2. One JSON log is one training.

    Raises:
        DataError: the source is no such thing, or not the benchmark's logs; or it has not all cells, and no
            ``partial`` table is asked for.
    """
    of_recipe: dict[str, dict[str, Any]] = {}
    for recipe, words, run in trainings(source):
        row = of_recipe.setdefault(json.dumps(recipe), {"recipe": recipe, "ids": [], "ptb_runs": [], "wt2": []})
        row["ids"].append(run["id"])
        row["ptb_runs" if words == "ptb" else "wt2"].append(run)
        row["num_params"] = run.pop("num_params")
        progress(len(of_recipe))
    found = sorted(of_recipe.values(), key=lambda row: min(row["ids"]))
    if len(found) != ALL and not partial:
        raise DataError(source, f"all {ALL} cells, unless a partial table is asked for", f"{len(found)}")
    made: list[dict[str, Any]] = [{"arch": number, **row} for number, row in enumerate(found)]
    made[0] = {"rows": len(made), **made[0]}
    checked_rows(source, made)
    with replacing(data / TABLE.file) as draft:
        text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in made)
        draft.write_bytes(gzip.compress(text.encode(), mtime=0))
    return data / TABLE.file


def _numbers(of_key: Sequence[Row]) -> dict[str, float]:
    """The columns' numbers for the rows of one key."""
    ptb: list[Training] = [training for row in of_key for training in row.ptb]
    wikitext: list[Training] = [training for row in of_key for training in row.wikitext]
    ended = [training.test for training in ptb if training.test == training.test]
    return {
        "ptb_test_loss": mean(ended),
        "ptb_test_ppl": mean(map(math.exp, ended)),
        "ptb_val_loss": mean(training.validation for training in ptb),
        "ptb_train_s": mean(training.seconds for training in ptb),
        "ptb_runs": len(ended),
        "ptb_diverged": len(ptb) - len(ended),
        "wt2_test_loss": mean(training.test for training in wikitext),
        "wt2_val_loss": mean(training.validation for training in wikitext),
        "params": of_key[0].parameters,
    }
