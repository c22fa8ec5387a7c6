"""A user's network as passes see it: named tensors that can be substituted, its weight layers, its logits.

Below it, the weights that a pass may put into force: the network's own, their absolute values, or new ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, ClassVar, Union

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _NormBase

from naslib_zc_plugin.passes.degenerate import Undefined
from naslib_zc_plugin.passes.inputs import tensors

Logits = Union[None, int, str, Callable[[Any], Tensor]]
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)


@dataclass(frozen=True)
class Layer:
    """One convolution or linear layer: its weight in force and, where asked for, the gradient (or zeros).

    >>> Layer("stem.weight", torch.ones(2, 3), torch.zeros(2, 3)).name
    'stem.weight'

    Biases, norm layers' scales and embeddings are never among the layers, nor are weights of other modules: the input
    projection of ``nn.MultiheadAttention``, those of ``nn.LSTM`` and its like, of GPT-2's ``Conv1D``. A weight that
    several modules share is one layer.
    """

    name: str
    weight: Tensor
    gradient: Tensor


def pick_logits(output: Any, logits: Logits) -> Tensor:
    """Return the logits among the values that a network returned.

    Args:
        output: a tensor, or tensors in tuples, lists or mappings.
        logits: position, key or attribute, or a function of the output; None takes ``output`` where it is one tensor,
            its ``"logits"`` where it has that key, its only tensor where there is one.

    Raises:
        ValueError: there are several tensors and no choice among them, or ``logits`` names none.
    """
    if isinstance(output, Tensor) and logits is None:
        return output
    chosen: Any = None
    if callable(logits):
        chosen = logits(output)
    elif logits is not None:
        try:
            chosen = getattr(output, logits) if isinstance(logits, str) and hasattr(output, logits) else output[logits]
        except (KeyError, IndexError, TypeError):
            chosen = None
    elif isinstance(output, Mapping) and "logits" in output:
        chosen = output["logits"]
    elif len(tensors(output)) == 1:
        chosen = tensors(output)[0]
    if isinstance(chosen, Tensor):
        return chosen
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors(output)) or "no tensor"
    kind = type(output).__name__
    raise ValueError(
        f"logits={logits!r} picks no tensor from the network's {kind} of shapes {shapes}: "
        "pass logits= a position, a key or a function"
    )


class Network:
    """An isolated module (see :func:`~naslib_zc_plugin.passes.isolation.isolated`) with the choice of its logits.

    Attributes:
        parameters: each distinct parameter under its first name, detached.
        buffers: likewise.
        layers: names, among ``parameters``, of the weights of convolution and linear modules, in module order.
    """

    def __init__(self, module: nn.Module, logits: Logits = None) -> None:
        self.module = module
        self.logits = logits
        named = dict(module.named_parameters())
        self.parameters: dict[str, Tensor] = {name: value.detach() for name, value in named.items()}
        self.buffers: dict[str, Tensor] = {name: value.detach() for name, value in module.named_buffers()}
        self._names = {id(value): name for name, value in named.items()}
        weights = [self.name_of(found.weight) for found in module.modules() if isinstance(found, LAYERS)]
        self.layers: tuple[str, ...] = tuple(dict.fromkeys(name for name in weights if name is not None))

    def name_of(self, parameter: Tensor | None) -> str | None:
        """Return the name under which a module's parameter stands in ``parameters``; None for None."""
        return self._names.get(id(parameter))

    def check_layers(self) -> None:
        """Check that the network has layers.

        Raises:
            Undefined: it has none.
        """
        if not self.layers:
            raise Undefined("the network has no convolution or linear layer")

    @property
    def device(self) -> torch.device:
        """Where the first parameter (or buffer) lives; the CPU for a network without any."""
        every = (*self.parameters.values(), *self.buffers.values())
        return every[0].device if every else torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        """The type of the first floating-point parameter; the default type for a network without any."""
        real = (value.dtype for value in self.parameters.values() if value.is_floating_point())
        return next(real, torch.get_default_dtype())

    def __call__(self, tensors: Mapping[str, Tensor], inputs: Any) -> Tensor:
        """Return the logits, with ``tensors`` as parameters and buffers; updates stay in ``tensors``."""
        by_name = dict(inputs) if isinstance(inputs, Mapping) else {}
        by_place = () if by_name else tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)
        return pick_logits(functional_call(self.module, dict(tensors), by_place, by_name), self.logits)


# Weights --------------------

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Weights(ABC):
    """The parameters and buffers in force during a pass.

    Attributes:
        draws: whether they are drawn, so that they depend on the seed.
    """

    draws: ClassVar[bool] = False

    @property
    @abstractmethod
    def seed_name(self) -> str:
        """The text under which they are hashed into seeds; it never changes."""

    @abstractmethod
    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Return parameters and buffers by name; copies, so that nothing written in a pass reaches the network."""


@dataclass(frozen=True)
class OriginalWeights(Weights):
    """The parameters and buffers that the network holds."""

    seed_name: ClassVar[str] = "Held()"

    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Return parameters and buffers by name."""
        return _copies(network)


@dataclass(frozen=True)
class Absolute(Weights):
    """Absolute values of all parameters and buffers.

    >>> Absolute().draws
    False
    """

    seed_name: ClassVar[str] = "Absolute()"

    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Return parameters and buffers by name."""
        parameters, buffers = ({name: value.abs() for name, value in group.items()} for group in _copies(network))
        return parameters, buffers


@dataclass(frozen=True)
class Reinitialized(Weights):
    """Weights of convolution and linear layers drawn anew; their biases 0, norm layers as new.

    >>> Reinitialized("kaiming_fan_in").draws
    True

    Attributes:
        scheme: ``"normal"``: N(0, 1); ``"kaiming_fan_in"``, ``"kaiming_fan_out"``: Kaiming's normal initialisation
            for ReLU.
    """

    scheme: str
    draws: ClassVar[bool] = True

    @property
    def seed_name(self) -> str:
        """The text under which they are hashed into seeds; it never changes."""
        return f"Drawn(scheme={self.scheme!r})"

    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Return parameters and buffers by name; parameters of other modules as the network holds them."""
        parameters, buffers = _copies(network)
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
        """Return a new weight, drawn by the shape alone: drawing into the old one would follow its order in memory."""
        made = torch.randn(weight.shape, dtype=weight.dtype, device=weight.device)
        if self.scheme != "normal":
            mode = self.scheme[len("kaiming_") :]
            nn.init.kaiming_normal_(made, mode=mode, nonlinearity="relu")  # type: ignore[arg-type]
        return made


def _copies(network: Network) -> tuple[Tensors, Tensors]:
    """Return copies of the parameters and buffers that the network holds."""
    parameters = {name: value.clone() for name, value in network.parameters.items()}
    return parameters, {name: value.clone() for name, value in network.buffers.items()}
