"""`nas-zc cost`; what is measured is tested in tests/test_cost.py."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from random import Random

import pytest
import torch
from torch import nn
from typer.testing import CliRunner, Result

from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.cli.cost import affordable_batch, chosen_proxies
from naslib_zc_plugin.protocols import TEXTS
from naslib_zc_plugin.report.cost import SMALL_TARGETS, TARGETS
from naslib_zc_plugin.spaces import list_spaces
from naslib_zc_plugin.spaces import space as space_called

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
    assert lines[0].split()[2:5] == ["1.00", "0.00", "1.00"]
    assert all(float(line.split()[-4]) >= 0 for line in lines[1:6])
    assert "C=2, N=1; batch 8 of 8×8; CPU, 1 thread." in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert [line.split()[0] for line in done.stderr.splitlines()] == [f"{n}/7" for n in range(1, 8)]


def test_targets_and_whether_they_are_met(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [target for target in TARGETS if target.name in ("naswot", "grasp", "epsilon")]
    monkeypatch.setattr("naslib_zc_plugin.report.cost.TARGETS", some)
    done = _run("--targets", "--rounds", "1")
    assert done.exit_code == 0, done.stderr
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    verdicts = {(line[0], line[-1].split()[-1]) for line in lines if line[-1].split()[-1:] in (["met"], ["missed"])}
    assert {name for name, _ in verdicts} == {target.name for target in (*some, *SMALL_TARGETS)}
    assert done.stdout.count("batch 8 of 8×8; CPU, 1 thread.") == 2
    assert "img_size=64; batch 8 of 64×64; CPU, 1 thread." in done.stdout
    assert "units beside the forward" in done.stdout


@pytest.mark.parametrize("space", list_spaces())
def test_every_space_has_a_cost(space: str) -> None:
    known, key = inspect.signature(space_called(space).build).parameters, space_called(space).sample(Random(0))
    if space == "timm":
        try:
            space_called(space).build(key)
        except ImportError as error:
            pytest.skip(str(error))
    size = "32" if "img_size" in known else "16"
    sizes = ["--channels", "8"] if {"C", "width", "hidden"} & known.keys() else []
    if {"N", "depth", "layers"} & known.keys():
        sizes += ["--cells", "3"]
    given = [*sizes, "--size", size, "--batch", "4", "--rounds", "1", "--threads", "1"]
    done = CliRunner().invoke(app, ["cost", "--space", space, *given, "--proxies", "params,grad_norm"])
    assert done.exit_code == 0, done.stderr
    lines = {line.split("  ")[0]: line.split()[-4:] for line in done.stdout.splitlines()[1:6]}
    assert list(lines) == ["unit", "forward", "params", "grad_norm", "all of these"]
    assert all(float(units) >= 0 and float(peak) >= 0 for units, _, _, peak in lines.values()), done.stdout
    assert f"{space} {'|nor_conv' if space == 'nasbench201' else key}" in done.stdout
    assert f"batch 4 of {'16 tokens' if space in TEXTS else f'{size}×{size}'};" in done.stdout


@pytest.mark.parametrize(("positions", "number"), [(1, 64), (2, 64), (3, 32), (10, 8), (20, 4), (1000, 4)])
def test_a_batch_is_as_large_as_the_networks_work_allows(positions: int, number: int) -> None:
    net, batch = nn.Linear(10, 10), torch.zeros(2, positions, 10)  # 100 operations at each position
    assert affordable_batch(net, (batch, batch), "made", work=64 * 200) == number


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
        (["--space", "flexibert"], "--channels: networks of flexibert have no such size but that of their keys"),
        (["--device", "warp"], "--device warp: no such device"),
        (["--device", "cuda:99"], "--device cuda:99: torch finds"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    done = _run(*arguments)
    assert done.exit_code == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("nas-zc: ") and message in line


def test_what_a_network_cannot_run_on_is_one_line() -> None:
    done = CliRunner().invoke(app, ["cost", "--space", "flexibert", "--size", "600", "--batch", "4"])
    assert done.exit_code == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("nas-zc: flexibert ") and "on 600 tokens: " in line and "512 positions" in line


def test_names_and_patterns() -> None:
    assert chosen_proxies("zen, gradalign*,zen") == ["zen", "gradalign1", "gradalign2"]
