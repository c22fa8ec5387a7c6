"""Activation distance of the positions of one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from naslib_zc_plugin.extend import (
    ForwardObservation,
    Function,
    Handler,
    Run,
    Undefined,
    activation_handlers,
    check_batch_first,
    proxy,
)

KINDS = ("relu", "gelu")


@dataclass(frozen=True)
class PositionAgreement(ForwardObservation):
    """Units on whose state each pair of the first sample's positions agrees, summed over all pairs, per call: list."""

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """See the ReLU family and GELU on sequences, (N, positions, units)."""

        def see(kind: str, output: Tensor) -> None:
            if output.ndim == 3 and len(output) == run.batch.size:
                on = (output[0] > 0).sum(0).double()
                # Of each unit, the pairs of positions that are both on and both off, each with itself included.
                run.kept[self].append((on.square() + (output.shape[1] - on).square()).sum().item())

        return activation_handlers(see, KINDS)

    def read(self, run: Run) -> list[float]:
        """The sums, call by call.

        Raises:
            Undefined: no such activation was seen, the outputs are not finite, or the batch is not the first dimension.
        """
        run.logits  # noqa: B018
        if not run.kept[self]:
            raise Undefined("no ReLU or GELU on (samples, positions, units) was seen")
        check_batch_first(run, KINDS)
        return run.kept[self]


def agreements(average: bool) -> Sequence[PositionAgreement]:
    """The agreements, summed or averaged."""
    return [PositionAgreement()]


@proxy(needs=agreements, version=1, paper="Serianni & Kalita, ACL 2023 (code)", higher_is_better=True)
def activation_distance(found: list[float], *, average: bool = False) -> float:
    r"""Sum of all entries of NASWOT's kernels of one sample's positions, :math:`\sum_l \sum_{ij} K^{(l)}_{ij}`.

    :math:`K^{(l)}_{ij}`: units of the activation l (ReLU, GELU …) that are on at both positions i and j of the first
    sample or off at both. Higher is better. No labels, no gradients. A sum, not a log-determinant: that is ``naswot``
    and ``generalized_naswot``, whose items are samples. Undefined without such an activation on sequences.

    Source: aaronserianni/training-free-nas. The published sums are larger: that code's activation is one object for
    all layers and networks, every network adds a hook to it for each layer, and so a call counts as often as layers
    were made since the program began. The average is free of this.

    Args:
        found: the observation.
        average: the mean over calls (that code's "normalized") in the sum's place.
    """
    return sum(found) / (len(found) if average else 1)
