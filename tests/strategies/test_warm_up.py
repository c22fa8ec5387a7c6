"""Warm-up around any strategy, and AREA, which is one around ageing evolution."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import (
    AllFailed,
    Exhausted,
    NoScore,
    Strategy,
    check_settings,
    list_strategies,
    strategy,
)
from naslib_zc_plugin.testing.strategies import Words, flawed
from naslib_zc_plugin.testing.strategies import word_score as score
from tests.strategies import oracles
from tests.strategies.oracles import Chain, History

WORDS = Words("ab", 3)
KEYS = [a + b + c for a in "ab" for b in "ab" for c in "ab"]
scores = st.one_of(st.none(), st.sampled_from([math.nan, math.inf, -math.inf]), st.integers(-2, 2).map(float))


class Recorded:
    """A score that remembers what it was asked for, in order."""

    def __init__(self, known: oracles.Scores = score) -> None:
        self.known, self.asked = known, list[str]()

    def __call__(self, key: str) -> float | None:
        """The score."""
        self.asked.append(key)
        return self.known(key)


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


# The ranking --------------------


@given(st.lists(scores, min_size=8, max_size=8), st.integers(1, 20), st.data(), st.integers(0, 5))
def test_the_pools_best_come_first_in_the_order_of_the_draw(
    values: list[float | None], pool: int, data: st.DataObject, seed: int
) -> None:
    evaluate = data.draw(st.one_of(st.none(), st.integers(1, pool)))
    for order in ("best_first", "worst_first"):
        known = Recorded(dict(zip(KEYS, values)).get)
        search = strategy(
            "warm_up", WORDS, score=known, pool=pool, evaluate=evaluate, order=order, seed=seed, if_all_fail="go_on"
        )
        first = search.ask()
        drawn = list(known.asked)
        assert len(drawn) == pool  # in a space of 8 most pools hold a key twice
        asked = [first, *(search.ask() for _ in range((evaluate or pool) - 1))]
        expected = oracles.ranking(drawn, known.known)[:evaluate]
        assert asked == (expected if order == "best_first" else expected[::-1])


def test_pools_are_drawn_like_a_random_search_and_differ_between_seeds() -> None:
    pools = []
    for seed in range(50):
        known = Recorded()
        strategy("warm_up", SPACE, score=known, pool=30, seed=seed).ask()
        pools.append(tuple(known.asked))
    assert len(set(pools)) == 50
    keys = [key for pool in pools for key in pool]
    assert all(abs(sum(key.count(name) for key in keys) - 1_800) < 5 * (9_000 * 0.16) ** 0.5
               for name in ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"))  # fmt: skip


def test_a_pool_may_be_distinct() -> None:
    known = Recorded()
    strategy("warm_up", WORDS, score=known, pool=8, distinct=True).ask()
    assert sorted(known.asked) == KEYS
    with pytest.raises(Exhausted, match="all 8 architectures"):
        strategy("warm_up", WORDS, score=known, pool=9, distinct=True).ask()


# The strategy inside --------------------

SMALL: dict[str, Any] = {"population": 6, "sample": 3}
INSIDE: list[dict[str, Any]] = [
    {"name": "random_search"},
    {"name": "random_search", "distinct": True},
    {"name": "aging_evolution", **SMALL},
    {"name": "move", **SMALL},
    {"name": "move", "kind": "parent", **SMALL},
    {"name": "move", "kind": "children", **SMALL},
    {"name": "area", "pool": 20, "population": 6},
    {"name": "warm_up", "pool": 20, "evaluate": 5, "around": {"name": "aging_evolution", **SMALL}},
]


def test_every_strategy_is_among_those_inside() -> None:
    assert {options["name"] for options in INSIDE} == set(list_strategies())


@pytest.mark.parametrize("options", INSIDE, ids=lambda o: "-".join(str(v) for v in o.values() if isinstance(v, str)))
def test_the_strategy_inside_goes_on_as_if_it_had_asked_for_the_pools_best(options: dict[str, Any]) -> None:
    words, worth = Words("abcd", 5), flawed(math.nan)
    alone = strategy(space=words, score=score, seed=3, **options)
    inside = strategy(space=words, score=score, seed=3, **options)
    search = strategy("warm_up", words, score=score, pool=50, evaluate=10, around=inside)
    for _ in range(10):
        key = search.ask()
        alone.on_external_ask(key)
        for told in (search, alone):
            told.tell(key, worth(key))
    for _ in range(40):
        key = search.ask()
        assert key == alone.ask()
        for told in (search, alone):
            told.tell(key, worth(key))
    assert search.best == alone.best


def test_by_name_or_with_options_the_strategy_inside_gets_the_score() -> None:
    words = Words("ab", 3)
    for around in ("move", {"name": "move", "population": 2}, {"name": "move", "preset": "epsilon"}):
        known = Recorded()
        search = strategy("warm_up", words, score=known, pool=64, around=around)
        for _ in range(64):
            search.tell(search.ask(), 0.0)
        known.asked.clear()
        for _ in range(10):  # one in four of the moves is any neighbour
            search.ask()
        assert known.asked


def test_around_random_search_the_ranking_alone_is_evaluated() -> None:
    known = Recorded(proxy)
    search = strategy("warm_up", SPACE, score=known, preset="epsilon")
    asked = [search.ask() for _ in range(300)]
    assert len(known.asked) == 3_000
    assert asked == sorted(known.asked, key=proxy, reverse=True)[:300]


@pytest.mark.parametrize("move", [False, True])
def test_warm_up_of_evolution_is_that_of_zero_cost_nas(move: bool) -> None:
    known = Recorded(proxy)
    inside = strategy("move" if move else "aging_evolution", SPACE, score=proxy, preset="zerocost", seed=5)
    history = run(strategy("warm_up", SPACE, score=known, preset="zerocost", evaluate=64, around=inside), 200)
    assert len(known.asked) == 3_000
    assert history == oracles.zerocost(SPACE, accuracy, proxy, Random(5), 200, 64, 10, move=move, pool=known.asked)


def test_no_random_one_comes_between_the_pools_best_and_their_children() -> None:
    search = strategy("warm_up", chain := Chain(), score=lambda key: float(key), pool=20, evaluate=6,
                      around={"name": "aging_evolution", "population": 6, "sample": 6})  # fmt: skip
    asked = [search.ask() for _ in range(6)]
    assert asked == ["19", "18", "17", "16", "15", "14"]
    search.tell("15", 1.0)
    assert search.ask() == "15."  # five are still on their way
    assert chain.drawn == 20


def test_a_distinct_search_asks_for_nothing_of_the_evaluated_pool() -> None:
    around = {"name": "random_search", "distinct": True}
    search = strategy("warm_up", WORDS, score=lambda key: 0.0, pool=5, distinct=True, around=around)
    assert sorted(search.ask() for _ in range(8)) == KEYS
    with pytest.raises(Exhausted):
        search.ask()


def test_what_a_warm_up_expects_the_strategy_inside_expects() -> None:
    search = strategy(
        "warm_up", Words("abc", 1), score=score, pool=1, around={"name": "random_search", "distinct": True}
    )
    others = {"a", "b", "c"} - {search.ask()}
    search.on_external_ask(expected := min(others))
    assert {search.ask()} == others - {expected}


def test_a_state_before_the_first_question_turns_back_a_used_search() -> None:
    search = strategy("warm_up", SPACE, score=score, pool=50)
    beginning = search.state_dict()
    first = [search.ask() for _ in range(50)]
    search.load_state_dict(beginning)
    assert [search.ask() for _ in range(50)] == first


def test_a_state_of_other_numbers_is_refused() -> None:
    search = strategy("warm_up", SPACE, score=score, pool=50, evaluate=10)
    search.ask()
    with pytest.raises(ValueError, match="a damaged state of WarmUp: .*10 ranked"):
        strategy("warm_up", SPACE, score=score, pool=50, evaluate=9).load_state_dict(search.state_dict())
    evolution = strategy("warm_up", SPACE, score=score, pool=50, evaluate=10, around="aging_evolution")
    with pytest.raises(ValueError, match="'RandomSearch' cannot be continued by AgingEvolution"):
        evolution.load_state_dict(search.state_dict())


@pytest.mark.parametrize("name", ["warm_up", "area"])
def test_the_score_is_needed_and_the_numbers_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match="needs score=, a function of the key"):
        strategy(name, WORDS)
    more = {"evaluate": 6} if name == "warm_up" else {"population": 6}
    for options, message in (
        ({"pool": 5, **more}, "evaluate=6 of a pool of 5"),
        ({"pool": 0}, "at least 1, not 0|of a pool of 0"),
        ({"pool": 50.0, **more}, r"pool must be a whole number, at least 1, not 50\.0"),
        ({"order": "random"}, "order must be 'best_first' or 'worst_first', not 'random'"),
    ):
        with pytest.raises(ValueError, match=message):
            strategy(name, WORDS, score=score, **options)


# What was evaluated is the population --------------------


def test_a_population_is_what_was_evaluated() -> None:
    """Two lines of a script bring a warm-up: nothing random comes after the pool's best."""
    search = strategy("warm_up", SPACE, score=accuracy, pool=500, evaluate=20, around="aging_evolution")
    asked = [key for key, _ in run(search, 60)]
    assert [accuracy(key) for key in asked[:20]] == sorted(map(accuracy, asked[:20]), reverse=True)
    for place, key in enumerate(asked[20:], start=20):
        assert any(key in SPACE.neighbours(parent) for parent in asked[place - 20 : place])


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        ("aging_evolution", (20, 10)),
        ({"name": "move", "kind": "parent"}, (20, 10)),
        ({"name": "aging_evolution", "population": 100}, (100, 25)),
        ({"name": "aging_evolution", "population_size": 8, "sample_size": 2}, (8, 2)),
        ({"name": "aging_evolution", "sample": 20}, (20, 20)),
        ({"name": "aging_evolution", "preset": "nats_bench"}, (10, 3)),
        ({"name": "area", "pool": 30}, (10, 3)),
    ],
)
def test_what_is_given_counts(around: Any, expected: tuple[int, int]) -> None:
    search: Any = strategy("warm_up", SPACE, score=accuracy, pool=50, evaluate=20, around=around)
    inside = search.inside
    if around != {"name": "area", "pool": 30}:
        assert (inside.population, inside.sample) == expected
    else:
        assert (inside.population, inside.evaluate, inside.sample) == (10, 10, 3)


