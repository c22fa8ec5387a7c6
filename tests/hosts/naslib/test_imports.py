"""Modules changed as they are imported: a made module in place of one of NASLib's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from naslib_zc_plugin.hosts.naslib.compat import _imports
from naslib_zc_plugin.hosts.naslib.compat._absent import _Absent, _standing_in
from naslib_zc_plugin.hosts.naslib.compat._imports import around_import
from naslib_zc_plugin.hosts.naslib.compat._overlay import overlay


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package ``made`` that can be imported; afterwards all is as before."""
    package = tmp_path / "made"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(_imports, "_AROUND", {})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "made"]:
        del sys.modules[name]


def _uses_math(package: Path) -> None:
    (package / "uses.py").write_text("import math\n\ndef area(r):\n    return math.pi * math.pow(r, 2)\n")


@pytest.mark.parametrize("first", [False, True])
def test_one_module_sees_the_overlay_imported_before_or_after(made: Path, first: bool) -> None:
    import math

    _uses_math(made)
    (made / "other.py").write_text("import math\nfrom made.uses import area\n")
    early = import_module("made.other").area if first else None
    overlay(["made.uses"], "math", pi=3)
    module = import_module("made.uses")
    # What was imported from it earlier is the same function, and sees it as well.
    assert module.area(2) == 12 and (early or module.area)(2) == 12
    assert import_module("made.other").math.pi == math.pi and math.pi > 3
    assert module.math.sqrt is math.sqrt and not hasattr(module.math, "no_such")


def test_a_module_does_not_notice_how_it_was_loaded(made: Path) -> None:
    _uses_math(made)
    overlay(["made.uses"], "math", pi=3)
    module = import_module("made.uses")
    assert module.__spec__ is not None
    assert isinstance(module.__spec__.loader, SourceFileLoader) and module.__loader__ is module.__spec__.loader
    assert not isinstance(import_module("made").__loader__, _imports._Around)


def test_all_that_was_asked_for_is_done_in_order(made: Path) -> None:
    (made / "uses.py").write_text("LOG.append('module')")
    log: list[str] = []

    @contextmanager
    def around(word: str, module: ModuleType) -> Iterator[None]:
        module.__dict__["LOG"] = log
        log.append(f"before {word}")
        yield
        log.append(f"after {word}")

    for word in "ab":
        around_import("made.uses", partial(around, word))
    import_module("made.uses")
    assert log == ["before a", "before b", "module", "after b", "after a"]
    around_import("made.uses", partial(around, "c"))
    assert log[5:] == ["before c", "after c"]


def test_a_module_that_fails_can_be_imported_again(made: Path) -> None:
    (made / "uses.py").write_text("import math\nraise RuntimeError('not yet')")
    overlay(["made.uses"], "math", pi=3)
    with pytest.raises(RuntimeError, match="not yet"):
        import_module("made.uses")
    _uses_math(made)
    sys.path_importer_cache.clear()
    assert import_module("made.uses").area(1) == 3


def test_a_missing_package_is_missed_when_it_is_used(made: Path) -> None:
    (made / "uses.py").write_text(
        "import pybnn\nimport pybnn.deep.er as er\nfrom pybnn.deep import Net, make\n\n"
        "class Mine(Net):\n    def __init__(self):\n        pass\n"
    )
    around_import("made.uses", partial(_standing_in, ["pybnn"]))
    module, before = import_module("made.uses"), sys.meta_path
    for call in (module.Mine, module.Net, module.make, module.er.Any):
        with pytest.raises(ImportError, match=r"pybnn\S* is used, and pybnn is not installed: pip install pybnn"):
            call()
    # Nobody else is told that it is there.
    assert not [name for name, found in sys.modules.items() if isinstance(found, _Absent)]
    assert sys.meta_path == before
    assert not any(type(finder).__name__ == "_Stand" for finder in sys.meta_path)
