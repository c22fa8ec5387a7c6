"""A search inside a host, without any host: order of tells, interruptions, bests, and both old forms of its state."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.hosts._session import SearchSession
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import AllFailed, strategy

OPTIONS: dict[str, Any] = {"seed": 4, "population": 4, "sample": 2}


def session(**more: Any) -> SearchSession:
    return SearchSession("aging_evolution", SPACE, **{**OPTIONS, **more})


def number(key: str) -> float | None:
    place = SPACE.index(key)
    return None if place % 3 == 0 else float(place % 50)


def run(search: SearchSession, steps: int) -> None:
    for _ in range(steps):
        key = search.ask()
        search.tell(key, number(key))


def test_keys_are_told_in_any_order_and_once() -> None:
    search = session()
    keys = [search.ask() for _ in range(4)]
    for key in reversed(keys):
        search.tell(key, 1.0)
    assert [key for key, _ in search.history] == keys[::-1]
    search.tell(keys[0], 2.0)
    search.tell(SPACE.key(77), 2.0)
    assert len(search.history) == 4 and search.strategy.best == (keys[3], 1.0)


def test_threads_tell_while_another_asks() -> None:
    search = session()

    def work() -> None:
        run(search, 50)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(search.history) == 200 and search.state_dict()["waiting"] == []


def test_what_was_interrupted_is_asked_first_after_a_resumption() -> None:
    whole = session()
    run(whole, 20)
    cut = session()
    run(cut, 9)
    interrupted = cut.ask()
    assert interrupted == whole.history[9][0]
    again = session()
    again.load_state_dict(cut.state_dict())
    assert again.state_dict() == cut.state_dict()
    run(again, 11)
    assert again.history == whole.history and again.state_dict() == whole.state_dict()


@pytest.mark.parametrize("missing", ["improved", "waiting"])
def test_states_of_earlier_releases_are_read(missing: str) -> None:
    """NNI's had no ``improved``, NASLib's no ``waiting``."""
    search = session()
    run(search, 30)
    state = search.state_dict()
    del state[missing]
    again = session()
    again.load_state_dict(state)
    assert again.state_dict() == search.state_dict()
    assert [again.best(epoch) for epoch in range(-1, 30)] == [search.best(epoch) for epoch in range(-1, 30)]


@pytest.mark.parametrize("part", ["search", "history", "scores"])
def test_incomplete_states_are_refused_and_change_nothing(part: str) -> None:
    search = session()
    run(search, 5)
    before = search.state_dict()
    broken = session().state_dict()
    del broken[part]
    with pytest.raises(ValueError, match=f"a damaged state of a search: KeyError: '{part}'"):
        search.load_state_dict(broken)
    assert search.state_dict() == before


def test_the_best_until_an_epoch() -> None:
    search = session()
    assert search.best(0) is search.last(0) is None
    run(search, 40)
    for epoch in range(60):
        known = [trial for trial in search.history[: epoch + 1] if trial[1] is not None]
        best = max((fitness for _, fitness in known), default=None)
        assert search.best(epoch) == next((trial for trial in known if trial[1] == best), None)
        assert search.last(epoch) == search.history[min(epoch, 39)]


def test_a_proxy_scores_each_key_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def proxy(key: str) -> float | None:
        asked.append(key)
        return number(key)

    search = SearchSession("area", SPACE, proxy, seed=0, pool=30, population=4)
    run(search, 5)
    assert len(asked) == len(set(asked)) == len(search.scores) and search.scores[asked[0]] == number(asked[0])


def test_a_strategy_that_is_ready() -> None:
    ready = strategy("random_search", SPACE, seed=2)
    search = SearchSession(ready, SPACE)
    key = search.ask()
    search.tell(key, 3.0)
    assert search.strategy is ready and ready.best == (key, 3.0)


def test_the_agreement_is_that_of_what_was_told(caplog: pytest.LogCaptureFixture) -> None:
    search = SearchSession("area", SPACE, lambda key: float(SPACE.index(key) % 50), seed=0, pool=60, population=30)
    assert search.state_dict()["agreement"] == [0, None, None, None]
    run(search, 30)
    both = {key: fitness for key, fitness in search.history if fitness is not None}
    found = search.agreement()
    assert found is not None and (found.n, found.tau) == (len(both), 1.0)
    again = SearchSession("area", SPACE, lambda key: pytest.fail("is known"), seed=0, pool=60, population=30)
    again.load_state_dict(search.state_dict())
    assert again.agreement() == found and again.state_dict() == search.state_dict()
    with caplog.at_level(logging.INFO):
        again.say_ending(logging.getLogger("ending"))
    assert caplog.messages == [found.sentence()]
    assert session().agreement() is None


def test_trials_that_others_began_are_recorded() -> None:
    search = session()
    run(search, 3)
    key = search.ask()
    search.withdraw(key)
    assert not search.tell(key, 1.0)
    search.record(key, 60.0)
    search.record(key, 10.0)
    assert search.history[3:] == [(key, 60.0), (key, 10.0)] and search.best(4) == search.best(3) == (key, 60.0)
    assert search.state_dict()["waiting"] == []


def test_the_first_reason_is_told() -> None:
    search = session(if_all_fail="stop")
    for _ in range(10):
        search.tell(search.ask(), None)
    search.first_failure = "the disk is full"
    with pytest.raises(AllFailed, match="none of 10 evaluations has a fitness; the first: the disk is full"):
        search.ask()
    other = session(if_all_fail="go_on")
    other.load_state_dict(search.state_dict())
    assert len([other.ask() for _ in range(5)]) == 5
