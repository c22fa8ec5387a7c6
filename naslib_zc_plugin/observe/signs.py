"""What proxies need of the samples' gradients: sums of signs and Gram matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from naslib_zc_plugin.observe.observation import Undefined
from naslib_zc_plugin.observe.persample import Chunk, SampleObservation


@dataclass(frozen=True)
class SignSums(SampleObservation):
    """Sum over samples of the sign of their gradients, per layer: list of (weights,)."""

    def fold(self, state: list[Tensor] | None, chunk: Chunk) -> list[Tensor]:
        """Add the chunk's signs."""
        signs = [gradient.sign().float().sum(0) for gradient in chunk.gradients]
        return signs if state is None else [total.add_(sign) for total, sign in zip(state, signs)]

    def read(self, state: list[Tensor]) -> list[Tensor]:
        """The sums."""
        return state


@dataclass(frozen=True)
class Grams(SampleObservation):
    """Gram matrices of the samples' gradients over all layers: list of (n, n), float64, one per class in order.

    Attributes:
        kind: ``"sign"``: of the signs; ``"raw"``: of the gradients; ``"cosine"``: of the gradients at unit length.
        by_class: one per class, or a single one over all samples.
    """

    kind: str = "sign"
    by_class: bool = True

    def fold(self, state: list[Any] | None, chunk: Chunk) -> list[Any]:
        """By class: append the matrices of the chunk's classes. Otherwise: keep the vectors (signs as bytes)."""
        rows = [gradient.sign().float() for gradient in chunk.gradients] if self.kind == "sign" else chunk.gradients
        state = state or []
        if not self.by_class:
            return [*state, [row.to(torch.int8) for row in rows] if self.kind == "sign" else rows]
        if chunk.classes is None:
            raise Undefined("samples are grouped by class: labels must be one class index per sample")
        for label in chunk.classes.unique(sorted=True):
            state.append(self._gram([row[chunk.classes == label] for row in rows]))
        return state

    def read(self, state: list[Any]) -> list[Tensor]:
        """The matrices."""
        return state if self.by_class else [self._gram([torch.cat(rows).float() for rows in zip(*state)])]

    def _gram(self, rows: list[Tensor]) -> Tensor:
        # Sums of signs are exact in float32 (but not in half precision) below 2**24; longer rows are cut there.
        parts = [part for row in rows for part in row.split(1 << 24, dim=1)]
        gram = torch.stack([(part @ part.T).double() for part in parts]).sum(0)
        if self.kind == "cosine":
            length = gram.diagonal().sqrt()
            gram = gram / (length[:, None] * length[None, :])
        return gram
