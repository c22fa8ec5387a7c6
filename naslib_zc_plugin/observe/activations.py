"""Activation functions in whatever form a network uses them: module, function, method, in place, inside attention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.observe.attention import head_weights, weights_of_heads
from naslib_zc_plugin.observe.capture import Function, Handler
from naslib_zc_plugin.observe.observation import Undefined

See = Callable[[str, Tensor], None]
"""Gets the kind of an activation and its output (detached; a softmax's distributions in the last dimension)."""

RELUS: tuple[Function, ...] = (
    F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu6, F.leaky_relu, F.leaky_relu_,
    F.rrelu, F.rrelu_, torch.rrelu, torch.rrelu_, F.prelu, torch.prelu, Tensor.prelu,
)  # fmt: skip
"""Functions whose output is positive exactly where their input is. (nn.ReLU6 calls F.hardtanh.)"""

SMOOTH_RELUS: tuple[Function, ...] = (
    F.gelu, F.silu, F.mish, F.hardswish, F.elu, F.elu_, F.selu, F.selu_, torch.selu, torch.selu_,
    F.celu, F.celu_, torch.celu, torch.celu_,
)  # fmt: skip
"""Likewise positive exactly where their input is: variants of ReLU that ``naswot`` does not count."""

SIGMOIDS: tuple[Function, ...] = (
    torch.sigmoid, torch.sigmoid_, Tensor.sigmoid, Tensor.sigmoid_, F.sigmoid, torch.special.expit, F.hardsigmoid,
)  # fmt: skip
TANHS: tuple[Function, ...] = (torch.tanh, torch.tanh_, Tensor.tanh, Tensor.tanh_, F.tanh)
SOFTMAXES: tuple[Function, ...] = (F.softmax, torch.softmax, Tensor.softmax, torch.special.softmax, F.softmin)

CLAMPS: tuple[Function, ...] = (
    F.hardtanh, F.hardtanh_, torch.clamp, torch.clamp_, Tensor.clamp, Tensor.clamp_,
    torch.clip, torch.clip_, Tensor.clip, Tensor.clip_,
    torch.clamp_min, torch.clamp_min_, Tensor.clamp_min, Tensor.clamp_min_,
    F.threshold, torch.threshold, torch.threshold_,
)  # fmt: skip
"""Functions that are a ReLU if their lower bound is 0: the second argument, or the one of a name in ``_LOWER``."""

MAXIMA: tuple[Function, ...] = (torch.maximum, Tensor.maximum, torch.max, Tensor.max)
"""Functions that are a ReLU if one of their two tensors is 0."""

BLIND: dict[Function, tuple[str, ...]] = {
    **dict.fromkeys((torch.lstm, torch.gru, torch.lstm_cell, torch.gru_cell), ("sigmoid", "tanh")),
    **dict.fromkeys((torch.rnn_tanh, torch.rnn_tanh_cell), ("tanh",)),
    **dict.fromkeys((torch.rnn_relu, torch.rnn_relu_cell), ("relu",)),
}
"""Functions that hide activations of these kinds (torch's own recurrent layers)."""

_LOWER = ("min", "min_val", "threshold")
Found = Callable[[tuple[Any, ...], Mapping[str, Any], Any], "Tensor | None"]
"""The activation in a call, given its arguments, keywords and output; None where the call is none."""


def itself(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Tensor | None:
    """The output."""
    found: Tensor = output
    return found


def _clamped(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Tensor | None:
    lower = args[1] if len(args) > 1 else next((kwargs[name] for name in _LOWER if name in kwargs), None)
    return output if lower is not None and not (lower.any() if isinstance(lower, Tensor) else lower) else None


def _largest(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Tensor | None:
    pair = [argument for argument in (*args, *kwargs.values()) if isinstance(argument, Tensor)]
    return output if len(pair) == 2 and any(not part.any() for part in pair) else None


def _distributions(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor | None:
    dimension = args[1] if len(args) > 1 else kwargs.get("dim")
    if dimension is None:  # what torch takes then
        dimension = 0 if output.ndim in (0, 1, 3) else 1
    if output.ndim < 2:
        raise Undefined(f"the softmax of shape {tuple(output.shape)} is over the batch, and no sample's distribution")
    return output.movedim(dimension, -1)


FOUND: dict[str, list[tuple[Sequence[Function], Found]]] = {
    "relu": [(RELUS, itself), (CLAMPS, _clamped), (MAXIMA, _largest)],
    "gelu": [(SMOOTH_RELUS, itself)],
    "sigmoid": [(SIGMOIDS, itself)],
    "tanh": [(TANHS, itself)],
    "softmax": [
        (SOFTMAXES, _distributions),
        ((F.scaled_dot_product_attention,), head_weights),
        ((F.multi_head_attention_forward,), weights_of_heads),
    ],
}
"""Kinds of activations, and how each is found among the functions that a network calls."""


def activation_handlers(see: See, kinds: Iterable[str] | None = None) -> dict[Function, Handler]:
    """Handlers that pass the output of every activation of a forward pass to ``see``.

    A ReLU is ``"relu"`` with its leaky, parametric, randomised and clamped forms; ``"gelu"`` its smooth variants (GELU,
    SiLU, Mish, hard swish, ELU and its kin); ``"softmax"`` includes the one inside attention, recomputed without its
    dropout. Softplus, GLU, the logarithm of softmax and Gumbel softmax are none of these, nor is anything on integers;
    a function that is written out (``x * sigmoid(x)``) is seen as what it calls. Inside torch's own recurrent layers
    nothing can be seen.

    Args:
        see: called with each; what it keeps it must copy, for the network may write over it.
        kinds: those to see, of :data:`FOUND`; None: all.

    Raises:
        ValueError: no such kind.
        Undefined: in a pass, a call that hides activations of the kinds asked for.
    """
    wanted = list(FOUND) if kinds is None else list(kinds)
    unknown = [kind for kind in wanted if kind not in FOUND]
    if unknown:
        raise ValueError(f"there are activations of the kinds {', '.join(FOUND)}, not {unknown[0]!r}")

    def handler(kind: str, found: Found) -> Handler:
        def seen(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
            activation = found(args, kwargs, output)
            if activation is not None and activation.is_complex():
                raise Undefined(f"the output of an activation ({kind}) is complex, and has no place in a range")
            if activation is not None and activation.is_floating_point():  # clamped counts and positions are none
                see(kind, activation.detach())
            return output

        return seen

    def hidden(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
        raise Undefined("activations inside torch's own recurrent layers (nn.LSTM and its like) cannot be seen")

    handlers = {
        function: handler(kind, found) for kind in wanted for functions, found in FOUND[kind] for function in functions
    }
    return {**{function: hidden for function, inside in BLIND.items() if {*inside} & {*wanted}}, **handlers}
