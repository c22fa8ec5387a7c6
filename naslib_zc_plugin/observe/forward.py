"""The pass over the whole batch: one forward run (or a few), then each gradient that somebody asked for, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.observe.batch import Batch
from naslib_zc_plugin.observe.capture import Function, Handler, batch_norm, identity, own_statistics
from naslib_zc_plugin.observe.inputs import Given
from naslib_zc_plugin.observe.network import Network
from naslib_zc_plugin.observe.observation import Observation, Outcome, Setting
from naslib_zc_plugin.observe.weights import Held

if TYPE_CHECKING:
    from naslib_zc_plugin.observe.run import Run


class Target(Enum):
    """What can be differentiated, in the order in which it is done."""

    OUTPUTS = "sum of all logits"
    LOSS = "loss"
    GRADIENT = "product of the loss gradient, held fixed, with itself"


@contextmanager
def _default(dtype: torch.dtype) -> Iterator[None]:
    """``dtype`` as torch's default type, for a while."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@dataclass(frozen=True)
class Forward(Setting):
    """The network run on a whole batch.

    Attributes:
        weights: parameters and buffers in force.
        inputs: what it is shown.
        training: mode of all modules. In either, batch norm takes the statistics of the batch.
        norm: ``"batch"``, or ``"off"``: batch norm passes its input on.
        keep_norm: shell-style pattern of the names of modules whose batch norm stays on all the same.
        dtype: of parameters, buffers and inputs; None: the network's own.
        noise: amplitude of the noise on the inputs, see :mod:`.noise`; 0: none.
        alone: not with observations of gradients, in whose passes some functions round otherwise.
    """

    weights: Held = Held()
    inputs: Given = Given()
    training: bool = True
    norm: str = "batch"
    keep_norm: str = ""
    dtype: torch.dtype | None = None
    noise: float = 0.0
    # What a pass draws (dropout) depends on what its setting shows of itself: alone it draws the same.
    alone: bool = field(default=False, repr=False)

    @property
    def draws(self) -> bool:
        """Whether weights, inputs or noise are drawn."""
        return self.weights.draws or self.inputs.draws or bool(self.noise)

    def within(self, passes: Mapping[Setting, Sequence[Observation]]) -> Setting | None:
        """Alone is also in company, as long as nothing is differentiated there."""
        together = replace(self, alone=False)
        company = [seen for seen in passes.get(together, ()) if isinstance(seen, ForwardObservation)]
        differentiated = any(seen.targets or seen.differentiates for seen in company)
        return together if self.alone and company and not differentiated else None

    def run(
        self, network: Network, batch: Batch, observations: Sequence[Observation], seed: int
    ) -> dict[Observation, Outcome]:
        """One forward run and one backward run per target, shared by the observations."""
        from naslib_zc_plugin.observe.run import Run

        seen = [observation for observation in observations if isinstance(observation, ForwardObservation)]
        found = Run(self, network, batch, seen, seed).outcomes()
        if self.dtype is None or not all(isinstance(outcome.error, RuntimeError) for outcome in found.values()):
            return found
        with _default(self.dtype):  # a network that makes tensors of the default type (a first state of zeros)
            return Run(self, network, batch, seen, seed).outcomes()

    def replacements(self, run: Run) -> Mapping[Function, Function]:
        """Functions that stand in for torch's."""
        here = batch_norm if self.training else own_statistics
        if self.norm == "batch":
            return {F.batch_norm: here}
        tensors = {**run.weights, **run.buffers}
        kept = {id(value) for name, value in tensors.items() if fnmatchcase(name.rpartition(".")[0], self.keep_norm)}

        def removed(input: Tensor, mean: Any, variance: Any, weight: Any = None, *args: Any, **kwargs: Any) -> Tensor:
            stays = id(variance) in kept or id(weight) in kept
            return (here if stays else identity)(input, mean, variance, weight, *args, **kwargs)

        return {F.batch_norm: removed}


@dataclass(frozen=True)
class ForwardObservation(Observation):
    """An observation of a whole-batch pass.

    Attributes:
        targets: what is differentiated for it; see :meth:`with_respect_to`.
        differentiates: whether :meth:`read` itself differentiates the outputs.
    """

    targets: ClassVar[Sequence[Target]] = ()
    differentiates: ClassVar[bool] = False
    input_gradient: ClassVar[bool] = False

    @property
    def under(self) -> Forward:
        """The setting to run in: by default the network as it is, on the batch."""
        return Forward()

    @property
    def data(self) -> bool:
        """Whether the batch's values are looked at: not where the setting shows other inputs."""
        return self.under.inputs.data

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """Handlers of the functions to see, made before each forward run; what they keep goes to ``run.kept[self]``."""
        return {}

    def with_respect_to(self, run: Run) -> list[Tensor]:
        """The tensors by which each of ``targets`` is differentiated."""
        return []

    def read(self, run: Run) -> Any:
        """The observation's value, when all runs are done.

        Raises:
            Undefined: it does not exist for this network and batch.
        """
        raise NotImplementedError
