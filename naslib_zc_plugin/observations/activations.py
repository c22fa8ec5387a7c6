"""Activation functions in whatever form a network uses them: module, function, method, in place, inside attention.

Each kind is one of :data:`~naslib_zc_plugin.passes.capture.KINDS`: ``p.on("relu", see)`` calls ``see`` with the output
of every ReLU (detached; of a softmax, the distributions in the last dimension), which it must copy if it keeps it, for
the network may write over it.

- ``"relu"``: ReLU with its leaky, parametric, randomised and clamped forms;
- ``"gelu"``: its smooth variants (GELU, SiLU, Mish, hard swish, ELU and its kin);
- ``"sigmoid"``, ``"tanh"``;
- ``"softmax"``: the one inside attention included, recomputed without its dropout.

Softplus, GLU, the logarithm of softmax and Gumbel softmax are none of these, nor is anything on integers; of a function
that is written out (``x * sigmoid(x)``) the parts are seen. Inside torch's own recurrent layers nothing can be seen: a
call that hides activations of the kind is Undefined.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.passes import ForwardPass, NotApplicable
from naslib_zc_plugin.passes.capture import KINDS, Function, Handler, See

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


def itself(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
    """Return the output."""
    return output


def _clamped(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Tensor | None:
    lower = args[1] if len(args) > 1 else next((kwargs[name] for name in _LOWER if name in kwargs), None)
    return output if lower is not None and not (lower.any() if isinstance(lower, Tensor) else lower) else None


def _largest(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Tensor | None:
    pair = [argument for argument in (*args, *kwargs.values()) if isinstance(argument, Tensor)]
    return output if len(pair) == 2 and any(not part.any() for part in pair) else None


def _distributions(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor | None:
    dimension = args[1] if len(args) > 1 else kwargs.get("dim")
    if dimension is None:  # torch's own choice
        dimension = 0 if output.ndim in (0, 1, 3) else 1
    if output.ndim < 2:
        raise NotApplicable(
            f"the softmax of shape {tuple(output.shape)} is over the batch, and no sample's distribution"
        )
    return output.movedim(dimension, -1)


# The softmax inside torch's attention functions, recomputed from their arguments --------------------


def head_weights(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
    """Return the attention weights, (…, L, S), of a call of ``F.scaled_dot_product_attention``, before dropout.

    Rows that a mask leaves nothing to attend to are zero.
    """
    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
    given = {**dict(zip(names, args)), **kwargs}
    query, key, mask = given["query"].detach(), given["key"].detach(), given.get("attn_mask")
    if given.get("enable_gqa"):
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], dim=-3)
    scale = given.get("scale")
    scores = (query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)) @ key.transpose(-2, -1)
    if given.get("is_causal"):
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype is torch.bool else scores + mask.detach()
    weights: Tensor = scores.softmax(-1).nan_to_num(0)
    return weights


def weights_of_heads(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Tensor:
    """Return the attention weights, (N, heads, L, S), of a call of ``F.multi_head_attention_forward``, likewise."""
    given = dict(zip(inspect.signature(F.multi_head_attention_forward).parameters, args))
    asked = {**given, **kwargs, "need_weights": True, "average_attn_weights": False, "dropout_p": 0.0}
    with torch.no_grad():
        weights = F.multi_head_attention_forward(**asked)[1]
    assert weights is not None  # they are asked for
    return weights.nan_to_num(0)


# Kinds --------------------

ACTIVATIONS: dict[str, list[tuple[Sequence[Function], Found]]] = {
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


def activation_handlers(kind: str, see: See, graph: bool = False) -> dict[Function, Handler]:
    """Return handlers that call ``see`` with the output of every activation of a kind.

    Args:
        kind: of :data:`ACTIVATIONS`.
        see: the function.
        graph: whether the output is a part of the graph, and the network goes on with what ``see`` returns; else it is
            detached.
    """

    def handler(found: Found) -> Handler:
        def seen(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
            activation = found(args, kwargs, output)
            if activation is not None and activation.is_complex():
                raise NotApplicable(f"the output of an activation ({kind}) is complex, and has no place in a range")
            if activation is None or not activation.is_floating_point():  # clamped counts and positions are none
                return None
            if graph:
                return see(activation)
            see(activation.detach())
            return None

        return seen

    return {function: handler(found) for functions, found in ACTIVATIONS[kind] for function in functions}


def _hidden(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
    raise NotApplicable("activations inside torch's own recurrent layers (nn.LSTM and its like) cannot be seen")


def add_kind(kind: str) -> None:
    """Make a kind of :data:`ACTIVATIONS` known to ``p.on``."""
    KINDS[kind] = lambda view, see: {**_blind(kind), **activation_handlers(kind, see)}


def _blind(kind: str) -> dict[Function, Handler]:
    return dict.fromkeys((function for function, inside in BLIND.items() if kind in inside), _hidden)


def watch_in_graph(p: ForwardPass, kind: str, see: See) -> None:
    """See the outputs of the activations of a kind as parts of the graph, so that they can be differentiated by.

    Args:
        p: the pass.
        kind: of :data:`ACTIVATIONS`.
        see: called with each output; what it returns stands in for it: a copy, if it keeps the output.
    """
    for function, handler in {**_blind(kind), **activation_handlers(kind, see, graph=True)}.items():
        p.on([function], handler)


for _kind in ACTIVATIONS:
    add_kind(_kind)