def test_options_of_the_strategy_inside_may_stand_in_place() -> None:
    places: list[dict[str, Any]] = [
        {"around": {"name": "aging_evolution", "population": 6, "sample": 2, "ties": "last"}},
        {"around": "aging_evolution", "population_size": 6, "sample_size": 2, "ties": "last"},
        {"around": {"name": "aging_evolution", "ties": "last"}, "population": 6, "sample": 2},
    ]
    histories = [
        run(strategy("warm_up", SPACE, score=accuracy, pool=30, evaluate=6, **options), 40) for options in places
    ]
    assert histories[0] == histories[1] == histories[2]
    with pytest.raises(ValueError, match="population_size and population are the same"):
        strategy("aging_evolution", SPACE, population=6, population_size=6)
    with pytest.raises(ValueError, match="strategy warm_up has no option 'populaton'; did you mean population?"):
        check_settings("warm_up", around="aging_evolution", populaton=6)


def test_states_of_before_go_on_with_the_population_of_before() -> None:
    """It was the strategy's usual one, whatever was evaluated."""
    options: dict[str, Any] = {"score": accuracy, "pool": 60, "evaluate": 10, "seed": 2}
    usual = {"name": "aging_evolution", "population": 100, "sample": 25}
    before = strategy("warm_up", SPACE, around=usual, **options)
    run(before, 130)
    state = before.state_dict()
    assert "open" not in state
    again = strategy("warm_up", SPACE, around="aging_evolution", **options)
    again.load_state_dict(state)
    assert run(again, 60) == run(before, 60)
    resumed = strategy("warm_up", SPACE, around="aging_evolution", **options)
    resumed.load_state_dict(again.state_dict())
    assert run(resumed, 30) == run(again, 30)


