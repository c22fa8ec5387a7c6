"""Which room of the package may import which, as data, and the checker that walks every import.

An import counts wherever it stands: at module level ("import"), in a function ("call") or under
``TYPE_CHECKING`` ("typing"). Between rooms all three open a door, for a type is knowledge as well. For torch
they differ: what has to be quick to import may name it in a type, or import it in the call that builds.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

PACKAGE = "naslib_zc_plugin"
FACADE = "__init__"

NEVER: frozenset[str] = frozenset()
LATE = frozenset({"call", "typing"})
FREE = frozenset({"import", "call", "typing"})


@dataclass(frozen=True)
class Room:
    """The rooms that its modules may import besides their own, and when they may import torch."""

    opens: frozenset[str]
    torch: frozenset[str]


def _room(opens: str, torch: frozenset[str]) -> Room:
    return Room(frozenset(opens.split()), torch)


_SCORING = "score presets proxies extend record request observe"
_LAB = "spaces spaces.*.keys* spaces.*.network* probes benchmarks table files"

# Patterns of dotted names below the package; the first that fits a module or its package is its room.
ROOMS = {
    FACADE: _room("score proxies request", LATE),
    "__main__": _room("cli", NEVER),
    "observe": _room("", FREE),
    "request": _room("", NEVER),
    "plugins": _room("", NEVER),
    "table": _room("", NEVER),
    "files": _room("", NEVER),
    "record": _room("observe request", FREE),
    "extend": _room("observe record", FREE),
    "proxies": _room("observe extend record request plugins", FREE),
    "presets": _room("request probes", LATE),
    "score": _room("proxies observe record request", FREE),
    "cost": _room("score proxies observe request", FREE),
    "training": _room("", FREE),
    # NNI builds them, in the call that builds.
    "spaces._nds.network*": _room("spaces spaces.*.keys* hosts.nni", FREE),
    "spaces.*.network*": _room("spaces spaces.*.keys*", FREE),
    "spaces.*.keys*": _room("spaces", NEVER),
    "spaces": _room("plugins spaces.*.keys* spaces.*.network* spaces._nds.network*", LATE),
    "probes": _room("files", LATE),
    "benchmarks": _room("files spaces spaces.*.keys*", NEVER),
    "strategies": _room("plugins spaces spaces.*.keys*", NEVER),
    "report": _room("table benchmarks spaces spaces.*.keys*", NEVER),
    "hosts.nni": _room(f"{FACADE} hosts strategies training {_SCORING} {_LAB}", FREE),
    # Campaigns, for their scores: NASLib reads such tables itself.
    "hosts.naslib": _room(f"{FACADE} hosts strategies campaign {_SCORING} {_LAB}", FREE),
    "hosts": _room(f"{FACADE} strategies {_SCORING} {_LAB}", FREE),
    "campaign": _room(f"{FACADE} strategies {_SCORING} {_LAB}", LATE),
    "search": _room(f"{FACADE} strategies hosts campaign report training {_SCORING} {_LAB}", LATE),
    "testing": _room(f"{FACADE} strategies {_SCORING} {_LAB}", FREE),
    "cli": _room(
        f"{FACADE} report cost training campaign search hosts hosts.nni hosts.naslib strategies testing "
        f"{_SCORING} {_LAB}",
        LATE,
    ),
}

# Third-party modules and the rooms that may import them; what is not listed is no dependency of this package.
EVERYWHERE = frozenset({"numpy", "scipy"})
OUTSIDE = {
    "nni": {"hosts.nni"},
    "playhouse": {"hosts.nni"},
    "naslib": {"hosts.naslib"},
    "fvcore": {"hosts.naslib"},
    "typer": {"cli"},
    "rich": {"cli"},
    "sklearn": {"probes", "hosts.naslib"},
    "tokenizers": {"probes"},
    "matplotlib": {"report", "cli"},
    "pandas": {"benchmarks", "campaign", "report", "cli"},
    "pyarrow": {"benchmarks", "campaign", "report", "cli"},
    "yaml": {"files", "hosts.nni"},
    "distributed": {"campaign"},
    "pytest": {"testing"},
    "hypothesis": {"testing"},
}


@dataclass(frozen=True)
class Import:
    """One imported module: its absolute dotted name, the line, and when it is imported."""

    module: str
    line: int
    when: str


class _Imports(ast.NodeVisitor):
    """Collects the imports of the module ``name``, relative ones made absolute."""

    def __init__(self, name: str, is_package: bool) -> None:
        self._parents = name.split(".") if is_package else name.split(".")[:-1]
        self._when = "import"
        self.found: list[Import] = []

    def _visit_as(self, when: str, nodes: list[ast.stmt]) -> None:
        before, self._when = self._when, when
        for node in nodes:
            self.visit(node)
        self._when = before

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        self.visit(node.args)
        self._visit_as("call" if self._when == "import" else self._when, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_If(self, node: ast.If) -> None:
        typing = ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        self._visit_as("typing" if typing else self._when, node.body)
        self._visit_as(self._when, node.orelse)

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [Import(alias.name, node.lineno, self._when) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        above = self._parents[: len(self._parents) + 1 - node.level] if node.level else []
        module = ".".join(above + ([node.module] if node.module else []))
        # `from a import b`: b may be a module; `modules()` decides.
        self.found += [Import(f"{module}.{alias.name}", node.lineno, self._when) for alias in node.names]

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        if called in ("import_module", "importlib.import_module", "__import__") and node.args:
            target = node.args[0]
            if isinstance(target, ast.Constant) and isinstance(target.value, str):
                self.found.append(Import(target.value, node.lineno, self._when))
        self.generic_visit(node)


def modules(root: Path) -> dict[str, Path]:
    """Dotted name below the package folder ``root`` (the package itself: ``__init__``) → file."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[-1] == "__init__" and len(parts) > 1:
            parts = parts[:-1]
        found[".".join(parts)] = path
    return found


