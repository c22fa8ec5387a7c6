"""Modules that are there with NNI only."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest


def needs(name: str) -> Any:
    """The module; skips the test, or the whole file, where NNI is not installed."""
    for each in ("nni", "pytorch_lightning"):
        pytest.importorskip(each, reason="needs NNI, the extra [nni]")
    return import_module(name)
