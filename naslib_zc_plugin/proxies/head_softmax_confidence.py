"""Softmax confidence of attention heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from naslib_zc_plugin.extend import (
    Forward,
    ForwardObservation,
    Function,
    Handler,
    Run,
    Undefined,
    activation_handlers,
    proxy,
)


@dataclass(frozen=True)
class HeadMaxima(ForwardObservation):
    """Mean over samples and pairs of positions of the largest weight among the heads, per call of attention: list."""

    under: Forward = Forward(alone=True)  # maxima feel last bits

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """See every softmax with heads, (N, heads, queries, keys); others are none of attention's."""

        def see(kind: str, output: Tensor) -> None:
            if output.ndim == 4 and len(output) == run.batch.size:
                run.kept[self].append(output.amax(1).mean().item())

        return activation_handlers(see, ["softmax"])

    def read(self, run: Run) -> list[float]:
        """The means, call by call.

        Raises:
            Undefined: no attention was seen.
        """
        if not run.kept[self]:
            raise Undefined("no softmax over (samples, heads, queries, keys) was seen: no attention")
        return run.kept[self]


def heads(average: bool) -> Sequence[HeadMaxima]:
    """The maxima, summed or averaged."""
    return [HeadMaxima()]


@proxy(needs=heads, version=1, paper="Serianni & Kalita, ACL 2023", higher_is_better=True)
def head_softmax_confidence(found: list[float], *, average: bool = False) -> float:
    r"""Sum over attention layers of :math:`\mathrm{mean}_{n,q,k} \max_h A_{nhqk}`, A the attention weights.

    n: samples, h: heads, q and k: positions; weights before dropout, also those inside torch's attention functions.
    Higher is better. No labels, no gradients. Undefined without attention.

    Source: aaronserianni/training-free-nas. Its networks with Fourier or cosine transforms compute a softmax of the
    transform that nothing uses and that its scores count: so do FlexiBERT networks of the flavour ``"published"``.
    The paper's text takes the maximum over positions and the mean over heads.

    Args:
        found: the observation.
        average: the mean over layers (that code's "normalized") in the sum's place.
    """
    return sum(found) / (len(found) if average else 1)
