"""Attention confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.extend import (
    PROJECTIONS,
    Forward,
    ForwardObservation,
    Function,
    Handler,
    Run,
    Undefined,
    linear_names,
    proxy,
)


@dataclass(frozen=True)
class Maxima(ForwardObservation):
    """Mean over samples and features of the largest value over positions, per call of a named linear layer: list.

    Attributes:
        layers: shell-style patterns of the modules' names.
        under: the setting.
    """

    layers: tuple[str, ...] = PROJECTIONS
    under: Forward = Forward(alone=True)  # maxima feel last bits

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """See the outputs (N, positions, features) of the named layers."""
        named = {id(run.weights[name]) for name in linear_names(run.network, self.layers)}

        def seen(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
            if id(args[1] if len(args) > 1 else kwargs["weight"]) in named:
                if output.ndim < 3 or len(output) != run.batch.size:
                    shape = tuple(output.shape)
                    raise Undefined(f"a projection's output {shape} is not (samples, positions, features)")
                run.kept[self].append(output.detach().amax(1).mean().item())
            return output

        return {F.linear: seen}

    def read(self, run: Run) -> list[float]:
        """The means, call by call.

        Raises:
            Undefined: no named layer was called.
        """
        if not run.kept[self]:
            raise Undefined(f"no linear layer named like {', '.join(self.layers)} was called")
        return run.kept[self]


def maxima(layers: Sequence[str], average: bool) -> Sequence[Maxima]:
    """The maxima of the named layers."""
    return [Maxima((layers,) if isinstance(layers, str) else tuple(layers))]


@proxy(needs=maxima, version=1, paper="Serianni & Kalita, ACL 2023 (code)", higher_is_better=True)
def head_confidence(found: list[float], *, layers: Sequence[str] = PROJECTIONS, average: bool = False) -> float:
    r"""Sum over attention's projections of :math:`\mathrm{mean}_{n,f} \max_t z_{ntf}`, z their outputs.

    n: samples, t: positions, f: features. Projections: the linear layers that make queries, keys and values, and what
    FlexiBERT has in their place; each call counts. Higher is better. No labels, no gradients. Undefined where no layer
    is named so (torch's ``nn.MultiheadAttention`` has none of its own).

    Source: aaronserianni/training-free-nas, which calls attention confidence the maximum over axis 1 of what its hooks
    see: positions here. The paper's text has the maximum of attention weights, see ``head_softmax_confidence``.

    Args:
        found: the observation.
        layers: shell-style patterns of the modules' names.
        average: the mean over projections (that code's "normalized") in the sum's place.
    """
    return sum(found) / (len(found) if average else 1)
