"""Modules changed as they are imported: a made module in place of one of NASLib's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from naslib_zc_plugin.hosts.naslib.compat import ImportHook, _Absent, overlay

Made = tuple[Path, ImportHook]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """An empty package ``made`` that can be imported, and a hook for it; afterwards all is as before."""
    package = tmp_path / "made"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield package, ImportHook("made")
    for name in [name for name in sys.modules if name.partition(".")[0] == "made"]:
        del sys.modules[name]


def _uses_math(package: Path) -> None:
    (package / "uses.py").write_text("import math\n\ndef area(r):\n    return math.pi * math.pow(r, 2)\n")


@pytest.mark.parametrize("first", [False, True])
def test_one_module_sees_the_overlay_imported_before_or_after(made: Made, first: bool) -> None:
    import math

    package, hook = made
    _uses_math(package)
    (package / "other.py").write_text("import math\nfrom made.uses import area\n")
    early = import_module("made.other").area if first else None
    overlay(["made.uses"], "math", hook, pi=3)
    module = import_module("made.uses")
    # What was imported from it earlier is the same function, and sees it as well.
    assert module.area(2) == 12 and (early or module.area)(2) == 12
    assert import_module("made.other").math.pi == math.pi and math.pi > 3
    assert module.math.sqrt is math.sqrt and not hasattr(module.math, "no_such")


def test_a_module_does_not_notice_how_it_was_loaded(made: Made) -> None:
    package, hook = made
    _uses_math(package)
    overlay(["made.uses"], "math", hook, pi=3)
    module = import_module("made.uses")
    assert module.__spec__ is not None
    assert isinstance(module.__spec__.loader, SourceFileLoader) and module.__loader__ is module.__spec__.loader


def test_all_changes_are_made_in_order_once_the_module_is_there(made: Made) -> None:
    package, hook = made
    (package / "uses.py").write_text("LOG = ['module']")
    log: list[str] = []

    def change(word: str, module: ModuleType) -> None:
        log.extend([*module.LOG, word])

    for word in "ab":
        hook.change("made.uses", lambda module, word=word: change(word, module))
    import_module("made.uses")
    hook.change("made.uses", lambda module: change("c", module))
    assert log == ["module", "a", "module", "b", "module", "c"]


def test_a_module_that_fails_can_be_imported_again(made: Made) -> None:
    package, hook = made
    (package / "uses.py").write_text("import math\nraise RuntimeError('not yet')")
    overlay(["made.uses"], "math", hook, pi=3)
    with pytest.raises(RuntimeError, match="not yet"):
        import_module("made.uses")
    _uses_math(package)
    sys.path_importer_cache.clear()
    assert import_module("made.uses").area(1) == 3


def test_a_missing_package_is_missed_when_it_is_used(made: Made) -> None:
    package, hook = made
    (package / "inner.py").write_text("from no_such.deep import Net, make\n")
    (package / "uses.py").write_text(
        "import no_such\nimport no_such.deep.er as er\nfrom made.inner import Net, make\n\n"
        "class Mine(Net):\n    def __init__(self):\n        pass\n"
    )
    (package.parent / "stranger.py").write_text("try:\n    import no_such\nexcept ImportError:\n    no_such = None\n")
    (package / "asks.py").write_text("import stranger, no_such\n")
    hook.absent = frozenset(["no_such"])
    hook.install()
    module, before = import_module("made.uses"), list(sys.meta_path)
    for call in (module.Mine, module.Net, module.make, module.er.Any):
        with pytest.raises(ImportError, match=r"no_such\S* is used, and no_such is not installed: pip install no_such"):
            call()
    # Nobody else finds it, then or later.
    assert import_module("made.asks").stranger.no_such is None
    assert not [name for name, found in sys.modules.items() if isinstance(found, _Absent)]
    with pytest.raises(ModuleNotFoundError):
        import_module("no_such")
    assert sys.meta_path == before
    del sys.modules["stranger"]
