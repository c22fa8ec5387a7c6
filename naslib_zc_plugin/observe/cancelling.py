"""Sums that a layer norm makes vanish, so that what is computed from them is rounding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from naslib_zc_plugin.observe.measures import precise
from naslib_zc_plugin.observe.observation import Undefined


def cancels(values: Tensor) -> bool:
    """Whether all features of a position, (…, features), add up to nothing, at every position."""
    if values.ndim < 2 or values.shape[-1] < 2:
        return False
    # What a layer norm gives is off by its own rounding, which in half precision is the most of it.
    within = max(1e-5, torch.finfo(values.dtype).eps) if values.is_floating_point() else 1e-5
    exact = precise(values.detach())
    sums, sizes = exact.sum(-1).abs(), exact.abs().sum(-1)
    return bool((sizes > 0).any()) and bool((sums <= within * sizes).all())


def check_sum(outputs: Tensor) -> None:
    """The sum of the outputs is no constant.

    Raises:
        Undefined: the outputs of each position add up to nothing.
    """
    if cancels(outputs):
        raise Undefined(
            "the outputs add up to nothing at every position (a layer norm comes last): their sum has no gradient but "
            "rounding. Pass logits= a head's output, or a loss where the proxy takes one"
        )


def check_features(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
    """Handler of a linear layer whose weights are all equal, which sums the features of its input.

    Raises:
        Undefined: they add up to nothing.
    """
    if cancels(args[0] if args else kwargs["input"]):
        raise Undefined("equal weights add up the features of a layer norm, which gives nothing but rounding")
    return output
