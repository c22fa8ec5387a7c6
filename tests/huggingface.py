"""Hugging Face's transformers, where they can be imported."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import pytest


def transformers() -> Any:
    """The library; a torchvision that was built for another torch would keep it from being imported."""
    try:
        import_module("torchvision")
    except (ImportError, RuntimeError):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "torchvision", None)
            for kind in ("bert", "roberta"):
                pytest.importorskip(f"transformers.models.{kind}.modeling_{kind}")
    return pytest.importorskip("transformers")