# A score that says nothing --------------------


@pytest.mark.parametrize("name", ["warm_up", "area"])
def test_a_pool_without_a_score_ends_the_search(name: str, caplog: pytest.LogCaptureFixture) -> None:
    def score(key: str) -> float | None:
        raise NoScore(f"{key[:4]} has one channel too many", failed=key > "b")

    options: dict[str, Any] = {"pool": 9, **({"evaluate": 4} if name == "warm_up" else {"population": 4})}
    search = strategy(name, words := Words(), score=score, **options)
    with pytest.raises(
        AllFailed, match=r"none of \d architectures has a score: \w+ has one channel too many\. Mend that"
    ):
        search.ask()
    assert 1 <= len(caplog.messages) <= 3 and all(message[0] in "bc" for message in caplog.messages)
    caplog.clear()
    hopeless = strategy(name, words, score=score, if_all_fail="go_on", **options)
    assert len([hopeless.ask() for _ in range(4)]) == 4
    assert sum("the search goes on at random" in message for message in caplog.messages) == 1


def test_what_is_left_of_the_best_is_not_evaluated_without_trust() -> None:
    searches = [
        strategy("warm_up", SPACE, score=lambda key: -accuracy(key), pool=200, distinct=True, trust=trust)
        for trust in ("always", "auto")
    ]
    always, automatic = (run(search, 60) for search in searches)
    assert automatic[:4] == always[:4] and automatic[4] != always[4]  # a control
    assert len({key for key, _ in automatic} & {key for key, _ in always}) < 20
    assert searches[0].lost_trust is None and searches[1].lost_trust is not None
    mean = [sum(fitness for _, fitness in history[30:]) for history in (always, automatic)]
    assert mean[1] > mean[0]


