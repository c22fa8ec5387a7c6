"""Which embedding of a pass is that of the batch's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from naslib_zc_plugin.observe.batch import tensors


def holds_tokens(inputs: Any) -> bool:
    """Whether some of the inputs are no real numbers."""
    return not all(tensor.is_floating_point() for tensor in tensors(inputs))


def embeds_tokens(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor, inputs: Any) -> bool:
    """Whether a call of ``F.embedding`` was on the batch's tokens: not on positions, were they as many as samples."""
    samples = len(tensors(inputs)[0])
    if output.ndim < 2 or len(output) != samples:
        return False
    indices = args[0] if args else kwargs["input"]
    counted = indices.ndim == 1 and torch.equal(indices, torch.arange(samples, device=indices.device))
    return not counted or any(tensor.ndim == 1 for tensor in tensors(inputs))
