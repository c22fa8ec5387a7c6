"""NAS-Bench-NLP as a model space of NNI: language models of recurrent cells.

A sample holds one entry, the key of the cell, for there is no list of choices that makes up a cell. NNI's own
strategies draw whole cells by the rules of the benchmark's generator; ours change them step by step, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from random import Random
from typing import Any

import torch
from nni.mutable import ensure_frozen
from nni.mutable.exception import SampleMissingError, SampleValidationError
from nni.mutable.mutable import MutableSymbol
from nni.nas.nn.pytorch import ModelSpace
from numpy.random import RandomState
from torch import Tensor

from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE

LABEL = "recurrent_cell"


def recognises(labels: Collection[str]) -> bool:
    """Whether this is the label of a recurrent cell, and no other."""
    return set(labels) == {LABEL}


def to_key(sample: Mapping[str, Any]) -> str:
    """The key of a sample, the same for all that build the same network.

    Raises:
        ValueError: it is no cell.
    """
    key = sample[LABEL]
    if not isinstance(key, str):
        raise ValueError(f"{LABEL} is the key of a cell, such as {EXAMPLES['rnn']!r}, found {key!r}")
    return SPACE.canonical(key)


class RecurrentCell(MutableSymbol):
    """The choice of a cell, of which there are too many to be listed."""

    def __init__(self) -> None:
        self.label = LABEL

    def extra_repr(self) -> str:
        """The label."""
        return f"label={self.label!r}"

    def check_contains(self, sample: Mapping[str, Any]) -> Any:
        """What is wrong with a sample; None if nothing is."""
        if self.label not in sample:
            return SampleMissingError(self.label, list(sample))
        try:
            to_key(sample)
        except ValueError as error:
            return SampleValidationError(f"{self.label}: {error}")
        return None

    def freeze(self, sample: Mapping[str, Any]) -> str:
        """The cell's key in a sample."""
        self.validate(sample)
        return str(sample[self.label])

    def default(self, memo: dict[str, Any] | None = None) -> str:
        """The plain recurrent cell, unless the sample has one."""
        memo = {} if memo is None else memo
        memo.setdefault(self.label, EXAMPLES["rnn"])
        return self.freeze(memo)

    def random(self, memo: dict[str, Any] | None = None, random_state: RandomState | None = None) -> str:
        """A cell as the benchmark's generator draws it, unless the sample has one."""
        memo, state = {} if memo is None else memo, RandomState() if random_state is None else random_state
        if self.label not in memo:
            memo[self.label] = SPACE.sample(Random(int(state.randint(2**31))))
        return self.freeze(memo)

    def grid(self, memo: dict[str, Any] | None = None, granularity: int | None = None) -> Iterable[str]:
        """Cells cannot be listed.

        Raises:
            ValueError: always.
        """
        raise ValueError("recurrent cells cannot be listed: take a strategy that draws them")


class NasBenchNlp(ModelSpace):
    """Language models of NAS-Bench-NLP: word embedding, layers of one recurrent cell, decoder.

    The forward pass maps tokens (N, T) to logits (N, T, num_classes), or the last layer's outputs.

    Args:
        num_classes, flavour, embedding, hidden, layers: as
            :func:`naslib_zc_plugin.spaces.nasbench_nlp.network.build` takes them.
    """

    def __init__(
        self,
        num_classes: int = 10_000,
        flavour: str = "logits",
        embedding: int = 400,
        hidden: int = 600,
        layers: int = 3,
    ) -> None:
        super().__init__()
        key = ensure_frozen(self.add_mutable(RecurrentCell()))
        self.model: torch.nn.Module = SPACE.build(key, num_classes, flavour, embedding, hidden, layers)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits or outputs."""
        found: Tensor = self.model(tokens)
        return found


class NasBenchNlpDomain:
    """Our search space of recurrent cells, whose keys have samples in NNI."""

    def sample(self, rng: Random) -> str:
        """A cell as the benchmark's generator draws it."""
        return SPACE.canonical(SPACE.sample(rng))

    def mutate(self, key: str, rng: Random, rule: str = "node") -> str:
        """A neighbour; ``rule`` as in our space."""
        return SPACE.mutate(key, rng, rule)

    def neighbours(self, key: str) -> list[str]:
        """The cells one change away."""
        return SPACE.neighbours(key)

    def to_sample(self, key: str) -> dict[str, Any]:
        """NNI's sample of a key.

        Raises:
            ValueError: it is no cell.
        """
        return {LABEL: SPACE.canonical(key)}
