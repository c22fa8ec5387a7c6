"""SWAP: sample-wise activation patterns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Optional, Union

import torch
from torch import Tensor

from naslib_zc_plugin.extend import (
    FORWARD,
    Bounds,
    Forward,
    NotApplicable,
    Partition,
    Reinitialized,
    observation,
    proxy,
)
from naslib_zc_plugin.observations.batch_dimension import check_batch_first
from naslib_zc_plugin.observations.layers import parameter_sizes
from naslib_zc_plugin.passes import ForwardPass, Observation, Steps
from naslib_zc_plugin.passes.inputs import First

Kind = Literal["relu", "gelu", "sigmoid", "tanh"]
Kinds = Union[Kind, Sequence[Kind]]
Mean = Optional[float]
Width = Optional[Annotated[float, Bounds(above=0)]]
PARTITIONS = {
    "relu": Partition(),
    "gelu": Partition(),
    "sigmoid": Partition(4, 0.0, 1.0),
    "tanh": Partition(8, -1.0, 1.0),
}
"""The codes of each kind of activation; equal ones are counted together."""
BITS = 62
"""Bits of a code, over all samples: it is one integer."""
_TABLE = 22  # bits up to which codes are ticked off in a table


def _bits(partition: Partition) -> int:
    """Return the bits of one sample's code."""
    return max(1, (partition.parts - 1).bit_length())


