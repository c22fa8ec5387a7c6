"""`nas-zc proxies`."""

from __future__ import annotations

import re

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

import naslib_zc_plugin as zc
from naslib_zc_plugin.cli import _console
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.proxies import measured_costs


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["proxies", *arguments])


def test_names_one_per_line() -> None:
    done = _run("--names")
    assert (done.exit_code, done.stdout.splitlines()) == (0, zc.list_proxies())
    assert _run("gradalign?", "--names").stdout == "gradalign1\ngradalign2\n"


def test_a_table_says_what_each_is_and_costs() -> None:
    header, *lines = _run().stdout.splitlines()
    assert re.split(r"  +", header) == ["proxy", "better", "needs", "units", "what it is"]
    assert [line.split()[0] for line in lines] == zc.list_proxies()
    assert not [line for line in lines if "\\" in line or "`" in line]  # no marks of reStructuredText
    (line,) = _run("naswot").stdout.splitlines()[1:]
    assert re.split(r"  +", line) == ["naswot", "higher", "data", "0.5", "log-determinant of the kernel of ReLU codes"]


def test_the_cost_of_every_proxy_was_measured() -> None:
    assert set(measured_costs()) == set(zc.list_proxies())
    assert all(cost["units"] > 0 for cost in measured_costs().values())


def test_no_match_is_exit_code_1_with_a_hint() -> None:
    done = _run("naswott")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "nas-zc: no proxy matches 'naswott'; did you mean naswot?\n"
    assert all(name in _run("zzzzzz*").stderr for name in zc.list_proxies())


def test_details_are_the_facts_one_line_each_when_piped() -> None:
    done = _run("--details")
    header, *lines = done.stdout.splitlines()
    assert done.exit_code == 0 and "\x1b" not in done.stdout
    assert header.split() == ["proxy", "better", "version", "needs", "paper", "summary"]
    assert [line.split()[0] for line in lines] == zc.list_proxies()
    for line in lines:
        info = zc.describe(line.split()[0])
        assert line.split()[1] == ("higher" if info.higher_is_better else "lower")
        assert info.paper in line and ", ".join(info.needs) in line and line.endswith(info.summary)


def test_details_of_one_hold_its_documentation_and_options() -> None:
    done = _run("epsilon", "--details")
    info = zc.describe("epsilon")
    assert info.documentation in done.stdout
    assert all(f"{name}={option.default!r}: {option.values}" in done.stdout for name, option in info.options.items())
    assert "biases='zero': 'zero' or 'weight'" in done.stdout
    assert "Also known as: nwot" in _run("naswot", "--details").stdout


def test_on_a_terminal_long_cells_wrap_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_console, "Console", lambda **_: Console(width=40, force_terminal=True))
    _console.show_table(["name", "n"], [["word " * 20 + "[bold]", "7"]], numbers=["n"])
    shown = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) == 40
    assert shown.count("word") == 20 and "[bold]" in shown
