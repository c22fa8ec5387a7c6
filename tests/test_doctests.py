"""The examples in docstrings run, in every module that can be imported here."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

import naslib_zc_plugin

PACKAGE = Path(naslib_zc_plugin.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:  # a host or an extra that is not installed
        pytest.skip(f"{name} needs {error.name}")


def examples(module: ModuleType) -> Iterator[doctest.DocTest]:
    """Return the docstrings of a module that hold examples."""
    return (test for test in doctest.DocTestFinder().find(module, module.__name__) if test.examples)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(examples(_import(_name(path))))
    assert found, "an example stands where doctest does not look for it"
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for test in found:
        said: list[str] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            runner.run(test, out=said.append)
        assert not runner.summarize(verbose=False).failed, "".join(said)


def test_every_proxy_has_an_example() -> None:
    import naslib_zc_plugin as zc

    without = [name for name in zc.list_proxies() if ">>> " not in zc.describe(name).documentation]
    assert without == []
