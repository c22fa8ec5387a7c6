"""What NAS-Bench-NLP does to networks while they train on Penn Treebank (AWD-LSTM's dropouts)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Regularisation:
    """Rates of dropout.

    Attributes:
        words: of whole words of the embedding.
        inputs: after the embedding.
        between: between layers.
        outputs: after the last layer.
        weights: of single weights of what is no layer input (DropConnect).
    """

    words: float = 0.1
    inputs: float = 0.4
    between: float = 0.25
    outputs: float = 0.4
    weights: ClassVar[float] = 0.5

    def embedded(self, tokens: Tensor, table: Tensor) -> Tensor:
        """The embedding of tokens, some words of which are zero."""
        return F.embedding(tokens, table * F.dropout(table.new_ones(len(table), 1), self.words))


def locked_dropout(states: Tensor, rate: float) -> Tensor:
    """Dropout of (N, T, d) with one mask for all steps of a sequence."""
    return states * F.dropout(states.new_ones(len(states), 1, states.shape[2]), rate)
