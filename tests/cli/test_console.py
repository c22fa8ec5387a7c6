"""What commands show while they work: bars on a terminal, lines in a log."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from rich.console import Console

from naslib_zc_plugin.cli import _console
from naslib_zc_plugin.cli._console import live, steps, working


@dataclass
class Done:
    done: int
    total: int


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        _console, "Console", lambda **options: Console(**options, force_terminal=True, width=100, legacy_windows=False)
    )


def _shown(capsys: pytest.CaptureFixture[str]) -> str:
    return re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_a_bar_counts_and_says_the_latest(capsys: pytest.CaptureFixture[str]) -> None:
    with live(lambda now: f"{now.total - now.done} [left]") as report:
        report(Done(3, 8))
    assert "3/8 5 [left]" in _shown(capsys)
    with steps(4) as step:
        step("first")
        step("second\x1b[2J")
    assert "2/4" in (shown := _shown(capsys)) and "second\\x1b[2J" in shown


@pytest.mark.usefixtures("terminal")
def test_what_has_no_length_spins(capsys: pytest.CaptureFixture[str]) -> None:
    with working("writing a.parquet") as following:
        following("writing [b].csv")
    assert "writing [b].csv" in _shown(capsys)


def test_in_a_log_there_are_lines_and_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    with working("writing") as following, live(lambda now: f"{now.done} of {now.total}") as report, steps(2) as step:
        following("more")
        report(Done(1, 9))
        report(Done(2, 9))  # too soon for another line
        report(Done(9, 9))
        report(Done(9, 9))  # which has been said
        step("one")
    lines = capsys.readouterr().err.splitlines()
    assert [line[-6:] for line in lines] == ["1 of 9", "9 of 9", "2  one"] and lines[2] == "1/2  one"
