"""The checkers themselves: each is shown what breaks its rule, and what only looks like it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.house import doors, style

Checker = Callable[[Path, str], Iterator[str]]

WRONG_DOORS = [
    ("observe/run.py", "from naslib_zc_plugin.proxies import naswot", "observe must not import proxies"),
    ("observe/run.py", "from ..score import score", "observe must not import score"),
    ("observe/run.py", "import naslib_zc_plugin", "observe must not import __init__"),
    ("proxies/snip.py", "from .. import score", "proxies must not import score"),
    ("proxies/snip.py", "def f():\n    from naslib_zc_plugin import cli", "proxies must not import cli"),
    (
        "score.py",
        "from importlib import import_module\nimport_module('naslib_zc_plugin.report')",
        "import report",
    ),
    ("score.py", "if TYPE_CHECKING:\n    from .campaign import store", "score must not import campaign"),
    ("score.py", "import pandas", "score must not import pandas"),
    ("score.py", "import requests", "no declared dependency"),
    ("search/area.py", "def f():\n    import torch", "search must not import torch (call)"),
    ("search/area.py", "from naslib_zc_plugin.hosts.nni import x", "search must not import hosts.nni"),
    ("report/table.py", "from naslib_zc_plugin import score", "report must not import score"),
    ("benchmarks/nlp.py", "from torch import nn", "benchmarks must not import torch (import)"),
    ("probes/__init__.py", "import torch.nn", "probes must not import torch (import)"),
    ("spaces/nb201/keys.py", "def f():\n    import torch", "spaces.*.keys* must not import torch (call)"),
    ("spaces/nb201/keys.py", "from .network import build", "must not import spaces.*.network*"),
    ("spaces/__init__.py", "import torch", "spaces must not import torch (import)"),
    ("hosts/nni/strategy.py", "import naslib", "hosts.nni must not import naslib"),
    ("hosts/nni/strategy.py", "from ..naslib import x", "hosts.nni must not import hosts.naslib"),
    ("campaign/run.py", "async def f():\n    import nni.nas", "campaign must not import nni"),
    ("cli/main.py", "class A:\n    import torch", "cli must not import torch (import)"),
    ("cellar/wine.py", "", "no room of that name"),
]
RIGHT_DOORS = [
    ("proxies/snip.py", "from ..observe import run\nimport torch, math, numpy.linalg"),
    ("score.py", "from naslib_zc_plugin.proxies import snip\nfrom .observe import run"),
    ("spaces/nb201/network.py", "import torch\nfrom .keys import sample"),
    ("spaces/__init__.py", "def build(key):\n    import torch\n    from .nb201 import network"),
    (
        "probes/__init__.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\nimport sklearn",
    ),
    (
        "hosts/nni/strategy.py",
        "import nni\nfrom naslib_zc_plugin import score\nfrom naslib_zc_plugin.strategies import area",
    ),
    ("cli/main.py", "import typer\nfrom naslib_zc_plugin.report import table"),
    ("testing/laws.py", "from naslib_zc_plugin import score, spaces, proxies\nimport pytest"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small package with every room, all empty."""
    rooms = ". observe proxies spaces spaces/nb201 probes benchmarks search report campaign testing cli"
    for room in (*rooms.split(), "hosts", "hosts/nni", "hosts/naslib"):
        (tmp_path / room).mkdir(exist_ok=True)
        (tmp_path / room / "__init__.py").touch()
    for file in (
        "score.py",
        "observe/run.py",
        "proxies/snip.py",
        "spaces/nb201/keys.py",
        "spaces/nb201/network.py",
    ):
        (tmp_path / file).touch()
    assert list(doors.violations(tmp_path)) == []
    return tmp_path


def _write(tree: Path, file: str, text: str) -> None:
    (tree / file).parent.mkdir(exist_ok=True)
    (tree / file).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("file", "text", "says"), WRONG_DOORS)
def test_a_wrong_door_is_named(tree: Path, file: str, text: str, says: str) -> None:
    _write(tree, file, text)
    (offence,) = doors.violations(tree)
    assert file in offence
    assert says in offence


@pytest.mark.parametrize(("file", "text"), RIGHT_DOORS)
def test_a_right_door_is_open(tree: Path, file: str, text: str) -> None:
    _write(tree, file, text)
    assert list(doors.violations(tree)) == []


