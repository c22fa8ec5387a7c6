"""A user's network as the passes see it: named tensors that can be substituted, and its weight layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Union

import torch
from torch import Tensor, nn
from torch.func import functional_call

from naslib_zc_plugin.observe.batch import tensors

Logits = Union[None, int, str, Callable[[Any], Tensor]]
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)


@dataclass(frozen=True)
class Layer:
    """One convolution or linear layer: its weight in force and, where asked for, the gradient (or zeros).

    Biases, norm layers' scales and embeddings are never among the layers, nor are weights of other modules: the input
    projection of ``nn.MultiheadAttention``, those of ``nn.LSTM`` and its like, of GPT-2's ``Conv1D``. A weight that
    several modules share is one layer.
    """

    name: str
    weight: Tensor
    gradient: Tensor


def pick_logits(output: Any, logits: Logits) -> Tensor:
    """The logits among what a network returned.

    Args:
        output: a tensor, or tensors in tuples, lists or mappings.
        logits: position, key or attribute, or a function of the output; None takes ``output`` where it is one tensor,
            its ``"logits"`` where it has that key, its only tensor where there is one.

    Raises:
        ValueError: several tensors and nothing that tells which, or ``logits`` names none.
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
    """A borrowed module (see :func:`~naslib_zc_plugin.observe.borrow.borrowed`) with the choice of its logits.

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
        """The name under which a module's parameter stands in ``parameters``; None for None."""
        return self._names.get(id(parameter))

    @property
    def device(self) -> torch.device:
        """Where the first parameter (or buffer) lives; the CPU for a network without any."""
        for value in (*self.parameters.values(), *self.buffers.values()):
            return value.device
        return torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        """The type of the first floating-point parameter; the default type for a network without any."""
        for value in self.parameters.values():
            if value.is_floating_point():
                return value.dtype
        return torch.get_default_dtype()

    def __call__(self, tensors: Mapping[str, Tensor], inputs: Any) -> Tensor:
        """The logits for ``inputs``, ``tensors`` in place of parameters and buffers; updates stay in ``tensors``."""
        if isinstance(inputs, Mapping):
            output = functional_call(self.module, dict(tensors), (), dict(inputs))
        else:
            output = functional_call(
                self.module, dict(tensors), tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)
            )
        return pick_logits(output, self.logits)
