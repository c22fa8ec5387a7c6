"""Ageing evolution: the published loops, tournaments, ties, age, and what has no fitness."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import Exhausted, Strategy, strategy
from naslib_zc_plugin.testing.strategies import Words
from tests.strategies import oracles
from tests.strategies.oracles import Chain, History, fits

fitnesses = st.one_of(
    st.sampled_from([None, math.nan, math.inf, -math.inf]), st.integers(-3, 3).map(float), st.floats(-1e300, 1e300)
)


def convolutions(key: str) -> float:
    """A fitness that many share."""
    return key.count("nor_conv_3x3") - 2.0 * key.count("none")


def run(search: Strategy, evaluations: int) -> History:
    history = []
    for _ in range(evaluations):
        key = search.ask()
        history.append((key, convolutions(key)))
        search.tell(*history[-1])
    return history


# Published loops --------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("preset", "P", "S", "rule"), [("real2018", 100, 25, "edge"), ("nats_bench", 10, 3, "node")])
def test_it_is_algorithm_1_of_real_et_al(preset: str, P: int, S: int, rule: str, seed: int) -> None:
    search = strategy("aging_evolution", SPACE, preset=preset, seed=seed)
    history = run(search, 300)
    assert history == oracles.real(SPACE, convolutions, Random(seed), 300, P, S, rule)
    assert search.best == max(history, key=lambda member: member[1])


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_code_of_lightweight_nas(seed: int) -> None:
    search = strategy("aging_evolution", SPACE, preset="lightweight_nas", seed=seed)
    history = run(search, 300)
    assert history == oracles.lightweight(SPACE, convolutions, Random(seed), 300, 20, 10)
    best, highest = None, -1.0
    for key, value in history:
        if value > highest:
            best, highest = (key, value), value
    assert search.best == best


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_code_of_zero_cost_nas(seed: int) -> None:
    history = run(strategy("aging_evolution", SPACE, preset="zerocost", seed=seed), 300)
    assert history == oracles.zerocost(SPACE, convolutions, convolutions, Random(seed), 300, 64, 10, move=False)


# Tournaments --------------------


def parents(values: Sequence[float | None], draws: int, **options: object) -> Counter[int]:
    """How often each member is the parent, of members that are worth ``values``, the oldest first."""
    search = strategy("aging_evolution", Chain(), population=len(values), **options)
    for key in [search.ask() for _ in values]:
        search.tell(key, values[int(key)])
    return Counter(int(search.ask().rstrip(".")) for _ in range(draws))


def with_replacement(P: int, S: int) -> dict[int, float]:
    """Probability of each rank, the lowest first, to be the highest of a sample."""
    return {rank: ((rank + 1) / P) ** S - (rank / P) ** S for rank in range(P)}


def without_replacement(P: int, S: int) -> dict[int, float]:
    return {rank: math.comb(rank, S - 1) / math.comb(P, S) for rank in range(P)}


@pytest.mark.parametrize("S", [1, 2, 5, 8, 12])
def test_fitness_decides_with_replacement(S: int) -> None:
    fits(parents([float(rank) for rank in range(8)], 4_000, sample=S, replacement=True), with_replacement(8, S))


@pytest.mark.parametrize("S", [1, 2, 5, 7])
def test_fitness_decides_without_replacement(S: int) -> None:
    counts = parents([float(rank) for rank in range(8)], 4_000, sample=S, replacement=False)
    fits(counts, without_replacement(8, S))


def test_a_sample_of_all_always_takes_the_best() -> None:
    for S in (8, 20):
        assert set(parents([3, 1, 4, 1, 5, 9, 2, 6], 50, sample=S, replacement=False)) == {5}


@pytest.mark.parametrize("ties", ["first", "last"])
@pytest.mark.parametrize("replacement", [True, False])
def test_equals_have_equal_chances_in_the_order_of_the_draw(ties: str, replacement: bool) -> None:
    fits(parents([1.0] * 6, 4_000, sample=3, replacement=replacement, ties=ties), dict.fromkeys(range(6), 1 / 6))


def test_of_equals_the_newest_is_preferred_if_asked_for() -> None:
    for replacement, probabilities in ((False, without_replacement(6, 3)), (True, with_replacement(6, 3))):
        fits(parents([1.0] * 6, 4_000, sample=3, replacement=replacement, ties="newest"), probabilities)


@pytest.mark.parametrize("undefined", [None, math.nan, math.inf, -math.inf])
def test_what_has_no_fitness_wins_only_among_its_like(undefined: float | None) -> None:
    counts = parents([undefined, -5.0, undefined, -1e300, undefined, undefined], 6_000, sample=2, replacement=False)
    won = without_replacement(6, 2)
    fits(Counter({0: sum(counts[place] for place in (0, 2, 4, 5)), 1: counts[3], 2: counts[1]}),
         {0: sum(won[rank] for rank in range(4)), 1: won[4], 2: won[5]})  # fmt: skip


# Age --------------------


@given(st.integers(1, 6), st.lists(fitnesses, min_size=1, max_size=25), st.integers(0, 3))
def test_the_population_is_what_was_told_last(P: int, values: list[float | None], seed: int) -> None:
    search = strategy("aging_evolution", Chain(), population=P, sample=P, replacement=False, ties="newest", seed=seed)
    for place, value in enumerate(values):
        search.tell(f"told {place}", value)
    if len(values) < P:
        assert [search.ask() for _ in range(P - len(values))] == [str(number) for number in range(P - len(values))]
    living = [(value if value is not None and math.isfinite(value) else -math.inf, place)
              for place, value in enumerate(values)][-P:]  # fmt: skip
    assert search.ask() == f"told {max(living)[1]}."


def test_the_best_of_all_time_outlives_its_place_in_the_population() -> None:
    search = strategy("aging_evolution", Chain(), population=2, sample=2, replacement=False)
    for place, value in enumerate((9.0, 1.0, 2.0, 1.5)):
        search.tell(str(place), value)
    assert search.best == ("0", 9.0)
    assert search.ask() == "2."


# The first population --------------------


def test_random_ones_are_asked_for_until_the_population_is_full() -> None:
    search = strategy("aging_evolution", Chain(), population=5, sample=5)
    assert [search.ask() for _ in range(6)] == ["0", "1", "2", "3", "4", "5"]  # nothing was told: no parent
    search.tell("3", 1.0)
    assert search.ask() == "3."  # five are on their way
    search = strategy("aging_evolution", Chain(), population=3, sample=3)
    for number in ("0", "1", "2"):
        assert search.ask() == number
        search.tell(number, None)
    assert search.ask().endswith(".")


def test_expected_ones_take_the_places_of_random_ones() -> None:
    search = strategy("aging_evolution", Chain(), population=3, sample=3)
    search.on_external_ask("elsewhere")
    search.on_external_ask("too")
    assert search.ask() == "0"
    search.tell("0", 1.0)
    assert search.ask() == "0."


def test_the_first_population_is_distinct_if_asked_for() -> None:
    words = Words("abc", 2)
    for seed in range(20):
        search = strategy("aging_evolution", words, population=9, distinct=True, seed=seed)
        assert len({search.ask() for _ in range(9)}) == 9
        with pytest.raises(Exhausted, match="all 9 architectures"):
            search.ask()
        usual = strategy("aging_evolution", words, population=9, seed=seed)
        assert len({usual.ask() for _ in range(9)}) < 9


def test_a_state_knows_what_is_on_its_way() -> None:
    words = Words("abcde", 2)
    for seed in range(5):
        search, other = (strategy("aging_evolution", words, preset="lightweight_nas", seed=seed) for _ in range(2))
        asked = [search.ask() for _ in range(12)]
        other.load_state_dict(search.state_dict())
        asked += [other.ask() for _ in range(8)]
        assert len(set(asked)) == 20
        other.tell(asked[0], 1.0)
        assert all(other.ask() in words.neighbours(asked[0]) for _ in range(20))


def test_a_mutation_rule_reaches_the_space() -> None:
    words = Words("ab", 5)
    search = strategy("aging_evolution", words, population=1, sample=1, mutation="node")
    search.tell("aaaaa", 1.0)
    counts = Counter(search.ask().index("b") for _ in range(6_000))
    fits(counts, {0: 1 / 4, 1: 1 / 4, 2: 1 / 6, 3: 1 / 6, 4: 1 / 6})
    with pytest.raises(ValueError, match="unknown mutation rule 'swap'"):
        strategy("aging_evolution", words, population=1, mutation="swap")
