"""torchvision without its compiled operators."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from naslib_zc_plugin.hosts.naslib.compat._record import Repair

_KEPT: list[Any] = []  # a library takes its operators along when it goes
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def _fails() -> bool:
    if "torchvision" in sys.modules or find_spec("torchvision") is None:
        return False
    try:
        import_module("torchvision")
    except RuntimeError as error:
        return "operator torchvision::" in str(error)
    return False


def _declare() -> None:
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(name + _SCHEMA)
    _KEPT.append(library)


OPERATORS = Repair(
    name="torchvision-operators",
    breaks="torchvision cannot load its compiled operators (built for another torch, or for CUDA): "
    "`import torchvision` fails, and with it all of NASLib",
    remedy="nms and qnms are declared, so that the import goes through; calling them still fails. NASLib does not",
    detect=_fails,
    apply=_declare,
)
