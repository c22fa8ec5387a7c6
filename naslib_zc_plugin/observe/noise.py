"""Noise on what a network is shown: on real inputs themselves, on the embedding of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.observe.batch import tensors, tree_map
from naslib_zc_plugin.observe.capture import Function
from naslib_zc_plugin.observe.embedding import embeds_tokens
from naslib_zc_plugin.observe.seeding import derived_seed


def noisy(values: Tensor, amplitude: float, seed: int) -> Tensor:
    """``values`` + amplitude · v · n: v the variance over the batch, n ~ N(0, 1), the same for every amplitude."""
    generator = torch.Generator("cpu").manual_seed(derived_seed(seed, "noise"))
    drawn = torch.randn(values.shape, generator=generator, dtype=torch.float32, device="cpu")
    drawn = drawn.to(values.device, values.dtype)
    return values + amplitude * values.detach().var(0, unbiased=False, keepdim=True) * drawn


def noisy_inputs(inputs: Any, amplitude: float, seed: int) -> Any:
    """Real inputs with noise; tokens as they are."""
    return tree_map(lambda x: noisy(x, amplitude, seed) if x.is_floating_point() else x, inputs)


def noisy_embedding(inputs: Any, amplitude: float, seed: int) -> Mapping[Function, Function]:
    """What stands in for embeddings where the inputs are tokens: noise on the output of the first one."""
    if any(tensor.is_floating_point() for tensor in tensors(inputs)):
        return {}
    done = [False]

    def embedding(*args: Any, **kwargs: Any) -> Tensor:
        output = F.embedding(*args, **kwargs)
        if done[0] or not embeds_tokens(args, kwargs, output, inputs):
            return output
        done[0] = True
        return noisy(output, amplitude, seed)

    return {F.embedding: embedding}
