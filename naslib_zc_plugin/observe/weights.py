"""The weights in force during a pass: those that the network holds, or substitutes for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from naslib_zc_plugin.observe.network import LAYERS, Network

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Held:
    """The parameters and buffers that the network holds (copies: nothing written in a pass reaches the network)."""

    draws: ClassVar[bool] = False

    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Parameters and buffers by name."""
        parameters = {name: value.clone() for name, value in network.parameters.items()}
        return parameters, {name: value.clone() for name, value in network.buffers.items()}


@dataclass(frozen=True)
class Absolute(Held):
    """Absolute values of all parameters and buffers."""

    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Parameters and buffers by name."""
        parameters, buffers = super().tensors(network)
        return {name: value.abs() for name, value in parameters.items()}, {
            name: value.abs() for name, value in buffers.items()
        }


@dataclass(frozen=True)
class Drawn(Held):
    """Weights of convolution and linear layers drawn anew; their biases 0, norm layers as new.

    Attributes:
        scheme: ``"normal"``: N(0, 1); ``"kaiming_fan_in"``, ``"kaiming_fan_out"``: Kaiming's normal initialisation
            for ReLU.
    """

    scheme: str
    draws: ClassVar[bool] = True

    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Parameters and buffers by name; parameters of other modules as held."""
        parameters, buffers = super().tensors(network)
        for module in network.module.modules():
            if isinstance(module, (*LAYERS, _NormBase, nn.GroupNorm)):
                weight, bias = network.name_of(module.weight), network.name_of(module.bias)
                if weight is not None:
                    made = self._drawn if isinstance(module, LAYERS) else torch.ones_like
                    parameters[weight] = made(parameters[weight])
                if bias is not None:
                    parameters[bias].zero_()
        for path, module in network.module.named_modules():
            if isinstance(module, _NormBase) and module.running_var is not None:
                prefix = f"{path}." if path else ""
                buffers[prefix + "running_mean"].zero_()
                buffers[prefix + "running_var"].fill_(1)
        return parameters, buffers

    def _drawn(self, weight: Tensor) -> Tensor:
        """A new weight of the shape alone: drawing into the old one would follow its order in memory."""
        made = torch.randn(weight.shape, dtype=weight.dtype, device=weight.device)
        if self.scheme != "normal":
            mode = self.scheme[len("kaiming_") :]
            nn.init.kaiming_normal_(made, mode=mode, nonlinearity="relu")  # type: ignore[arg-type]
        return made
