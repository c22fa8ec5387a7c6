"""Strategies and published settings by name, those of other distributions, and what is wrong with a name."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import (
    PUBLISHED,
    STRATEGIES,
    Strategy,
    list_strategies,
    published_settings,
    strategy,
)
from naslib_zc_plugin.testing.strategies import Words
from naslib_zc_plugin.testing.strategies import word_score as score

OWN = ["aging_evolution", "area", "move", "random_search", "warm_up"]


class Alphabetical(Strategy):
    """A strategy of another distribution: all words in turn."""

    def __init__(self, space: Words, *, backwards: bool = False, **usual: Any) -> None:
        super().__init__(space, **usual)
        self._next = space.size - 1 if backwards else 0
        self._step = -1 if backwards else 1

    def ask(self) -> str:
        """The next word of one letter."""
        self._next += self._step
        return "abcdefgh"[self._next - self._step]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with a good strategy and some wrong ones."""
    information = tmp_path / "some_strategies-1.dist-info"
    information.mkdir()
    metadata = "Metadata-Version: 2.1\nName: some-strategies\nVersion: 1\n"
    (information / "METADATA").write_text(metadata, encoding="utf-8")
    entries = [
        "[naslib_zc_plugin.strategies]",
        "alphabetical = tests.strategies.test_registry:Alphabetical",
        "word = tests.strategies.test_registry:SPACE",
        "other = naslib_zc_plugin.testing.strategies:Words",
        "area = tests.strategies.test_registry:Alphabetical",
        "[somebody.else]",
        "elsewhere = tests.strategies.test_registry:Alphabetical",
    ]
    (information / "entry_points.txt").write_text("\n".join(entries), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


# Names --------------------


def test_the_packages_own_are_listed_and_documented() -> None:
    assert list_strategies() == OWN
    for name in OWN:
        found = STRATEGIES.load(name)
        assert issubclass(found, Strategy) and inspect.getdoc(found) != inspect.getdoc(Strategy)
        for option in inspect.signature(found).parameters:
            assert option in (inspect.getdoc(found) or ""), f"{name} does not say what {option} is"


@pytest.mark.usefixtures("installed")
def test_a_registered_strategy_is_listed_and_made() -> None:
    assert list_strategies() == sorted([*OWN, "alphabetical", "other", "word"])
    search = strategy("alphabetical", Words("abc", 1), backwards=True, seed=4)
    assert [search.ask(), search.ask()] == ["c", "b"]
    search.tell("b", 1.0)
    assert search.best == ("b", 1.0)
    around = strategy("warm_up", Words("abc", 1), score=score, pool=2, around={"name": "alphabetical"})
    assert [around.ask() for _ in range(4)][2:] == ["a", "b"]


@pytest.mark.usefixtures("installed")
def test_a_wrong_registration_is_told_and_none_replaces_the_packages_own() -> None:
    wrong = {"word": "tests.strategies.test_registry:SPACE", "other": "naslib_zc_plugin.testing.strategies:Words"}
    for name, value in wrong.items():
        with pytest.raises(TypeError, match=f"{value} is no strategy named '{name}': it must be a subclass of"):
            strategy(name, Words())
    assert STRATEGIES.load("area").__module__.startswith("naslib_zc_plugin.")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("ageing_evolution", "did you mean aging_evolution"), ("warmup", "did you mean warm_up"),
     ("reinforce!", "there are aging_evolution, area, move, random_search, warm_up"), ("", "there are aging_evolution"),
     ("__init__", "there are ")],
)  # fmt: skip
def test_an_unknown_name_gets_a_hint(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"unknown strategy '{name}'; {hint}"):
        strategy(name, Words())
    with pytest.raises(ValueError, match=f"unknown strategy '{name}'; {hint}"):
        strategy("warm_up", Words(), score=score, around=name)


# Options --------------------


@pytest.mark.parametrize("name", OWN)
def test_a_wrong_option_is_told_with_the_strategys_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"^strategy {name} has no option 'populatoin'; "):
        strategy(name, Words(), score=score, populatoin=3)


def test_a_wrong_option_of_the_strategy_inside_names_that_one() -> None:
    with pytest.raises(ValueError, match=r"^strategy area has no option 'samples'; did you mean sample\?$"):
        strategy("warm_up", Words(), score=score, around={"name": "area", "samples": 3})


@pytest.mark.parametrize("name", ["aging_evolution", "move", "area"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 0}, "population must be a whole number, at least 1, not 0"),
        ({"population": 2.5}, r"population must be a whole number, at least 1, not 2\.5"),
        ({"sample": -3}, "sample must be a whole number, at least 1, not -3"),
        ({"sample": True}, "sample must be a whole number, at least 1, not True"),
        ({"ties": "oldest"}, "ties must be 'first' or 'last' or 'newest', not 'oldest'"),
    ],
)
def test_numbers_and_names_are_checked(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strategy(name, Words(), score=score, **options)


def test_a_state_of_a_larger_population_is_refused() -> None:
    large = strategy("aging_evolution", Words(), population=20, sample=3)
    for _ in range(20):
        large.tell(large.ask(), 0.0)
    with pytest.raises(ValueError, match="20 members in a population of 10"):
        strategy("aging_evolution", Words(), population=10, sample=3).load_state_dict(large.state_dict())


# Published settings --------------------


def test_the_papers_are_there() -> None:
    assert {"lightweight_nas", "epsilon", "naswot", "area", "real2018", "nats_bench", "zerocost"} == set(PUBLISHED)


@pytest.mark.parametrize("published", PUBLISHED)
def test_settings_are_of_strategies_and_options_that_exist(published: str) -> None:
    assert set(published_settings(published)) <= set(OWN)
    for name, options in published_settings(published).items():
        search = strategy(name, SPACE, score=score, preset=published)
        for _ in range(130):
            search.tell(search.ask(), 0.0)
        assert options or name == "random_search"


def test_options_overrule_published_settings() -> None:
    search = strategy("aging_evolution", Words("ab", 3), preset="lightweight_nas", population=2, start=None)
    for key in ("aaa", "aaa"):
        search.tell(key, -5.0)
    assert search.best == ("aaa", -5.0)
    assert search.ask() in Words("ab", 3).neighbours("aaa")


def test_wrong_settings_are_told() -> None:
    with pytest.raises(ValueError, match="no settings are called 'lightweight'; did you mean lightweight_nas"):
        published_settings("lightweight")
    with pytest.raises(ValueError, match="no settings are called '201'; there are area, epsilon, lightweight_nas"):
        strategy("area", Words(), score=score, preset="201")
    with pytest.raises(ValueError, match="the settings 'real2018' are of aging_evolution, not of area"):
        strategy("area", Words(), score=score, preset="real2018")
