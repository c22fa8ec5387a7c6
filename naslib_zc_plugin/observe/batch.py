"""The batch that a network is shown: inputs (a tensor, or a mapping or sequence of tensors), labels, and the loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Any, Any], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor, highest: int | None = None) -> Tensor:
    """Cross-entropy, mean over the batch, of logits (N, C) or (N, C, …) and class indices or probabilities.

    Classes come last, too, as language models have them: (N, T, C) with indices (N, T), where that is the one reading.

    Args:
        logits: network's outputs.
        labels: class indices or probabilities.
        highest: the highest class index of the batch, if it is known to be one.

    Raises:
        ValueError: a label beyond the classes (on a GPU the kernel's own check would end the process's CUDA context).
    """
    if logits.ndim > 2 and labels.shape == logits.shape[:-1] != (len(logits), *logits.shape[2:]):
        logits = logits.movedim(-1, 1)
    if highest is not None and logits.ndim > 1 and highest >= logits.shape[1]:
        raise ValueError(
            f"label {highest} needs at least {highest + 1} outputs, the network has {logits.shape[1]}: "
            "build it with more classes, or pass loss= (or logits=, if it returns several tensors)"
        )
    return F.cross_entropy(logits, labels)


def tree_map(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """``tree`` with ``function`` applied to each tensor in its mappings, lists and tuples; the rest as it is."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, Mapping):
        return {key: tree_map(function, value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [tree_map(function, value) for value in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree


def tensors(tree: Any) -> list[Tensor]:
    """All tensors of a tree, in order."""
    found: list[Tensor] = []
    tree_map(lambda tensor: found.append(tensor) or tensor, tree)  # type: ignore[func-returns-value]
    return found


@dataclass(frozen=True)
class Batch:
    """Inputs with the batch first, labels (None where no asked proxy needs them) and the loss (None: cross-entropy)."""

    inputs: Any
    labels: Any = None
    loss: Loss | None = None

    @property
    def size(self) -> int:
        """Number of samples."""
        return len(tensors(self.inputs)[0])

    @property
    def classes(self) -> Tensor | None:
        """Labels as one class index per sample, or None where they are something else (soft labels, sequences)."""
        labels = self.labels
        if (
            not isinstance(labels, Tensor)
            or labels.is_floating_point()
            or labels.is_complex()
            or labels.shape != (self.size,)
        ):
            return None
        return labels

    def objective(self) -> Loss:
        """The loss as a function (output, labels) of this batch or a part of it."""
        if self.loss is not None:
            return self.loss
        labels = self.labels
        indices = isinstance(labels, Tensor) and not labels.is_floating_point() and labels.numel() > 0
        return partial(cross_entropy, highest=int(labels.max()) if indices else None)

    def to(self, device: torch.device, dtype: torch.dtype) -> Batch:
        """The same batch on ``device``, floating-point inputs as ``dtype`` (labels keep theirs)."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.detach().to(device, dtype if tensor.is_floating_point() else None)

        labels = tree_map(lambda tensor: tensor.detach().to(device).clone(), self.labels)
        return replace(self, inputs=tree_map(move, self.inputs), labels=labels)

    def take(self, indices: Tensor) -> Batch:
        """The samples at ``indices``."""
        return replace(
            self,
            inputs=tree_map(lambda tensor: tensor[indices], self.inputs),
            labels=tree_map(lambda tensor: tensor[indices], self.labels),
        )
