"""What the network is shown during a pass: the batch, or inputs that a proxy makes itself (of the batch's shape)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from naslib_zc_plugin.observe.batch import Batch, tensors, tree_map
from naslib_zc_plugin.observe.observation import Undefined


@dataclass(frozen=True)
class Given:
    """The batch itself (a copy: a network that writes into its input does not reach the user's)."""

    draws: ClassVar[bool] = False
    data: ClassVar[bool] = True

    def shown(self, batch: Batch) -> tuple[Any, ...]:
        """Inputs of the pass's forward runs, one after another."""
        return (tree_map(Tensor.clone, batch.inputs),)


@dataclass(frozen=True)
class Ones(Given):
    """A single sample of ones. Integer inputs (tokens) have no size: the first sample's stay."""

    data: ClassVar[bool] = False

    def shown(self, batch: Batch) -> tuple[Any, ...]:
        """Inputs of the pass's forward runs, one after another."""
        return (tree_map(lambda x: torch.ones_like(x[:1]) if x.is_floating_point() else x[:1].clone(), batch.inputs),)


@dataclass(frozen=True)
class Few(Given):
    """The first two samples, the fewest that batch norm always takes: for what shapes alone tell."""

    data: ClassVar[bool] = False

    def shown(self, batch: Batch) -> tuple[Any, ...]:
        """Inputs of the pass's forward runs, one after another."""
        return (tree_map(lambda x: x[:2].clone(), batch.inputs),)


@dataclass(frozen=True)
class NormalPair(Given):
    """x ~ N(0, 1) of the samples' shape, then x + gamma·x' with x' ~ N(0, 1).

    Attributes:
        gamma: size of the perturbation.
        size: number of samples.
    """

    gamma: float
    size: int = 16
    draws: ClassVar[bool] = True
    data: ClassVar[bool] = False

    def shown(self, batch: Batch) -> tuple[Any, ...]:
        """Inputs of the pass's two forward runs.

        Raises:
            Undefined: inputs that are no real numbers (tokens).
        """
        if not all(tensor.is_floating_point() for tensor in tensors(batch.inputs)):
            raise Undefined("the inputs are not real numbers: nothing normal can be drawn in their place")
        # Of the shape alone: randn_like draws in the order of the memory.
        first = tree_map(self._drawn, batch.inputs)
        return first, tree_map(lambda x: x + self.gamma * self._drawn(x), first)

    def _drawn(self, like: Tensor) -> Tensor:
        return torch.randn((self.size, *like.shape[1:]), dtype=like.dtype, device=like.device)
