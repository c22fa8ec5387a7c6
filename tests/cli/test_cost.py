"""`nas-zc cost`; what is measured is tested in tests/test_cost.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from typer.testing import CliRunner, Result

from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.cli.cost import chosen_proxies

SMALL = "--channels 2 --cells 1 --size 8 --batch 8 --rounds 2".split()


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["cost", *SMALL, *arguments])


def test_a_line_per_proxy_and_set() -> None:
    done = _run("--proxies", "grad_norm,snip,plain,fisher", "--threads", "1")
    assert done.exit_code == 0, done.stderr
    header, *lines = done.stdout.splitlines()
    assert header.split()[-5:] == ["units", "±", "memory", "MiB", "note"]
    titles = ["unit", "forward", "grad_norm", "snip", "plain", "fisher", "weight gradients"]
    assert [line.split("  ")[0] for line in lines[: len(titles)]] == titles
    assert lines[0].split()[1:4] == ["1.00", "0.00", "1.00"]
    assert all(float(line.split()[-4]) >= 0 for line in lines[1:6])
    assert "C=2, N=1; batch 8 of 8×8; CPU, 1 thread." in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert [line.split()[0] for line in done.stderr.splitlines()] == [f"{n}/7" for n in range(1, 8)]


def test_an_undefined_score_is_noted() -> None:
    dead = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    done = _run("--proxies", "epsilon", "--arch", dead)
    assert done.exit_code == 0
    assert "undefined: epsilon: " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--proxies", "naswott"], "unknown proxy 'naswott'; did you mean naswot?"),
        (["--proxies", " , "], "no proxy is named"),
        (["--arch", "|none~0|"], "expected 3 nodes"),
        (["--space", "nasbench2001"], "unknown search space 'nasbench2001'"),
        (["--device", "warp"], "--device warp: no such device"),
        (["--device", "cuda:99"], "--device cuda:99: torch finds"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    done = _run(*arguments)
    assert done.exit_code == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("nas-zc: ") and message in line


def test_names_and_patterns() -> None:
    assert chosen_proxies("zen, gradalign*,zen") == ["zen", "gradalign1", "gradalign2"]
