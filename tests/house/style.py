"""How a file of the package may be written: sizes, types, docstrings, forbidden calls, Python 3.9.

Each checker takes the path and the text of one file and yields one line per offence, ``path:line: what``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Union

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# Bases that lend a class no documented method of their own.
PLAIN_BASES = {"ABC", "Generic", "NamedTuple", "Protocol", "Enum"}
MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "pickle.load",
    "pickle.loads",
    "cloudpickle.load",
    "cloudpickle.loads",
    "joblib.load",
}
FORBIDDEN_KEYWORDS = {("allow_pickle", True), ("weights_only", False)}

# What Python 3.9 parses and then refuses.
NEWER_KEYWORDS = {
    "dataclass": {"slots", "kw_only", "match_args"},
    "field": {"kw_only"},
    "zip": {"strict"},
    "entry_points": {"group", "name"},
}
NEWER_NAMES = {
    "typing": set(
        "Concatenate LiteralString Never NotRequired ParamSpec Required Self TypeAlias TypeGuard "
        "TypeVarTuple Unpack assert_never assert_type dataclass_transform override".split()
    ),
    "contextlib": {"chdir"},
    "datetime": {"UTC"},
    "enum": {"StrEnum"},
    "itertools": {"batched", "pairwise"},
    "types": {"EllipsisType", "NoneType", "UnionType"},
}


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method, nested ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))


def body_lines(node: Function) -> int:
    """Lines of a function less its docstring."""
    doc = ast.get_docstring(node, clean=False)
    return (node.end_lineno or node.lineno) - node.lineno + 1 - (doc.count("\n") + 1 if doc else 0)


def untyped(path: Path, text: str) -> Iterator[str]:
    """Functions with an argument or a result that carries no annotation."""
    for node in functions(ast.parse(text)):
        given = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        given += [extra for extra in (node.args.vararg, node.args.kwarg) if extra]
        bare = [a.arg for a in given if a.annotation is None and a.arg not in ("self", "cls")]
        if bare or node.returns is None:
            yield f"{path}:{node.lineno}: {node.name} lacks the type of {', '.join(bare) or 'its result'}"


def _own_words(node: ast.ClassDef) -> bool:
    """Whether a class speaks for itself: a method that overrides has the docstring of what it overrides."""
    bases = {ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases}
    return bases <= PLAIN_BASES


def _public(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    for node in tree.body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef) and _own_words(node):
                yield from (m for m in node.body if isinstance(m, FUNCTIONS) and not m.name.startswith("_"))


def undocumented(path: Path, text: str) -> Iterator[str]:
    """Modules, public functions, public classes and their public methods that have no docstring."""
    tree = ast.parse(text)
    if tree.body and not ast.get_docstring(tree):
        yield f"{path}:1: the module has no docstring"
    for node in _public(tree):
        aside = {ast.unparse(d).split(".")[-1] for d in node.decorator_list} & {
            "overload",
            "setter",
            "deleter",
        }
        if not ast.get_docstring(node) and not aside:
            yield f"{path}:{node.lineno}: {node.name} has no docstring"


def _forbidden_call(node: ast.Call, prints: bool) -> str | None:
    called = ast.unparse(node.func)
    words = {(k.arg, k.value.value) for k in node.keywords if isinstance(k.value, ast.Constant)}
    if called == "print" and not prints:
        return "print outside cli/"
    if called in FORBIDDEN_CALLS:
        return f"{called}: never on what a user can reach"
    if words & FORBIDDEN_KEYWORDS:
        return "unpickles what it reads"
    # Before torch 2.6 the default was to unpickle.
    if called == "torch.load" and ("weights_only", True) not in words:
        return "torch.load without weights_only=True"
    return None


def forbidden(path: Path, text: str) -> Iterator[str]:
    """Prints outside ``cli/``, bare excepts, eval, unpickling, and marks of unfinished work."""
    for number, line in enumerate(text.splitlines(), 1):
        if MARKS.search(line):
            yield f"{path}:{number}: unfinished: {line.strip()}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"{path}:{node.lineno}: bare except"
        elif isinstance(node, ast.ImportFrom) and node.module in ("pickle", "cloudpickle", "joblib"):
            yield f"{path}:{node.lineno}: import {node.module} whole, so that its calls are seen"
        elif isinstance(node, ast.Call):
            offence = _forbidden_call(node, prints="cli" in path.parts)
            if offence:
                yield f"{path}:{node.lineno}: {offence}"


def _newer_call(node: ast.Call) -> str | None:
    called = ast.unparse(node.func).split(".")[-1]
    words = {k.arg for k in node.keywords} & NEWER_KEYWORDS.get(called, set())
    if words:
        return f"{called}({', '.join(sorted(map(str, words)))}=)"
    if called in ("isinstance", "issubclass") and any(isinstance(a, ast.BinOp) for a in node.args[1:]):
        return f"{called} with X | Y"
    return None


def newer_than_39(path: Path, text: str) -> Iterator[str]:
    """Syntax, keywords and names unknown to Python 3.9, and files whose annotations it would evaluate."""
    try:
        tree = ast.parse(text, feature_version=(3, 9))
    except SyntaxError as error:
        yield f"{path}:{error.lineno}: {error.msg}"
        return
    futures = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    if not any(alias.name == "annotations" for node in futures for alias in node.names) and len(tree.body) > 1:
        yield f"{path}:1: no `from __future__ import annotations`"
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and re.search("TYPE_CHECKING|version_info", ast.unparse(node.test))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Call):
            offence = _newer_call(node)
            if offence:
                yield f"{path}:{node.lineno}: {offence} needs Python 3.10"
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Annotated":
            if any(isinstance(part, ast.BinOp) for part in ast.walk(node.slice)):
                yield f"{path}:{node.lineno}: Annotated[X | Y], which is evaluated, needs Python 3.10"
        elif isinstance(node, ast.ImportFrom):
            for name in sorted({a.name for a in node.names} & NEWER_NAMES.get(node.module or "", set())):
                yield f"{path}:{node.lineno}: {node.module}.{name} is newer than Python 3.9"
