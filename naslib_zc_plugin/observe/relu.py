"""ReLU activations in whatever form a network uses them: module, function, method, in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.observe.capture import Function, Handler
from naslib_zc_plugin.observe.forward import Forward, ForwardObservation
from naslib_zc_plugin.observe.observation import Undefined
from naslib_zc_plugin.observe.run import Run

RELUS: tuple[Function, ...] = (
    F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu6, F.leaky_relu, F.leaky_relu_,
    F.rrelu, F.rrelu_, torch.rrelu, torch.rrelu_, F.prelu, torch.prelu, Tensor.prelu,
)  # fmt: skip
"""Functions whose output is positive exactly where their input is. (nn.ReLU6 calls F.hardtanh.)"""

CLAMPS: tuple[Function, ...] = (
    F.hardtanh, F.hardtanh_, torch.clamp, torch.clamp_, Tensor.clamp, Tensor.clamp_,
    torch.clip, torch.clip_, Tensor.clip, Tensor.clip_,
    torch.clamp_min, torch.clamp_min_, Tensor.clamp_min, Tensor.clamp_min_,
    F.threshold, torch.threshold, torch.threshold_,
)  # fmt: skip
"""Functions that are a ReLU if their lower bound is 0: the second argument, or the one of a name in ``_LOWER``."""

MAXIMA: tuple[Function, ...] = (torch.maximum, Tensor.maximum, torch.max, Tensor.max)
"""Functions that are a ReLU if one of their two tensors is 0."""

PIECE = 2048
"""Units whose codes are multiplied at a time."""

_LOWER = ("min", "min_val", "threshold")


def _clamps_at_zero(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    lower = args[1] if len(args) > 1 else next((kwargs[name] for name in _LOWER if name in kwargs), None)
    if isinstance(lower, Tensor):
        return not bool(lower.any())
    return lower is not None and lower == 0


def relu_handlers(see: Any) -> dict[Function, Handler]:
    """Handlers that pass the output of every ReLU to ``see``."""

    def relu(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
        see(output.detach())
        return output

    def clamp(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
        return relu(args, kwargs, output) if _clamps_at_zero(args, kwargs) else output

    def maximum(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
        pair = [argument for argument in (*args, *kwargs.values()) if isinstance(argument, Tensor)]
        return relu(args, kwargs, output) if len(pair) == 2 and any(not part.any() for part in pair) else output

    return {**dict.fromkeys(RELUS, relu), **dict.fromkeys(CLAMPS, clamp), **dict.fromkeys(MAXIMA, maximum)}


def agreement(output: Tensor) -> Tensor:
    """Units on whose state (on: output > 0) each pair of samples agrees, (N, …) → (N, N), exact.

    With codes C ∈ {0, 1}: C·Cᵀ + (1 − C)·(1 − C)ᵀ = 2G − d − dᵀ + n for G = C·Cᵀ and d its diagonal: one product
    instead of two, over pieces that stay in the cache. Sums of float32 are exact below 2²⁴, so G is float64.
    """
    states = output.reshape(len(output), -1)
    gram = torch.zeros(len(states), len(states), dtype=torch.float64, device=states.device)
    code = torch.empty(len(states), min(PIECE, states.shape[1]), device=states.device, dtype=torch.float32)
    for piece in states.split(PIECE, dim=1):
        part = code[:, : piece.shape[1]]
        torch.gt(piece, 0, out=part)
        gram += part @ part.T
    ones = gram.diagonal()
    return 2 * gram - ones[:, None] - ones[None, :] + states.shape[1]


@dataclass(frozen=True)
class ReluAgreement(ForwardObservation):
    """Number of ReLU units on whose state each pair of samples agrees: (N, N), float64, N_units − Hamming distance.

    Every call of every ReLU counts, so a module used twice counts twice.

    Attributes:
        under: the setting.
        maps_only: see only ReLUs of feature maps (four dimensions).
    """

    under: Forward = Forward()
    maps_only: bool = False
    order: ClassVar[int] = 0

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """See every ReLU; keep the running sum alone."""
        kept: list[Tensor] = run.kept[self]

        def see(output: Tensor) -> None:
            if output.ndim == 0 or len(output) != run.batch.size:
                shape = tuple(output.shape)
                raise Undefined(f"a ReLU's output {shape} lacks the batch of {run.batch.size} as first dimension")
            if output.ndim == 4 or not self.maps_only:
                kept[:] = [sum(kept, agreement(output))]

        return relu_handlers(see)

    def read(self, run: Run) -> Tensor:
        """The sum over all ReLUs.

        Raises:
            Undefined: no ReLU was seen, or the outputs are not finite (NaN is neither on nor off).
        """
        run.logits  # noqa: B018
        if not run.kept[self]:
            kind = "on a feature map " if self.maps_only else ""
            raise Undefined(f"no ReLU {kind}was seen in the forward pass")
        total: Tensor = run.kept[self][0]
        return total
