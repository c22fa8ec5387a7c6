"""The softmax inside torch's attention functions, recomputed from what they were called with."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def head_weights(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
    """Attention weights (…, L, S) of a call of ``F.scaled_dot_product_attention``, before dropout.

    Rows that a mask leaves nothing to attend to are zero.
    """
    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
    given = {**dict(zip(names, args)), **kwargs}
    query, key, mask = given["query"].detach(), given["key"].detach(), given.get("attn_mask")
    if given.get("enable_gqa"):
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], dim=-3)
    scale = given.get("scale")
    scores = (query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)) @ key.transpose(-2, -1)
    if given.get("is_causal"):
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype is torch.bool else scores + mask.detach()
    weights: Tensor = scores.softmax(-1).nan_to_num(0)
    return weights


def weights_of_heads(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Tensor:
    """Attention weights (N, heads, L, S) of a call of ``F.multi_head_attention_forward``, likewise."""
    given = dict(zip(inspect.signature(F.multi_head_attention_forward).parameters, args))
    asked = {**given, **kwargs, "need_weights": True, "average_attn_weights": False, "dropout_p": 0.0}
    with torch.no_grad():
        weights = F.multi_head_attention_forward(**asked)[1]
    assert weights is not None  # they are asked for
    return weights.nan_to_num(0)
