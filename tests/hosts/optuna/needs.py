"""Modules that are there with Optuna only."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest


def needs(name: str) -> Any:
    """The module; skips the test, or the whole file, where Optuna is not installed."""
    pytest.importorskip("optuna", reason="needs Optuna, the extra [optuna]")
    return import_module(name)
