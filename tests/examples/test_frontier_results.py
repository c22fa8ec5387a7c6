"""The frontier's page: populations, sums of logarithms of ranks, halves, and what a gap is worth."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, rankdata

from naslib_zc_plugin.ranked import measured_pairs
from naslib_zc_plugin.spaces.nasbench201.keys import EDGES, OPERATIONS, format
from tests.examples import EXAMPLES, example, pages

pytest.importorskip("pyarrow")
frontier = example("frontier_results")
RESULTS = EXAMPLES.parent / "docs" / "results"


def population(seed: int, size: int = 80) -> object:
    """Networks whose accuracy one proxy tells well, one badly, and one where it is defined; every third one twice."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=size)
    scores = {
        "good": truth + 0.5 * rng.normal(size=size),
        "bad": -truth + 0.5 * rng.normal(size=size),
        "gaps": np.where(rng.random(size) < 0.3, -np.inf, truth + rng.normal(size=size)),
    }
    return frontier.Population(scores, truth, [str(number // 3) for number in range(size)])


def test_the_page_holds_what_the_committed_scores_give(shared: Path) -> None:
    pages.check("frontier", shared / "data")


def test_what_gaps_are_worth_is_what_the_committed_scores_give(shared: Path) -> None:
    assert json.loads(json.dumps(frontier.pairs(shared / "data", RESULTS))) == measured_pairs()


def test_cells_without_unreachable_operations_are_those_of_which_each_lies_on_a_path() -> None:
    """Against all eight routes from node 0 to node 3, over every cell."""
    routes = [((0, 3),), ((0, 1), (1, 3)), ((0, 2), (2, 3)), ((0, 1), (1, 2), (2, 3))]
    reachable = 0
    for cell in product(OPERATIONS, repeat=6):
        there = {edge for edge, operation in zip(EDGES, cell) if operation != "none"}
        whole = [set(route) for route in routes if there.issuperset(route)]
        expected = there == set().union(*whole)
        assert frontier.is_reachable(format(cell)) == expected
        reachable += expected
    assert reachable == 9445


def test_members_are_joined_by_their_ranks_within_the_networks_at_hand() -> None:
    whole = population(0)
    part = whole.part(np.arange(80) % 2 == 0)
    expected = sum(np.log(rankdata(whole.scores[label][::2])) for label in ("good", "gaps"))
    assert part.joined(("good", "gaps")) == pytest.approx(expected)
    assert part.clusters == whole.clusters[::2] and (part.truth == whole.truth[::2]).all()
    assert whole.has(("good", "bad")) and not whole.has(("good", "other"))


def test_halves_hold_identical_networks_together_and_every_network_once() -> None:
    whole = population(1)
    halves = list(frontier._halves(whole))
    assert len(halves) == 2 * frontier.HALVES
    for one, other in zip(halves[::2], halves[1::2]):
        assert (one ^ other).all() and 30 <= one.sum() <= 50
        for name in set(whole.clusters):
            assert len({bool(one[place]) for place, each in enumerate(whole.clusters) if each == name}) == 1


def test_the_recipe_that_is_chosen_is_never_far_from_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontier, "DATA_FREE", ("good", "bad", "gaps", "not there"))
    monkeypatch.setattr(frontier, "MOST", 2)
    one, other = population(2), population(3)
    first, second = (row.strip("| ").split(" | ") for row in frontier._choice({"a": one, "b": other}).splitlines()[2:])
    assert first[:3] == ["1", "3", "good"] and second[:2] == ["2", "3"]
    found = [kendalltau(part.joined(["good"]), part.truth).statistic for part in (one, other)]
    assert first[-2:] == [f"{value:.3f}" for value in found]


def test_undefined_scores_rank_last_and_are_counted() -> None:
    whole = population(4)
    row = next(line for line in _rows(whole) if line[0] == "gaps")
    missing = int(np.isneginf(whole.scores["gaps"]).sum())
    worst = np.where(np.isfinite(whole.scores["gaps"]), whole.scores["gaps"], -1e9)
    assert row[1:4] == ["–", "80", str(missing)] and missing  # what it costs was not measured
    assert row[4].startswith(f"{kendalltau(worst, whole.truth).statistic:.3f}")


def _rows(whole: object) -> list[list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frontier, "RECIPES", {frontier.AZ_NAS: ("good", "gaps")})
        made: str = frontier._agreements(whole, None, 50)
    return [line.strip("| ").split(" | ") for line in made.splitlines()[2:]]