# AREA --------------------


@pytest.mark.parametrize("seed", range(3))
def test_area_is_evolution_from_the_pools_best_and_scores_nothing_else(seed: int) -> None:
    known = Recorded()
    search = strategy("area", SPACE, score=known, preset="area", pool=100, seed=seed)
    history = run(search, 200)
    pool = known.asked
    assert len(pool) == 100
    assert [key for key, _ in history[:10]] == oracles.ranking(pool, score)[:10]
    evolution = strategy("aging_evolution", SPACE, preset="nats_bench", seed=f"{seed} around")
    for key, fitness in history[:10]:
        evolution.tell(key, fitness)
    assert history[10:] == run(evolution, 190)
    assert search.best == max(history, key=lambda member: member[1])


def test_areas_children_are_mutations_of_the_living() -> None:
    search = strategy("area", words := Words("abcd", 6), score=score, pool=30, population=4, sample=2, seed=1)
    told: list[str] = []
    for _ in range(100):
        key = search.ask()
        if len(told) >= 4:
            assert any(key in words.neighbours(parent) for parent in told[-4:])
        told.append(key)
        search.tell(key, float(key.count("a")))


def test_areas_population_ages_like_any_other() -> None:
    search = strategy("area", Chain(), score=lambda key: float(key), pool=9, population=2, sample=9, replacement=False)
    assert [search.ask(), search.ask()] == ["8", "7"]
    search.tell("8", 5.0)
    search.tell("7", 1.0)
    assert search.ask() == "8."
    search.tell("8.", 0.0)  # the oldest leaves, though it is the best
    assert search.ask() == "7."
    assert search.best == ("8", 5.0)