def room_of(module: str) -> str | None:
    """The room of a dotted name below the package; None where :data:`ROOMS` knows none."""
    parts = module.split(".")
    names = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
    return next((room for room in ROOMS if any(fnmatchcase(name, room) for name in names)), None)


def imports(name: str, path: Path) -> list[Import]:
    """Every import of the module ``name`` (dotted, below the package) in ``path``."""
    absolute = PACKAGE if name == FACADE else f"{PACKAGE}.{name}"
    visitor = _Imports(absolute, path.name == "__init__.py")
    visitor.visit(ast.parse(path.read_text(encoding="utf-8")))
    return visitor.found


def _inside(module: str, known: dict[str, Path]) -> str:
    """The module that an absolute import reaches; a name of the package itself belongs to the façade."""
    parts = module.split(".")[1:]
    names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((name for name in names if name in known), FACADE)


def _offence(room: str, seen: Import, known: dict[str, Path]) -> str | None:
    rules = ROOMS[room]
    top = seen.module.split(".")[0]
    if top == PACKAGE:
        target = room_of(_inside(seen.module, known))
        closed = target != room and target not in rules.opens
        return f"{room} must not import {target} ({seen.module})" if closed else None
    if top in ("torch", "torchvision"):
        return None if seen.when in rules.torch else f"{room} must not import torch ({seen.when})"
    if top in EVERYWHERE or top in sys.stdlib_module_names or top == "__future__":
        return None
    if top not in OUTSIDE:
        return f"{room} imports {top}, which is no declared dependency"
    return None if room in OUTSIDE[top] else f"{room} must not import {top}"


def violations(root: Path) -> Iterator[str]:
    """One line per import that opens a door the wrong way, and per module without a known room."""
    known = modules(root)
    for name, path in known.items():
        room = room_of(name)
        if room is None:
            yield f"{path}: no room of that name; give it its doors in {Path(__file__).name}"
            continue
        for seen in imports(name, path):
            offence = _offence(room, seen, known)
            if offence:
                yield f"{path}:{seen.line}: {offence}"