def test_a_body_is_a_function_less_its_docstring() -> None:
    (node,) = style.functions(ast.parse('def f() -> int:\n    """One.\n\n    Two.\n    """\n    x = 1\n    return x\n'))
    assert style.body_lines(node) == 3


FUTURE = '"""Doc."""\nfrom __future__ import annotations\n'
OFFENCES = [
    (style.untyped, "def f(x, *, y: int) -> int: ...", "f lacks the type of x"),
    (style.untyped, "def f(*a, **k) -> int: ...", "a, k"),
    (style.untyped, "class A:\n    def __init__(self): ...", "its result"),
    (style.untyped, "def f() -> None:\n    def g(x) -> None: ...", "g lacks"),
    (style.undocumented, "x = 1", "the module"),
    (style.undocumented, '"""Doc."""\ndef f() -> int: ...', "f has no docstring"),
    (style.undocumented, '"""Doc."""\nclass A: ...', "A has no docstring"),
    (
        style.undocumented,
        '"""Doc."""\nclass A(Protocol):\n    """Doc."""\n    async def f(self): ...',
        "f has no",
    ),
    (style.forbidden, "print(1)", "print outside cli/"),
    (style.forbidden, "try:\n    pass\nexcept:\n    pass", "bare except"),
    (style.forbidden, "eval('1')", "eval"),
    (style.forbidden, "pickle.load(f)", "pickle.load"),
    (style.forbidden, "from pickle import load", "import pickle whole"),
    (style.forbidden, "np.load(f, allow_pickle=True)", "unpickles"),
    (style.forbidden, "torch.load(f, weights_only=False)", "unpickles"),
    (style.forbidden, "torch.load(f)", "without weights_only=True"),
    (style.forbidden, "# TODO: later", "unfinished"),
    (style.newer_than_39, FUTURE + "match x:\n    case 1: pass", "3.10"),
    (style.newer_than_39, '"""Doc."""\ndef f(x: int | None) -> None: ...', "annotations"),
    (style.newer_than_39, FUTURE + "@dataclass(slots=True)\nclass A: ...", "dataclass(slots=)"),
    (style.newer_than_39, FUTURE + "zip(a, b, strict=True)", "zip(strict=)"),
    (style.newer_than_39, FUTURE + "isinstance(x, int | str)", "isinstance with X | Y"),
    (style.newer_than_39, FUTURE + "from typing import Self", "typing.Self"),
    (style.newer_than_39, FUTURE + "def f(x: Annotated[int | None, option()] = None) -> None: ...", "Annotated"),
]
INNOCENT = [
    (
        style.untyped,
        "class A:\n    def f(self, *a: int, **k: int) -> A: ...\n    @classmethod\n    def g(cls) -> A: ...",
    ),
    (style.undocumented, '"""Doc."""\ndef _f(): ...\nclass A(B):\n    """Doc."""\n    def f(self): ...'),
    (style.undocumented, ""),
    (style.forbidden, "try:\n    net.eval()\nexcept Exception:\n    torch.load(f, weights_only=True)"),
    (style.newer_than_39, FUTURE + "def f(x: int | None) -> None: ...\ny = {} | {}"),
    (style.newer_than_39, FUTURE + "def f(x: Annotated[Optional[int], option()] = None) -> None: ...\ny: int | str"),
    (style.newer_than_39, FUTURE + "if TYPE_CHECKING:\n    from typing import Self"),
    (style.newer_than_39, '"""Doc."""\n'),
]


@pytest.mark.parametrize(("check", "text", "says"), OFFENCES)
def test_an_offence_is_named(check: Checker, text: str, says: str) -> None:
    (offence,) = check(Path("naslib_zc_plugin/x.py"), text)
    assert says in offence


@pytest.mark.parametrize(("check", "text"), INNOCENT)
def test_what_is_allowed_passes(check: Checker, text: str) -> None:
    assert list(check(Path("naslib_zc_plugin/x.py"), text)) == []


def test_the_command_line_may_print() -> None:
    assert list(style.forbidden(Path("naslib_zc_plugin/cli/x.py"), "print(1)")) == []
