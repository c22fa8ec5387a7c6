"""NAS-Bench-NLP as a model space of NNI: language models of recurrent cells.

A sample holds one entry, the key of the cell, for no list of choices makes up a cell. NNI's own strategies draw whole
cells by the rules of the benchmark's generator; ours change them step by step, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import torch
from nni.mutable import ensure_frozen
from nni.mutable.exception import SampleMissingError, SampleValidationError
from nni.mutable.mutable import MutableSymbol
from nni.nas.nn.pytorch import ModelSpace
from numpy.random import RandomState
from torch import Tensor

from naslib_zc_plugin.hosts.nni.samples import RECURRENT_CELL, Sample, recurrent_key
from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE


class RecurrentCell(MutableSymbol):
    """The choice of a cell, of which there are too many to be listed."""

    def __init__(self) -> None:
        self.label = RECURRENT_CELL

    def extra_repr(self) -> str:
        """Return the label, for ``repr``."""
        return f"label={self.label!r}"

    def check_contains(self, sample: Sample) -> Any:
        """Return the error of a sample that holds no cell; None for one that does."""
        if self.label not in sample:
            return SampleMissingError(self.label, list(sample))
        try:
            recurrent_key(sample)
        except ValueError as error:
            return SampleValidationError(f"{self.label}: {error}")
        return None

    def freeze(self, sample: Sample) -> str:
        """Return the cell's key in a sample."""
        self.validate(sample)
        return str(sample[self.label])

    def default(self, memo: dict[str, Any] | None = None) -> str:
        """Return the plain recurrent cell, unless the sample has one."""
        memo = {} if memo is None else memo
        memo.setdefault(self.label, EXAMPLES["rnn"])
        return self.freeze(memo)

    def random(self, memo: dict[str, Any] | None = None, random_state: RandomState | None = None) -> str:
        """Return a cell as the benchmark's generator draws it, unless the sample has one."""
        memo, state = {} if memo is None else memo, RandomState() if random_state is None else random_state
        if self.label not in memo:
            memo[self.label] = SPACE.sample(Random(int(state.randint(2**31))))
        return self.freeze(memo)

    def grid(self, memo: dict[str, Any] | None = None, granularity: int | None = None) -> Iterable[str]:
        """Raise ``ValueError``: cells cannot be listed."""
        raise ValueError("recurrent cells cannot be listed: take a strategy that draws them")


class NasBenchNlp(ModelSpace):
    """Language models of NAS-Bench-NLP: word embedding, layers of one recurrent cell, decoder.

    The forward pass maps tokens (N, T) to logits (N, T, num_classes), or the last layer's outputs.

    Args:
        num_classes, variant, embedding, hidden, layers: as
            :func:`naslib_zc_plugin.spaces.nasbench_nlp.network.build` takes them.

    >>> from naslib_zc_plugin.hosts.nni import AgingEvolution, NasBenchNlp, ZeroCostEvaluator  # doctest: +SKIP
    >>> from nni.nas.experiment import NasExperiment  # doctest: +SKIP
    >>> evaluator = ZeroCostEvaluator("hidden_covariance", batch=(words, next_words))  # doctest: +SKIP
    >>> NasExperiment(NasBenchNlp(), evaluator, AgingEvolution()).run()  # doctest: +SKIP
    """

    def __init__(
        self, num_classes: int = 10_000, variant: str = "logits", embedding: int = 400, hidden: int = 600,
        layers: int = 3,
    ) -> None:  # fmt: skip
        super().__init__()
        key = ensure_frozen(self.add_mutable(RecurrentCell()))
        self.model: torch.nn.Module = SPACE.build(key, num_classes, variant, embedding, hidden, layers)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits or outputs."""
        found: Tensor = self.model(tokens)
        return found
