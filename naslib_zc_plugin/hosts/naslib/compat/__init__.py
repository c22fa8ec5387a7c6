"""NASLib Develop on today's Python: the breaks that are known, each detected first, and repaired if it is there.

Nothing is repaired by importing this: :func:`repair` is asked for.
"""

from __future__ import annotations

import collections
import collections.abc
from collections.abc import Iterable
from typing import Any

_KEPT: list[Any] = []


def repair(names: Iterable[str] | None = None) -> list[str]:
    """Apply the repairs that are needed here; their names."""
    applied = []
    if not hasattr(collections, "Iterable"):
        collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]
        applied.append("collections")
    import torch

    if not _KEPT:
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)
        applied.append("torchvision")
    return applied
