"""Modules that are there with NASLib only."""

from __future__ import annotations

import sys
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.hosts.naslib import compat

TREE = Path(__file__).resolve().parents[4] / "NASLib"
"""Where NASLib's source lies if it is not installed: beside the checkout."""


def _installed(distribution: str) -> bool:
    try:
        return bool(metadata.version(distribution))
    except metadata.PackageNotFoundError:
        return False


needs_xgboost = pytest.mark.skipif(not _installed("xgboost"), reason="needs XGBoost: pip install xgboost")
"""For what NASLib's guided searches and ensembles train; the extra [naslib] leaves it out."""


def needs(name: str) -> Any:
    """The module, with the repairs applied; skips the test, or the whole file, where NASLib is not to be had."""
    if find_spec("naslib") is None and (TREE / "naslib" / "__init__.py").exists():
        sys.path.append(str(TREE))
    if find_spec("naslib") is None:
        pytest.skip(f"needs NASLib, on sys.path or in {TREE}", allow_module_level=True)
    compat.repair()
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("naslib", "naslib_zc_plugin")):
            raise
        pytest.skip(f"needs {error.name}, the extra [naslib]", allow_module_level=True)
