"""Modules that are there with NePS only."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest


def needs(name: str) -> Any:
    """The module; skips the test, or the whole file, where NePS is not installed."""
    pytest.importorskip("neps", reason="needs NePS, the extra [neps], in an environment of its own")
    return import_module(name)
