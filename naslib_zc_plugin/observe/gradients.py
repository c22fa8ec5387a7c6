"""Gradients of a whole-batch pass: of the loss or the outputs, by weights or inputs; and the Hessian's product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from naslib_zc_plugin.observe.cancelling import check_sum
from naslib_zc_plugin.observe.forward import Forward, ForwardObservation, Target
from naslib_zc_plugin.observe.network import Layer
from naslib_zc_plugin.observe.run import Run


@dataclass(frozen=True)
class LayerGradients(ForwardObservation):
    """Each convolution and linear layer with the gradient of the one target by its weight: list of :class:`Layer`."""

    order: ClassVar[int] = 1

    def with_respect_to(self, run: Run) -> list[Tensor]:
        """The layers' weights."""
        return run.layer_weights()

    def read(self, run: Run) -> list[Layer]:
        """The layers."""
        (target,) = self.targets
        return run.layers(target)


@dataclass(frozen=True)
class WeightGradients(LayerGradients):
    """Layers with the gradient of the loss."""

    targets: ClassVar[Sequence[Target]] = (Target.LOSS,)
    labels: ClassVar[bool] = True


@dataclass(frozen=True)
class OutputGradients(LayerGradients):
    """Layers with the gradient of the outputs' sum.

    Attributes:
        rounding: whether a gradient that is nothing but rounding is one.
    """

    under: Forward = Forward()
    rounding: bool = False
    targets: ClassVar[Sequence[Target]] = (Target.OUTPUTS,)

    def read(self, run: Run) -> list[Layer]:
        """The layers.

        Raises:
            Undefined: the sum is constant, see :func:`~.cancelling.check_sum`.
        """
        if not self.rounding:
            check_sum(run.outputs[0])
        return super().read(run)


def scalar_gradients(of: str, rounding: bool = False) -> Sequence[LayerGradients]:
    """Gradients of the outputs' sum or of the loss, as a proxy's option says.

    Raises:
        ValueError: of something else.
    """
    if of not in ("outputs", "loss"):
        raise ValueError(f"of must be 'outputs' or 'loss', not {of!r}")
    return [OutputGradients(rounding=rounding) if of == "outputs" else WeightGradients()]


@dataclass(frozen=True)
class HessianTimesGradient(LayerGradients):
    """Layers with H·g, the loss's Hessian times its gradient over all layers' weights, in the gradient's place."""

    targets: ClassVar[Sequence[Target]] = (Target.GRADIENT,)
    order: ClassVar[int] = 2
    labels: ClassVar[bool] = True
