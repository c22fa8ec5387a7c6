"""What the best so far is worth after so many evaluations or seconds, and the panels of a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.configuration import check
from naslib_zc_plugin.report.figures import curves
from naslib_zc_plugin.search import LoadedSearch
from naslib_zc_plugin.search.config import CurveConfig, SearchConfig
from naslib_zc_plugin.search.journal import Entry
from naslib_zc_plugin.search.loop import Evaluation
from naslib_zc_plugin.search.results import (
    Result,
    checkpoint_table,
    checkpoints,
    collect_results,
    curve_lines,
    method_notes,
    results_csv,
    results_table,
)
from naslib_zc_plugin.text_table import table_text

PROXY = {"name": "proxy", "proxy": "naswot"}
KEY = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


class Evaluator:
    """Says nothing."""

    unit, costly = "", False

    def __call__(self, key: str) -> Evaluation:
        raise NotImplementedError

    def provenance(self) -> dict[str, object]:
        return {}

    def notes(self) -> list[str]:
        return []


def search(label: str = "one", **options: object) -> SearchConfig:
    given = {"report": {"test": "t"}, "repeats": 2, **options}
    plain = {"space": "nasbench201", "strategy": {"name": "random_search"}, "budget": {"evaluations": 4}}
    return check(SearchConfig, {**plain, "label": label, "evaluator": PROXY, **given}, label)


def found(of: SearchConfig, *runs: Sequence[tuple[float | None, float]]) -> Result:
    """A result whose steps have these fitnesses and test accuracies, and take ten seconds each."""
    histories = {
        number: [
            Entry(KEY, fitness, 10.0, 10.0 * (step + 1), 0, metrics={"t": test})
            for step, (fitness, test) in enumerate(run)
        ]
        for number, run in enumerate(runs)
    }
    (result,) = collect_results([of], {of.label: histories}, None)
    return result


RUNS = found(
    search(published={"test": [6.0], "seconds": 80}),
    [(None, 9.0), (1.0, 5.0), (3.0, 4.0), (2.0, 8.0)],
    [(1.0, 1.0), (2.0, 2.0), (2.0, 7.0), (4.0, 6.0)],
)


def test_by_fitness() -> None:
    ((label, table, counts),) = checkpoints([RUNS], CurveConfig(of="test", at=[1, 3, 4, 5]))
    assert label == "one"
    assert counts.tolist() == [1, 2, 2, 0], "a run without a best has none, and none has five evaluations"
    assert table[0].tolist() == [1.0, 1.0, 1.0]
    assert table[1].tolist() == [3.0, 2.0, 4.0], "the network of fitness 3 has 4.0, the first of fitness 2 has 2.0"
    assert table[2].tolist() == [5.0, 4.0, 6.0]


def test_highest_and_median() -> None:
    ((_, table, _),) = checkpoints([RUNS], CurveConfig(of="test", best="highest", centre="median", at=[2]))
    assert table[0].tolist() == [5.5, 3.75, 7.25]


def test_seconds() -> None:
    ((_, table, counts),) = checkpoints([RUNS], CurveConfig(of="test", over="seconds", at=[9, 10, 25.5, 40, 41]))
    assert counts.tolist() == [0, 1, 2, 2, 0]
    assert table[2, 0] == 3.5


def test_words() -> None:
    text = table_text(checkpoint_table([RUNS], CurveConfig(of="test", at=[1, 3, 5])))
    assert "1.00 ± 0.00 (1 of 2 runs)  3.00 ± 1.00  –" in text
    assert "5.50 [3.75, 7.25]" in table_text(
        checkpoint_table([RUNS], CurveConfig(of="test", best="highest", centre="median", at=[2]))
    )


def test_best_after_and_published_seconds() -> None:
    assert [repeat.best_after for repeat in RUNS.repeats] == [3, 4]
    head, line, *_ = table_text(
        results_table([RUNS], [LoadedSearch(RUNS.config, Evaluator(), None)], "again")
    ).splitlines()[1:]
    assert head.split()[-5:] == ["best", "after", "seconds", "published", "ratio"]
    assert line.split()[-4:] == ["4", "40.0", "80.0", "0.5"]
    assert results_csv([RUNS]).splitlines()[1].startswith("one,0,4,1,40.0,3,3.0,|none~0|")


@pytest.mark.parametrize(
    ("changes", "word"),
    [({}, "2 "), ({"repeats": 3}, "2 of 3, stopped "), ({"budget": {"evaluations": 5}}, "2, budget not used up ")],
)
def test_runs_that_ended_early_are_named(changes: dict[str, Any], word: str) -> None:
    shown = Result(search(published=RUNS.config.published, **changes), RUNS.repeats)
    line = table_text(results_table([shown], [LoadedSearch(shown.config, Evaluator(), None)], "again")).splitlines()[2]
    assert line.split("one", 1)[1].lstrip().startswith(word)


def test_nothing_found() -> None:
    empty = found(search(), [(None, 1.0)])
    assert empty.repeats[0].best_after == 0
    assert results_csv([empty]).splitlines()[1] == "one,0,1,1,10.0,,,,"


def test_panels(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    pytest.importorskip("matplotlib.image")
    others = [found(search(label), [(1.0, 5.0), (2.0, 6.0)]) for label in ("two", "three")]
    shown = curve_lines([RUNS, *others], CurveConfig(panels={"left": ["two"], "right": ["one", "t*o"]}))
    assert [(line.panel, line.label) for line in shown] == [("left", "two"), ("right", "one"), ("right", "two")]
    assert np.array_equal(shown[1].places, [1, 2, 3, 4])
    for number, lined in enumerate((shown, shown[:1])):
        image = matplotlib.image.imread(curves(tmp_path / f"{number}.png", lined, "evaluations", "fitness", dpi=10))
        assert image.shape[:2] == ((42, 108) if number == 0 else (42, 64)), "two panels are wider than one"


def test_a_strategy_in_another() -> None:
    inner = {"name": "move", "preset": "epsilon"}
    outer = {"name": "warm_up", "preset": "epsilon", "proxy": "epsilon", "evaluate": 64, "around": inner}
    made = search(strategy=outer)
    told = "strategy warm_up, settings of epsilon (proxy epsilon, evaluate 64, around move, settings of epsilon)"
    assert f"{told}." in (line.lower() for line in method_notes([LoadedSearch(made, Evaluator(), None)]))


def test_what_is_true_of_some_is_told_once() -> None:
    asked = [LoadedSearch(search(label, repeats=runs), Evaluator(), None) for label, runs in zip("abc", (2, 2, 3))]
    assert "a, b: nasbench201, 2 runs, seed 0." in method_notes(asked)
    assert "Strategy random_search." in method_notes(asked)
