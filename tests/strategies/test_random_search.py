"""Random search, with and without repetitions."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import Exhausted, strategy
from naslib_zc_plugin.testing.strategies import Words
from tests.strategies.oracles import Chain, fits


@pytest.mark.parametrize("seed", [0, 7, "0/1"])
def test_it_asks_for_what_the_space_samples(seed: int | str) -> None:
    rng, search = Random(seed), strategy("random_search", SPACE, seed=seed)
    assert [search.ask() for _ in range(300)] == [SPACE.sample(rng) for _ in range(300)]


def test_keys_are_drawn_with_replacement_all_equally_likely() -> None:
    words = Words("abc", 2)
    search = strategy("random_search", words)
    fits(Counter(search.ask() for _ in range(5_000)), dict.fromkeys([a + b for a in "abc" for b in "abc"], 1 / 9))


@pytest.mark.parametrize("preset", ["lightweight_nas"])
@given(letters=st.integers(1, 4), length=st.integers(1, 3), seed=st.integers(0, 9))
def test_without_replacement_the_space_is_asked_for_exactly_once(
    preset: str, letters: int, length: int, seed: int
) -> None:
    words = Words("abcd"[:letters], length)
    search = strategy("random_search", words, preset=preset, seed=seed)
    asked = [search.ask() for _ in range(words.size)]
    assert len(set(asked)) == words.size
    for _ in range(2):
        with pytest.raises(Exhausted, match=f"all {words.size} architectures were asked for"):
            search.ask()


def test_any_order_without_replacement_is_equally_likely() -> None:
    orders = Counter(
        "".join(search.ask() for _ in range(3))
        for search in (strategy("random_search", Words("abc", 1), distinct=True, seed=seed) for seed in range(3_000))
    )
    fits(orders, dict.fromkeys(["abc", "acb", "bac", "bca", "cab", "cba"], 1 / 6))


def test_what_another_asks_for_is_not_asked_for_again() -> None:
    search = strategy("random_search", Words("abc", 1), distinct=True)
    search.on_external_ask("b")
    assert {search.ask(), search.ask()} == {"a", "c"}
    with pytest.raises(Exhausted):
        search.ask()


def test_a_state_with_something_else_than_keys_is_refused() -> None:
    search = strategy("random_search", Words(), distinct=True)
    for asked in ("abcd", {"abcd": 1}, [7], None):
        with pytest.raises(ValueError, match="a damaged state of RandomSearch: TypeError: expected a"):
            search.load_state_dict({**search.state_dict(), "asked": asked})


class Unmeasured:
    """Keys 0 to 9, of a space that does not say how many there are."""

    def sample(self, rng: Random) -> str:
        """One of them."""
        return str(rng.randrange(10))

    def mutate(self, key: str, rng: Random, rule: str = "") -> str:
        """Any."""
        return self.sample(rng)

    def neighbours(self, key: str) -> list[str]:
        """All others."""
        return [str(number) for number in range(10) if str(number) != key]


class Overrated(Unmeasured):
    """One that thinks it has more keys than it ever draws."""

    size = 12


@pytest.mark.parametrize("space", [Unmeasured(), Overrated()], ids=["unmeasured", "overrated"])
def test_a_space_that_gives_nothing_new_is_exhausted(space: Unmeasured) -> None:
    search = strategy("random_search", space, distinct=True)
    assert {search.ask() for _ in range(10)} == set(map(str, range(10)))
    with pytest.raises(Exhausted, match="10,000 draws gave no architecture that had not been asked for"):
        search.ask()


def test_a_fitness_must_exceed_the_start_to_be_the_best() -> None:
    for start, values, best in (
        (None, (-3.0, -5.0, -2.0, -2.0), ("2", -2.0)),
        (-1.0, (-3.0, -1.0, -2.0), None),
        (0.0, (0.0, 0.5, 0.25), ("1", 0.5)),
    ):
        search = strategy("random_search", Chain(), start=start)
        for value in values:
            search.tell(search.ask(), value)
        assert search.best == best
