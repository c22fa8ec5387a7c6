"""`nas-zc rank` on files of networks: what it prints, how it goes on, and what it says of mistakes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from naslib_zc_plugin.cli._app import app

ROOT = Path(__file__).resolve().parents[2]
NETS = """
import os, signal
from pathlib import Path
from torch import nn

HERE = Path(__file__).parent

def net(width):
    with (HERE / "built.txt").open("a") as file:
        file.write(f"{width}\\n")
    if width == 7 and not (HERE / "calm").exists():
        (HERE / "calm").touch()
        STOP
    return nn.Sequential(nn.Flatten(), nn.Linear(192, width), nn.ReLU(), nn.Linear(width, 3))

def candidates():
    for width in (5, 6, 7, 8):
        yield f"w{width}", lambda width=width: net(width)
    yield "broken", lambda: net("x")
"""
OPTIONS = ("--shape", "3,8,8", "--proxies", "synflow,jacov,params")


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "nets.py"
    path.write_text(NETS.replace("STOP", "pass"), encoding="utf-8")
    return path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["rank", *arguments])


def _table(done: Result | subprocess.CompletedProcess[str]) -> list[list[str]]:
    """The lines without seconds, which the machine decides."""
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith(("candidate", "w", "broken"))]
    (place,) = (line.index("seconds") for line in lines if line[0] == "candidate")
    return [line[: 3 if line[0] == "broken" else place] for line in lines]


def _built(folder: Path) -> list[str]:
    return (folder / "built.txt").read_text(encoding="utf-8").split()


def test_it_prints_the_ranking_and_remembers_it(nets: Path) -> None:
    done = _run("nets.py:candidates", *OPTIONS)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("4 of 5 candidates ranked by log_rank_sum(synflow, jacov, params)\n")
    assert "it cannot be built: TypeError" in done.stdout and "without a batch: 32 samples of noise." in done.stdout
    assert [line.split(":")[0].split()[-1] for line in done.stderr.splitlines()] == ["w5", "w6", "w7", "w8", "broken"]
    again = _run("nets.py:candidates", *OPTIONS)
    assert again.stdout == done.stdout and not again.stderr
    assert _built(nets.parent) == ["5", "6", "7", "8", "x"]
    assert (nets.parent / "nets.rank.db").exists()


@pytest.mark.parametrize("stop", ["os.kill(os.getpid(), signal.SIGKILL)", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_killed_or_stopped_it_goes_on(nets: Path, stop: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = _run("nets.py:candidates", *OPTIONS, "--store", "whole.db")
    (nets.parent / "built.txt").unlink()
    nets.write_text(NETS.replace("STOP", stop), encoding="utf-8")

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "naslib_zc_plugin", "rank", "nets.py:candidates", *OPTIONS]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, cwd=nets.parent, env=environment, capture_output=True, text=True, timeout=300)

    (nets.parent / "calm").unlink(missing_ok=True)
    first = run()
    killed = "KILL" in stop
    assert first.returncode == (-signal.SIGKILL if killed else 75)
    assert killed or "stopped; nets.rank.db holds what was done" in first.stderr
    second = run()
    assert second.returncode == 0, second.stderr
    assert _built(nets.parent) == ["5", "6", "7", "7", "8", "x"]
    assert _table(second) == _table(whole)


def test_a_file_that_changed_is_asked_about(nets: Path) -> None:
    assert _run("nets.py:candidates", *OPTIONS).exit_code == 0
    nets.write_text(NETS.replace("STOP", "pass").replace("(5, 6, 7, 8)", "(5, 6, 7, 8, 9)"), encoding="utf-8")
    refused = _run("nets.py:candidates", *OPTIONS)
    assert refused.exit_code == 2
    assert "holds scores that were made otherwise (file: " in refused.stderr
    assert "keep what is there by --extend, give another --store, or begin anew with --restart" in refused.stderr
    more = _run("nets.py:candidates", *OPTIONS, "--extend")
    assert more.exit_code == 0 and "5 of 6 candidates" in more.stdout
    assert _built(nets.parent) == ["5", "6", "7", "8", "x", "9"]
    assert _run("nets.py:candidates", *OPTIONS).exit_code == 0  # the file is known as it is now
    other = _run("nets.py:candidates", *OPTIONS, "--seeds", "2", "--extend")
    assert other.exit_code == 2 and "(seeds: 1 → 2): give another --store" in other.stderr
    anew = _run("nets.py:candidates", *OPTIONS, "--seeds", "2", "--restart")
    assert anew.exit_code == 0 and "kept: share of the draws of weights" in anew.stdout
    assert len(_built(nets.parent)) == 12


def test_images_bring_labels_and_a_page_holds_table_and_figure(nets: Path) -> None:
    pytest.importorskip("sklearn")
    given = ("--images", "digits", "--size", "8", "--proxies", "snip,jacov", "--html", "page.html")
    done = _run("nets.py:candidates", *given)
    assert done.exit_code == 0, done.stderr
    assert "4 of 5 candidates ranked by log_rank_sum(snip, jacov)" in done.stdout
    assert "Written to page.html; every score is in nets.rank.db." in done.stdout
    page = ElementTree.parse(nets.parent / "page.html")
    assert len(list(page.iter("img"))) == 1 and len(list(page.iter("table"))) == 1
    assert "it cannot be built" in "".join(page.getroot().itertext())


def test_a_recipe_a_module_and_an_example_of_its_own(nets: Path) -> None:
    more = "\nimport torch\ndef example():\n    return torch.ones(1, 3, 8, 8)\n"
    nets.with_name("own_nets.py").write_text(NETS.replace("STOP", "pass") + more, encoding="utf-8")
    done = _run("own_nets:candidates")
    assert done.exit_code == 0, done.stderr
    assert "candidates ranked by recommended_models" in done.stdout and "differ in their skeleton" in done.stdout
    forced = _run("own_nets:candidates", "--alike", "--restart", "--given")
    assert "candidates ranked by recommended\n" in forced.stdout
    assert "the weights are those that the candidates hold" in forced.stdout


def test_limits_are_kept_and_part_of_the_store(nets: Path) -> None:
    done = _run("nets.py:candidates", *OPTIONS, "--limit", "params <= 1300", "--limit", "params>10")
    assert done.exit_code == 0, done.stderr
    assert "beyond a limit: params is 1375, the limit is <= 1300 and > 10" in done.stdout
    other = _run("nets.py:candidates", *OPTIONS, "--limit", "params <= 1400")
    assert other.exit_code == 2 and "limits: " in other.stderr
    for limit, message in (("params = 3", "is no limit: write a name"), ("parms <= 3", "did you mean params")):
        wrong = _run("nets.py:candidates", *OPTIONS, "--limit", limit)
        assert wrong.exit_code == 2 and message in wrong.stderr


def test_nothing_that_has_a_rank_is_exit_code_1(nets: Path) -> None:
    nets.write_text("def candidates():\n    yield 'a', lambda: 1 / 0\n", encoding="utf-8")
    done = _run("nets.py:candidates", *OPTIONS)
    assert done.exit_code == 1 and "it cannot be built: ZeroDivisionError: division by zero" in done.stdout


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("", ["nets.py"], "nets.py: write FILE.py:FUNCTION or MODULE:FUNCTION"),
        ("", ["none.py:candidates", *OPTIONS], "none.py: no such file"),
        ("", ["no_such_module:candidates", *OPTIONS], "No module named 'no_such_module'"),
        ("def candidate(): ...", ["nets.py:candidates", *OPTIONS], "no function 'candidates'; did you mean candidate?"),
        (
            "x = 1\ny = x / 0",
            ["nets.py:f", *OPTIONS],
            "ZeroDivisionError: division by zero (line 2)",
        ),
        ("def f(:", ["nets.py:f", *OPTIONS], "nets.py cannot be imported: SyntaxError: "),
        (
            "def f():\n    yield 'a', int\n    1 / 0",
            ["nets.py:f", *OPTIONS],
            "ZeroDivisionError: division by zero (line 3)",
        ),
        ("def f():\n    return [3]", ["nets.py:f", *OPTIONS], "a candidate must be a pair of its name"),
        ("def f():\n    return 3", ["nets.py:f", *OPTIONS], "nets.py:f: TypeError: 'int' object is not iterable"),
        ("f = dict", ["nets.py:f"], "what do the networks see? Give --images SOURCE, or --shape 3,32,32 for noise"),
        ("f = dict", ["nets.py:f", "--shape", "3x32"], "--shape 3x32: write numbers, such as 3,32,32"),
        ("f = dict", ["nets.py:f", "--shape", "3,8,8", "--images", "digits"], "give one of --images and --shape"),
        (
            "f = dict",
            ["nets.py:f", "--shape", "3,8,8", "--proxies", "naswott"],
            "did you mean naswot",
        ),
        ("f = dict", ["nets.py:f", "--images", "none.npz"], "no such file"),
    ],
)
def test_mistakes_are_told_in_a_line(nets: Path, text: str, arguments: list[str], message: str) -> None:
    nets.write_text(text, encoding="utf-8")
    done = _run(*arguments)
    assert done.exit_code == 2, done.stdout
    assert message in done.stderr and done.stderr.count("\n") == 1 + done.stderr.count(": it cannot be built") + (
        ": scored" in done.stderr
    )


def test_a_file_of_another_kind_is_no_store(nets: Path) -> None:
    Path("other.db").write_text("no database", encoding="utf-8")
    done = _run("nets.py:candidates", *OPTIONS, "--store", "other.db")
    assert done.exit_code == 2 and "it is no store" in done.stderr
