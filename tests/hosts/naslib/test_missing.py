"""Without NASLib, with half of it, or without repairs, the error says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from naslib_zc_plugin.hosts.naslib import compat
from naslib_zc_plugin.hosts.naslib.compat import NEEDED, missing

ROOT = Path(__file__).resolve().parents[3]
_EXTRA = "pip install 'naslib-zc-plugin[naslib]'"


def _error(code: str, *paths: Path) -> str:
    code += (
        "\ntry:\n    from naslib_zc_plugin.hosts.naslib import RandomSearch\n"
        "except ImportError as error:\n    print(error)"
    )
    path = os.pathsep.join(map(str, paths))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT)]))},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _package(folder: Path, text: str) -> Path:
    """A folder with a package ``naslib`` of this text in it."""
    (folder / "naslib").mkdir()
    (folder / "naslib" / "__init__.py").write_text(text)
    return folder


def test_without_it_the_error_says_how_to_get_it() -> None:
    said = _error("import sys\nsys.modules['naslib'] = None")
    assert said.startswith("NASLib as a host needs naslib, not found: git clone ")
    assert "PYTHONPATH" in said and "refuses Python after 3.9" in said and _EXTRA in said


@pytest.mark.skipif(bool(missing(NEEDED)), reason="needs the extra [naslib]")
def test_a_package_that_is_missing_is_named(tmp_path: Path) -> None:
    tree = _package(tmp_path, "import fvcore")
    assert _error("import sys\nsys.modules['fvcore'] = None", tree) == (
        f"NASLib imports fvcore, not installed: {_EXTRA} (or pip install fvcore)\n"
    )
    tree = _package(tmp_path / "naslib", "import no_such_module")
    said = _error("from naslib_zc_plugin.hosts.naslib import compat\ncompat.repair()", tree)
    assert said.startswith(f"NASLib imports no_such_module, not installed: {_EXTRA}")


@pytest.mark.skipif(bool(missing(NEEDED)), reason="needs the extra [naslib]")
def test_repairs_that_would_help_are_named_else_the_doctor(tmp_path: Path) -> None:
    tree = _package(tmp_path, "raise RuntimeError('operator torchvision::nms does not exist')")
    assert "operator torchvision::nms does not exist; `nas-zc doctor` tells" in _error(
        "from naslib_zc_plugin.hosts.naslib import compat\ncompat.repair()", tree
    )
    needed = [each.name for each in compat.repairs() if each.status != "not needed"]
    if needed:
        said = _error("", tree)
        assert f"First call naslib_zc_plugin.hosts.naslib.compat.repair(), which repairs {needed[0]}" in said
        assert all(name in said for name in needed)


def test_the_rest_of_the_room_does_without() -> None:
    code = (
        "import sys\nsys.modules['naslib'] = None\nimport naslib_zc_plugin.hosts.naslib as host\n"
        "assert set(host.__all__) <= set(dir(host))\nassert host.dataset_api\n"
        "assert 'torchvision' not in sys.modules"
    )
    assert _error(code)