class DistinctCodes:
    """The number of different codes of units over samples.

    >>> codes = DistinctCodes(2, Partition())
    >>> codes.update(torch.tensor([[1.0, 0.0, 2.0, 3.0], [1.0, 0.0, 0.0, 1.0]]))
    >>> codes.compute()  # on for both samples, off for both, on for the first
    3

    Args:
        samples: their number.
        partition: gives the code of a value.
    """

    def __init__(self, samples: int, partition: Partition) -> None:
        self._samples, self._partition, self._bits = samples, partition, _bits(partition)
        self._seen: Tensor | None = None

    def update(self, output: Tensor) -> None:
        """Add the units of an activation's output, (N, …)."""
        words = self._packed(self._partition.codes(output.reshape(self._samples, -1)))
        if self._samples * self._bits > _TABLE:
            words = words.unique() if self._seen is None else torch.cat([self._seen, words]).unique()
            self._seen = words
            return
        if self._seen is None:
            self._seen = torch.zeros(1 << (self._samples * self._bits), dtype=torch.bool, device=output.device)
        self._seen[words] = True

    def compute(self) -> int:
        """Return the number."""
        if self._seen is None:
            return 0
        return int(self._seen.sum()) if self._seen.dtype is torch.bool else len(self._seen)

    def _packed(self, codes: Tensor) -> Tensor:
        """Return one integer per unit, (units,) int64: products of double precision are exact up to 53 bits."""
        words = torch.zeros(codes.shape[1], dtype=torch.int64, device=codes.device)
        for part in codes.split(32 // self._bits):
            places = torch.arange(len(part), dtype=torch.float64, device=codes.device) * self._bits
            words = (words << (len(part) * self._bits)) | (torch.exp2(places) @ part.double()).long()
        return words


@observation(setting=Forward(Reinitialized("normal"), First(16)))
def distinct_codes(p: ForwardPass, kinds: tuple[Kind, ...] = ("relu",), maps_only: bool = True) -> Steps[int]:
    """Count the different codes of units over the samples, codes of equal partitions together.

    Every call of every activation counts.

    Args:
        p: the pass.
        kinds: of activations.
        maps_only: whether to see only feature maps (four dimensions).

    Raises:
        Undefined: none was seen, outputs are not finite, or positions come before samples.
    """
    counters: dict[Partition, DistinctCodes] = {}
    samples = p.batch.size

    def register(kind: Kind) -> None:
        def see(output: Tensor) -> None:
            if maps_only and output.ndim != 4:
                return
            if output.ndim == 0 or len(output) != samples:
                raise NotApplicable(
                    f"the first dimension of an activation ({kind}) of shape {tuple(output.shape)} is not the batch of "
                    f"{samples}"
                )
            partition = PARTITIONS[kind]
            counters.setdefault(partition, DistinctCodes(samples, partition)).update(output)

        p.on(kind, see)

    for kind in dict.fromkeys(kinds):
        register(kind)
    yield FORWARD
    p.check_finite()
    if not counters:
        what = "ReLU" if tuple(kinds) == ("relu",) else f"activation among {', '.join(kinds)}"
        raise NotApplicable(f"no {what} {'on a feature map ' if maps_only else ''}was seen in the forward pass")
    if not maps_only:
        check_batch_first(p, kinds)
    return sum(counter.compute() for counter in counters.values())


def observations(
    draws: int,
    samples: int,
    kinds: Kinds,
    maps_only: bool,
    init: str,
    mu: float | None,
    sigma: float | None,
) -> Sequence[Observation]:
    """Return the codes for each draw of weights, and the sizes of the parameters where they regularise.

    Raises:
        ValueError: no kind of activations, codes of more bits than one integer holds, or ``mu`` without ``sigma``.
    """
    chosen: tuple[Any, ...] = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    if not chosen:
        raise ValueError("swap: kinds must name activations: relu, gelu, sigmoid or tanh")
    if (mu is None) != (sigma is None):
        raise ValueError("swap: mu and sigma regularise together: give both, or neither")
    most = BITS // max(_bits(PARTITIONS[kind]) for kind in chosen)
    if samples > most:
        raise ValueError(f"swap: samples must be at most {most} for the codes of {', '.join(chosen)}, not {samples}")
    weights = [Reinitialized("normal", draw) for draw in range(draws)]
    settings = (
        [Forward(each, First(samples)) for each in weights] if init == "normal" else [Forward(inputs=First(samples))]
    )
    seen = [distinct_codes(chosen, maps_only, setting=setting) for setting in settings]
    return seen if mu is None else [*seen, parameter_sizes()]


@proxy(needs=observations, version=1, paper="Peng et al., ICLR 2024", higher_is_better=True)
def swap(
    *found: Any,
    draws: Annotated[int, Bounds(least=1)] = 4,
    samples: Annotated[int, Bounds(least=1, most=BITS)] = 16,
    kinds: Kinds = "relu",
    maps_only: bool = True,
    init: Literal["normal", "given"] = "normal",
    mu: Mean = None,
    sigma: Width = None,
) -> float:
    r"""Compute the number of distinct codes that units have over the samples.

    :math:`\Psi = |\{c_v\}|`, :math:`c_v \in \{0, 1\}^n`: for which of the n samples the unit v is on; v: all units of
    ReLUs on feature maps, at most :math:`2^n` codes; for weights of convolution and linear layers drawn from N(0, 1),
    biases 0, norms as new; the mean over draws. Regularised: :math:`\Psi \exp(-(P - \mu)^2 / \sigma)`, P: thousands of
    parameters. Higher is better. No labels, no gradients. Compare scores of equally many samples only.

    Source: pym1024/SWAP, which sees ``nn.ReLU`` alone, and takes the mean of 32 draws. Between networks of
    NAS-Bench-201 and 16 images of CIFAR-10 one draw is 1.2 % of the variance of scores, and the mean of four .3 %
    (Kendall's τ of two such means .92 and .96; among the best third, whose codes are nearly all :math:`2^{16}`, .72 and
    .84). The paper has P in MB, the code divides by 1,000; it leaves parameters called auxiliary out: take an auxiliary
    head off. Its numbers for DARTS are those of networks with one cell and three channels.

    Args:
        found: the number of codes for each draw; then, if regularised, the sizes of the parameters.
        draws: number of draws; with ``init="given"`` there is one.
        samples: the first of the batch that are looked at; with fewer in the batch, all.
        kinds: of activations: ``"relu"`` (leaky, parametric and clamped at 0 as well); ``"gelu"`` and its like, whose
            codes are the same; ``"sigmoid"`` and ``"tanh"``, whose codes are the fourth or eighth of the range that
            the value lies in, and are counted by themselves.
        maps_only: see only activations on feature maps, (N, C, H, W).
        init: weights drawn from N(0, 1), or those that the network holds.
        mu: thousands of parameters of the best regularised networks; the code sets it by hand for each search.
        sigma: width of the range around ``mu``, the square of a number of thousands.

    Returns:
        The mean.

    Raises:
        Undefined: no such activation was seen.

    >>> swap(5, 8), round(swap(5, 8, [3000, 1000], mu=5.0, sigma=1.0), 4)  # 6.5 / e
    (6.5, 2.3912)
    """
    counts = found if mu is None else found[:-1]
    mean: float = sum(counts) / len(counts)
    if mu is None or sigma is None:
        return mean
    return mean * math.exp(-((sum(found[-1]) / 1000 - mu) ** 2) / sigma)
