"""The network under constant shared weights: every weight w, every bias 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.observe.batch import Batch, tree_map
from naslib_zc_plugin.observe.cancelling import check_features
from naslib_zc_plugin.observe.capture import Watch, own_statistics
from naslib_zc_plugin.observe.clock import Stopwatch
from naslib_zc_plugin.observe.network import Network
from naslib_zc_plugin.observe.observation import Observation, Outcome, Setting
from naslib_zc_plugin.observe.runs import Constant, Runs, Unknown
from naslib_zc_plugin.observe.seeding import seed_everything
from naslib_zc_plugin.observe.snapshot import Snapshot
from naslib_zc_plugin.observe.thin import LAYERS_ON_RUNS

EMBEDDINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "uniform_positive_0.1": lambda held: torch.rand_like(held) * 0.1,
    "uniform_positive_1": torch.rand_like,
    "uniform_centered_0.1": lambda held: torch.rand_like(held) * 0.2 - 0.1,
    "uniform_centered_1": lambda held: torch.rand_like(held) * 2 - 1,
    "random_0.1": lambda held: torch.randn_like(held) * 0.1,
    "random_1": torch.randn_like,
}
"""What embeddings are drawn from: U(0, a), U(−a, a) or N(0, a²)."""


def _is_state(name: str) -> bool:
    return name.rpartition(".")[2] == "initial_state"


def _roles(network: Network) -> dict[str, str]:
    """Parameters by what becomes of them: weight, bias, embedding or held."""
    tables = [
        module.weight for module in network.module.modules() if isinstance(module, (nn.Embedding, nn.EmbeddingBag))
    ]
    embeddings = {network.name_of(table) for table in tables}

    def role(name: str) -> str:
        last = name.rpartition(".")[2]
        by_name = (role for role in ("weight", "bias") if role in last)
        return "embedding" if name in embeddings else next(by_name, "held")

    return {name: role(name) for name in network.parameters}


@dataclass(frozen=True)
class Constants(Setting):
    """The network with all weights equal, for all values that are asked for; evaluation mode, batch norm by the batch.

    Parameters whose name says weight get the value (norm layers' scales too), those that say bias 0; others stay as
    held, and embeddings are drawn, the same for all values (constant ones would make all tokens equal).

    Attributes:
        biases: ``"zero"``, or ``"weight"``: they get the value, too.
        states: likewise for buffers called initial_state, with which recurrent layers start; zero: as held.
        embedding: of :data:`EMBEDDINGS`, what embeddings are drawn from.
        features: ``"all"``, or ``"first"``: of the outputs' last dimension, whose values are equal but for rounding.
    """

    biases: str = "zero"
    states: str = "zero"
    embedding: str = "uniform_positive_1"
    features: str = "all"

    def run(
        self, network: Network, batch: Batch, observations: Sequence[Observation], seed: int
    ) -> dict[Observation, Outcome]:
        """One run on runs of equal channels where the network's functions allow it, else one full run per value."""
        asked = [each for each in observations if isinstance(each, ConstantOutputs)]
        weights = tuple(sorted({weight for each in asked for weight in each.weights}))
        clock = Stopwatch(network.device)
        for module in network.module.modules():
            module.training = False
        try:
            with torch.no_grad():
                rows = dict(zip(weights, self._outputs(network, batch, weights, seed)))
        except Exception as error:
            return {each: Outcome(None, error, clock.lap()) for each in observations}
        seconds = clock.lap()
        # In columns, whatever else is asked for: the last bit of a sum depends on where its terms lie.
        found = {each: torch.stack([rows[weight] for weight in each.weights], dim=1).T for each in asked}
        return {each: Outcome(value, None, seconds) for each, value in found.items()}

    def _outputs(self, network: Network, batch: Batch, weights: Sequence[float], seed: int) -> Tensor:
        try:
            seed_everything(seed, "constants")
            return self.thin(network, batch, weights)
        except Exception:
            return self.full(network, batch, weights, seed)

    def thin(self, network: Network, batch: Batch, weights: Sequence[float]) -> Tensor:
        """The outputs by one run for all values, each run of equal channels computed once.

        Raises:
            Unknown: the network does something that is not known to keep channels equal.
        """
        values = torch.tensor(weights, dtype=network.dtype, device=network.device)
        of_role = {"weight": values, "bias": values if self.biases == "weight" else torch.zeros_like(values)}
        tensors: dict[str, Tensor] = {name: buffer.clone() for name, buffer in network.buffers.items()}
        if self.features == "first" or (self.states == "weight" and any(map(_is_state, tensors))):
            raise Unknown("a single feature, or states that differ between the values")
        for name, role in _roles(network).items():
            if role not in of_role:
                raise Unknown(f"a parameter that stays: {name}")
            tensors[name] = Constant(network.parameters[name].shape, of_role[role])
        with Watch(replacements=LAYERS_ON_RUNS):
            output = network(tensors, tree_map(Tensor.clone, batch.inputs))
        if not isinstance(output, Runs):
            raise Unknown("an output without layers")
        return output.expanded().flatten(1)

    def full(self, network: Network, batch: Batch, weights: Sequence[float], seed: int) -> Tensor:
        """The same by running the whole network once for each value.

        Raises:
            Undefined: a linear layer sums what a layer norm made add up to nothing.
        """
        rows, roles, snapshot = [], _roles(network), Snapshot(network.module)
        for value in weights:
            seed_everything(seed, "embeddings")
            of_role = {"weight": value, "bias": value if self.biases == "weight" else 0.0}
            tensors: dict[str, Tensor] = {name: buffer.clone() for name, buffer in network.buffers.items()}
            for name, held in network.parameters.items():
                role = roles[name]
                tensors[name] = EMBEDDINGS[self.embedding](held) if role == "embedding" else held.clone()
                if role in of_role:
                    tensors[name].fill_(of_role[role])
            for name in filter(_is_state, network.buffers) if self.states == "weight" else ():
                tensors[name].fill_(value)
            seed_everything(seed, "constants")
            with Watch([{F.linear: check_features}], {F.batch_norm: own_statistics}):
                outputs = network(tensors, tree_map(Tensor.clone, batch.inputs))
            rows.append((outputs[..., 0] if self.features == "first" else outputs).flatten())
            snapshot.restore()
        return torch.stack(rows)


@dataclass(frozen=True)
class ConstantOutputs(Observation):
    """All outputs of the network under constant weights: (values, outputs), samples and logits in one row.

    Attributes:
        weights: the values.
        under: what becomes of other parameters.
    """

    weights: tuple[float, ...]
    under: Constants = Constants()
