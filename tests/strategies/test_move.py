"""Move, in its three meanings."""

from __future__ import annotations

import json
import math
from collections import Counter
from random import Random
from typing import Any

import pytest

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import AllFailed, NoScore, Strategy, strategy
from naslib_zc_plugin.testing.strategies import Words
from tests.strategies import oracles
from tests.strategies.oracles import Chain, History, fits


def accuracy(key: str) -> float:
    """Fitness that many share."""
    return key.count("nor_conv_3x3") - 2.0 * key.count("none")


def proxy(key: str) -> float:
    """A score that many share, which is not the fitness."""
    return float(key.count("nor_conv") - key.count("|none~0|"))


def run(search: Strategy, evaluations: int) -> History:
    history = []
    for _ in range(evaluations):
        key = search.ask()
        history.append((key, accuracy(key)))
        search.tell(*history[-1])
    return history


@pytest.mark.parametrize("seed", range(3))
def test_the_neighbour_is_that_of_zero_cost_nas(seed: int) -> None:
    history = run(strategy("move", SPACE, score=proxy, preset="zerocost", seed=seed), 200)
    assert history == oracles.zerocost(SPACE, accuracy, proxy, Random(seed), 200, 64, 10, move=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_parent_is_that_of_epsilon(seed: int) -> None:
    history = run(strategy("move", SPACE, score=proxy, preset="epsilon", seed=seed), 300)
    assert history == oracles.epsilon(SPACE, accuracy, proxy, Random(seed), 300, 64, 10)


@pytest.mark.parametrize("seed", range(3))
def test_the_best_of_several_children_is_that_of_gradsign(seed: int) -> None:
    search = strategy("move", SPACE, score=proxy, kind="children", children=10, population=10, sample=3,
                      replacement=True, ties="first", mutation="node", seed=seed)  # fmt: skip
    assert run(search, 200) == oracles.gradsign(SPACE, accuracy, proxy, Random(seed), 200, 10, 3, 10)


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_a_random_neighbour_has_its_probability(probability: float) -> None:
    words = Words("abc", 3)
    search = strategy("move", words, score=lambda key: float(key == "bba"), random=probability, population=1)
    search.tell("bbb", 1.0)
    counts = Counter(search.ask() for _ in range(6_000))
    fits(counts, {key: probability / 6 + (key == "bba") * (1 - probability) for key in words.neighbours("bbb")})


def test_of_equal_neighbours_the_last_is_taken() -> None:
    search = strategy("move", Words("abc", 3), score=lambda key: float(key[2] == "b"), random=0.0, population=1)
    search.tell("aab", 1.0)
    assert search.ask() == "acb"


def test_an_undefined_score_is_taken_only_if_all_are_undefined() -> None:
    words = Words("abc", 2)
    undefined = {"ba": math.inf, "ca": math.nan, "ab": None, "ac": -7.0}
    search = strategy("move", words, score=undefined.get, random=0.0, population=1)
    search.tell("aa", 1.0)
    assert {search.ask() for _ in range(100)} == {"ac"}
    undefined["ac"] = -math.inf
    assert {search.ask() for _ in range(100)} == set(undefined)


def test_an_undefined_score_makes_no_parent() -> None:
    scores = {"0": math.nan, "1": -3.0, "2": None, "3": math.inf}
    search = strategy("move", Chain(), score=scores.get, kind="parent", population=4, sample=4)
    for key, fitness in (("0", 1.0), ("1", None), ("2", 9.0), ("3", 5.0)):
        search.tell(key, fitness)
    assert {search.ask() for _ in range(50)} == {"1."}


def test_children_are_mutations_and_the_best_of_as_many_as_asked_for() -> None:
    scored: list[str] = []

    def score(key: str) -> float:
        scored.append(key)
        return float(key.count("b"))

    words = Words("ab", 4)
    search = strategy("move", words, score=score, kind="children", children=5, population=1)
    search.tell("aabb", 1.0)
    for _ in range(30):
        scored.clear()
        child = search.ask()
        assert len(scored) == 5 and set(scored) <= set(words.neighbours("aabb"))
        assert child == max(scored, key=lambda key: key.count("b"))


class Unlisted(Words):
    """Too many neighbours to list."""

    def neighbours(self, key: str) -> list[str]:
        """Never."""
        raise ValueError("the neighbours cannot be listed")


def test_a_space_without_lists_of_neighbours_has_the_other_kinds() -> None:
    for kind in ("parent", "children"):
        search = strategy("move", Unlisted(), score=lambda key: 0.0, kind=kind, population=1, random=0.0)
        search.tell("aaaa", 1.0)
        assert search.ask() in Words().neighbours("aaaa")
    with pytest.raises(ValueError, match="choose 'children' or 'parent': .*cannot be listed"):
        strategy("move", Unlisted(), score=lambda key: 0.0)


def test_the_score_is_needed_and_the_numbers_are_checked() -> None:
    with pytest.raises(ValueError, match=r"Move needs score="):
        strategy("move", Words())
    for options, message in (
        ({"kind": "child"}, "kind must be 'neighbour' or 'parent' or 'children', not 'child'"),
        ({"children": 0}, "children must be a whole number, at least 1, not 0"),
        ({"random": 1.5}, r"random must be a probability, not 1\.5"),
        ({"random": math.nan}, "random must be a probability, not nan"),
    ):
        with pytest.raises(ValueError, match=message):
            strategy("move", Words(), score=lambda key: 0.0, **options)


@pytest.mark.parametrize("kind", ["neighbour", "parent", "children"])
@pytest.mark.parametrize("fails", [False, True])
def test_a_score_without_any_value_ends_the_search(kind: str, fails: bool, caplog: pytest.LogCaptureFixture) -> None:
    def score(key: str) -> float | None:
        if fails:
            raise NoScore(f"no luck with {key}")
        return None

    def run(**options: str) -> list[str]:
        search = strategy("move", Words(), score=score, kind=kind, population=3, **options)
        asked = []
        for _ in range(60):
            asked.append(search.ask())
            search.tell(asked[-1], asked[-1].count("a"))
        return asked

    reason = "has a score: no luck with" if fails else r"has a score\. Mend that"
    with pytest.raises(AllFailed, match=rf"none of \d\d architectures {reason}"):
        run()
    assert len([line for line in caplog.messages if "has no score: no luck" in line]) == (3 if fails else 0)
    assert len(run(if_all_fail="go_on")) == 60
    assert sum("the search goes on at random" in line for line in caplog.messages) == 1


@pytest.mark.parametrize("kind", ["neighbour", "parent", "children"])
def test_without_trust_it_is_ageing_evolution(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    options: dict[str, Any] = {"population": 4, "sample": 2, "kind": kind, "random": 0.5}
    search = strategy("move", words := Words("abcd", 6), score=lambda key: -key.count("a"), trust="auto", **options)
    for number in range(200):
        search.tell(key := search.ask(), key.count("a") + number / 1000)
    assert search.lost_trust is not None and search.lost_trust.low is not None and search.lost_trust.low < 0
    assert sum("no longer followed" in line for line in caplog.messages) == 1
    assert search.best is not None and search.best[1] > 5  # the score would have led to words without an a
    again = strategy("move", words, score=lambda key: pytest.fail("is not asked for"), trust="auto", **options)
    again.load_state_dict(json.loads(json.dumps(search.state_dict())))
    for _ in range(20):
        assert (key := again.ask()) == search.ask()
        for each in (search, again):
            each.tell(key, key.count("a"))
