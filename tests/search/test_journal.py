"""The journal: what went in comes out, and an interrupt between any two steps takes nothing that was written."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naslib_zc_plugin.search.journal import JOURNAL, Entry, Journal, ProxyScore, histories
from naslib_zc_plugin.store.database import StoreError, delete_store

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_ENTRIES = st.builds(
    Entry,
    key=st.text(min_size=1, max_size=5),
    fitness=st.none() | _NUMBERS,
    seconds=_NUMBERS,
    clock=_NUMBERS,
    scored=st.integers(0, 10**6),
    reason=st.text(max_size=5),
    metrics=st.dictionaries(st.text(max_size=3), _NUMBERS, max_size=2),
)


@settings(max_examples=30)
@given(st.lists(st.tuples(_ENTRIES, st.booleans()), max_size=6))
def test_what_went_in_comes_out(tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[Entry, bool]]) -> None:
    path = tmp_path_factory.mktemp("journal") / "j.db"
    with Journal(path) as journal:
        journal.declare({"search": {"fact": [1, "two"]}})
        for step, (entry, at_once) in enumerate(entries):
            journal.add("search", 0, step, entry, at_once)
        assert journal.history("search", 0) == [entry for entry, _ in entries]
    with Journal(path) as journal:
        assert journal.provenance() == {"search": {"fact": [1, "two"]}}
    assert histories(path) == {"search": {0: [entry for entry, _ in entries]} if entries else {}}


def test_it_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as journal:
        journal.declare({"s": {}})
        for step in range(3):
            journal.add("s", 0, step, Entry("a", 1.0, 1.0, 1.0, 0), at_once=True)
            assert len(histories(tmp_path / "j.db")["s"][0]) == step + 1


def test_scores_are_noted_by_what_made_them(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as journal:
        assert journal.find_score("p", "a") is None
        found = ProxyScore(None, "undefined", "no ReLU", 0.5)
        journal.add_score("p", "a", found)
        journal.add_score("q", "a", ProxyScore(1.0, "ok", "", 0.1))
    with Journal(tmp_path / "j.db") as journal:
        assert journal.find_score("p", "a") == found and journal.find_score("p", "b") is None


def test_an_interrupt_at_any_line_takes_nothing_that_was_written(tmp_path: Path) -> None:
    rng = random.Random(0)
    for trial in range(60):
        path, left, done = tmp_path / f"{trial}.db", rng.randint(1, 250), 0
        with Journal(path) as journal:
            journal.declare({"s": {}})
            try:
                sys.settrace(_Interrupt(left))
                for step in range(4):
                    journal.add("s", 0, step, Entry(f"k{step}", 1.0, 0.0, 0.0, 0), at_once=True)
                    done = step + 1
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(None)
        assert done <= len(histories(path)["s"].get(0, ())) <= done + 1


class _Interrupt:
    """Raises KeyboardInterrupt at a line of the journal, as a signal's handler does."""

    def __init__(self, left: int) -> None:
        self._left = left

    def __call__(self, frame: FrameType, event: str, argument: Any) -> _Interrupt | None:
        if Path(frame.f_code.co_filename).stem not in ("journal", "database", "contextlib"):
            return None
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return self


def test_only_a_journal_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    delete_store(path, JOURNAL)
    with Journal(path), pytest.raises(StoreError, match="another campaign writes"):
        delete_store(path, JOURNAL)
    delete_store(path, JOURNAL)
    assert not path.exists()
    path.write_text("notes")
    with pytest.raises(StoreError):
        delete_store(path, JOURNAL)
    assert path.read_text() == "notes"
