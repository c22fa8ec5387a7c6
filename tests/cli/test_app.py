"""The command line as a whole: quick, plain when piped, and one clear line for whatever goes wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import naslib_zc_plugin as zc
from naslib_zc_plugin.cli._app import _reported, app

ROOT = Path(__file__).resolve().parents[2]
FILES = (ROOT / "naslib_zc_plugin" / "cli").glob("[!_]*.py")
COMMANDS = sorted(path.stem.rstrip("_") for path in FILES)


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def test_help_names_every_command() -> None:
    done = CliRunner().invoke(app, ["--help"])
    assert done.exit_code == 0
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("width", [None, "80", "100"])
def test_help_is_whole_at_every_width_and_where_it_is_no_terminal(width: str | None) -> None:
    """Every command's first sentence, every option's name and text; whitespace, at which lines are broken, aside."""

    def shown(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": width})
        assert done.exit_code == 0 and max(map(len, done.stdout.splitlines())) <= int(width or 80)
        return "".join(done.stdout.split())

    overview, commands = shown(), typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert sorted(commands) == COMMANDS
    for name in COMMANDS:
        command, found = commands[name], shown(name)
        first, *_ = str(command.help).split("\n\n")
        assert f"{name}{''.join(first.split())}" in overview
        for parameter in command.params:
            assert all(option in found for option in parameter.opts if option.startswith("-"))
            assert "".join(str(parameter.help).split()) in found, parameter.name


def test_every_file_is_a_command() -> None:
    assert {"cost", "import", "score", "search"} <= set(COMMANDS)
    for name in COMMANDS:
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


def test_version() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"naslib-zc-plugin {zc.__version__}\n")


@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "proxies --names", "cost --help", "import --help", "quickstart --help"]
)
def test_no_torch_for_quick_answers(arguments: str) -> None:
    done = _python(
        f"import sys\nsys.argv = ['nas-zc', *{arguments!r}.split()]\n"
        "from naslib_zc_plugin.cli import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout and not done.stderr
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_its_extra_it_says_what_to_install(missing: str) -> None:
    done = _python(f"import sys\nsys.modules[{missing!r}] = None\nfrom naslib_zc_plugin.cli import main\nmain()")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"nas-zc needs {missing}: pip install 'naslib-zc-plugin[cli]'\n"


def test_wrong_use_is_exit_code_2() -> None:
    for arguments in (["no-such-command"], ["proxies", "--no-such-option"], ["cost", "--rounds", "0"]):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 2 and "Usage:" in done.stderr and not done.stdout


def _outcome(error: BaseException) -> tuple[int, str]:
    def command() -> None:
        raise error

    single = typer.Typer(pretty_exceptions_enable=False)
    single.command()(_reported(command))
    done = CliRunner().invoke(single, [])
    return done.exit_code, done.stderr


@pytest.mark.parametrize("kind", [ValueError, TypeError, FileNotFoundError, ImportError])
def test_a_refusal_is_one_line(kind: type[Exception]) -> None:
    assert _outcome(kind("cannot read\n  that; try another")) == (2, "nas-zc: cannot read that; try another\n")


def test_an_interruption_is_one_line() -> None:
    assert _outcome(KeyboardInterrupt()) == (130, "nas-zc: interrupted\n")
    assert _outcome(KeyboardInterrupt("go on with --more")) == (130, "nas-zc: go on with --more\n")


def test_a_traceback_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    def command() -> None:
        raise ValueError("deep inside")

    monkeypatch.setenv("NAS_ZC_DEBUG", "1")
    with pytest.raises(ValueError, match="deep inside"):
        _reported(command)()


def test_faults_of_its_own_are_not_hidden() -> None:
    def command() -> None:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        _reported(command)()
