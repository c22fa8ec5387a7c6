"""Measures the package's shape: files, lines of code, circles, shared names.

``python -m tests.house.measure`` prints the figures that ``tests/test_house.py`` bounds.
"""

from __future__ import annotations

import ast
import io
import statistics
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PACKAGE = "naslib_zc_plugin"
ROOT = Path(__file__).resolve().parents[2]
ENGINE = ("passes.engine", "passes.forward", "passes.per_sample")
FOLDERS_OF_ENTRIES = ("cli",)
"""Folders whose files are found by name, besides those that a ``Registry`` names."""
EXCEPTED = {"proxy"}
"""The decorator that makes a proxy, and the face's function that asks for one: the field's word for both."""
_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


@dataclass
class Module:
    """One file of the package, parsed."""

    name: str
    path: Path
    tree: ast.Module = field(repr=False)

    @cached_property
    def lines(self) -> int:
        """Count all lines."""
        return len(self.path.read_text(encoding="utf-8").splitlines())

    @cached_property
    def code_lines(self) -> int:
        """Count the lines that hold code: no docstring, comment, blank or import."""
        skipped: set[int] = set()
        for node in ast.walk(self.tree):
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if isinstance(node, (ast.Import, ast.ImportFrom)) or (is_text and isinstance(node.value.value, str)):
                skipped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        text = self.path.read_text(encoding="utf-8")
        tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type not in _LAYOUT]
        return len({line for t in tokens for line in range(t.start[0], t.end[0] + 1)} - skipped)

    @property
    def is_package(self) -> bool:
        """Whether it is a folder's ``__init__.py``."""
        return self.path.name == "__init__.py"

    @property
    def room(self) -> str:
        """The folder or file below the package."""
        return self.name.split(".")[0]


def _imported(tree: ast.AST, of_types: bool = True) -> Iterator[str]:
    """Yield the full names that a file imports, wherever the import stands."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if not of_types and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped |= {id(inner) for inner in ast.walk(node)}
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


class House:
    """The package's modules and what they import of each other."""

    def __init__(self, package: Path = ROOT / PACKAGE) -> None:
        self.modules: dict[str, Module] = {}
        for path in sorted(package.rglob("*.py")):
            parts = path.relative_to(package).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            self.modules[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))

    def _within(self, imports: Iterator[str], name: str) -> set[str]:
        names = {full[len(PACKAGE) + 1 :] for full in imports if full.startswith(PACKAGE + ".")}
        return {found for found in names if found in self.modules and found != name}

    @cached_property
    def importers(self) -> dict[str, set[str]]:
        """Map each module to those that import it."""
        found: dict[str, set[str]] = {name: set() for name in self.modules}
        for name, module in self.modules.items():
            for target in self._within(_imported(module.tree), name):
                found[target].add(name)
        return found

    @cached_property
    def names_of_entries(self) -> set[str]:
        """Names under which modules offer what a registry finds, such as ``run_search`` of a host."""
        found = set()
        for module in self.modules.values():
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call) and ast.unparse(node.func).split("[")[0] == "Registry":
                    offered = [k.value for k in node.keywords if k.arg == "attribute"]
                    found |= {value.value for value in offered if isinstance(value, ast.Constant)}
        return found

    @cached_property
    def folders_of_entries(self) -> set[str]:
        """Folders whose modules a registry finds by name."""
        found = set(FOLDERS_OF_ENTRIES)
        for module in self.modules.values():
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call) and ast.unparse(node.func).split("[")[0] == "Registry":
                    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                    found |= {text[len(PACKAGE) + 1 :] for text in texts[1:2] if text.startswith(PACKAGE)}
        return found

    def is_entry(self, module: Module) -> bool:
        """Whether a module lies in a folder whose files a registry finds by name."""
        return any(module.name.startswith(folder + ".") for folder in self.folders_of_entries)

    def third_parties(self, module: Module) -> set[str]:
        """Return the distributions that a module imports at its top."""
        names: set[str] = set()
        for node in module.tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names |= {full.split(".")[0] for full in _imported(ast.Module([node], []))}
        return names - {PACKAGE} - set(sys.stdlib_module_names)

    def single_importers(self) -> list[str]:
        """List the modules with one importer that are no boundary.

        A boundary is a module that imports a third party which its importer does not, or that a command shows.
        """
        found = []
        for name, users in self.importers.items():
            module = self.modules[name]
            if len(users) != 1 or module.is_package or self.is_entry(module):
                continue
            (user,) = users
            if user.startswith("cli.") and module.room != "cli":
                continue
            if not self.third_parties(module) - self.third_parties(self.modules[user]):
                found.append(f"{name} (of {user})")
        return found

    def circles(self) -> list[list[str]]:
        """List the groups of modules that import each other, imports of types aside."""
        arrows = {name: self._within(_imported(m.tree, of_types=False), name) for name, m in self.modules.items()}

        def reached(start: str) -> set[str]:
            seen, ways = set(), [start]
            while ways:
                for target in arrows[ways.pop()] - seen:
                    seen.add(target)
                    ways.append(target)
            return seen

        reach = {name: reached(name) for name in arrows}
        groups = {frozenset([*(o for o in reach[n] if n in reach[o])]) for n in arrows if n in reach[n]}
        return sorted(sorted(group) for group in groups)

    def shared_names(self) -> dict[str, set[str]]:
        """Map each public name of a class or function to its rooms, where it stands in more than one of them."""
        rooms: dict[str, set[str]] = defaultdict(set)
        for module in self.modules.values():
            if self.is_entry(module) and not module.is_package:
                continue
            for node in module.tree.body:
                if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
                    if node.name in self.names_of_entries | EXCEPTED:
                        continue
                    rooms[node.name].add(module.room)
        return {name: where for name, where in rooms.items() if len(where) > 1}

    @cached_property
    def figures(self) -> dict[str, float]:
        """Return the figures that are bounded."""
        sizes = sorted(module.lines for module in self.modules.values())
        return {
            "files": len(sizes),
            "lines": sum(sizes),
            "lines of code": sum(module.code_lines for module in self.modules.values()),
            "median file": statistics.median(sizes),
            "90 % file": sizes[int(0.9 * len(sizes))],
            "longest file": sizes[-1],
            "modules with one importer": len(self.single_importers()),
            "circles": len(self.circles()),
            "names in two rooms": len(self.shared_names()),
            "lines of code of the engine": sum(self.modules[n].code_lines for n in ENGINE if n in self.modules),
        }


def main() -> None:
    """Print the figures and what stands behind those that should be zero."""
    house = House()
    for title, value in house.figures.items():
        print(f"{title:30} {value:10,}")
    for title, rows in (
        ("modules with one importer that are no boundary", house.single_importers()),
        ("circles", [" ↔ ".join(circle) for circle in house.circles()]),
        ("names in two rooms", [f"{n}: {', '.join(sorted(r))}" for n, r in sorted(house.shared_names().items())]),
    ):
        print(f"\n{title}: {len(rows)}", *rows, sep="\n  ")


if __name__ == "__main__":
    main()
