"""Operations of a forward run, counted from the shapes of its functions' arguments.

``torch.utils.flop_counter`` counts something else: it sees torch's kernels, so that einsum counts, recurrent layers in
one kernel do not, and elementwise operations never do.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor, prod
from typing import Any, Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.observations.activations import RELUS
from naslib_zc_plugin.passes import FORWARD, Forward, ForwardPass, Steps, observation
from naslib_zc_plugin.passes.capture import CONVOLUTIONS, TRANSPOSED, Function
from naslib_zc_plugin.passes.inputs import TwoSamples, tensors


def _argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], position: int, name: str) -> Any:
    """Return an argument of a call, by position or keyword; None where it was not given."""
    return args[position] if len(args) > position else kwargs.get(name)


def _layer(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a convolution or linear layer: every output value is a sum over one output channel's weights."""
    return int(output.numel() * _argument(args, kwargs, 1, "weight")[0].numel())


def _transposed(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a transposed convolution: every input value is spread over one input channel's weights."""
    return int(_argument(args, kwargs, 0, "input").numel() * _argument(args, kwargs, 1, "weight")[0].numel())


def _product(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a matrix product: every output value is a sum over the last dimension of the first factor."""
    return output.numel() * int(_argument(args, kwargs, 0, "input").shape[-1])


def _added_product(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    return output.numel() * int(args[1].shape[-1])


def _attention(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count scaled dot-product attention: queries times keys, and weights times values."""
    query, key = _argument(args, kwargs, 0, "query"), _argument(args, kwargs, 1, "key")
    return int(query.numel() * key.shape[-2] + output.numel() * key.shape[-2])


def _multi_head(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> int:
    """Count multi-head attention, inputs (length, batch, width): four projections and the two products of each head."""
    query, key, value = (_argument(args, kwargs, i, name) for i, name in enumerate(("query", "key", "value")))
    width = query.shape[-1]
    projections = width * (2 * query.numel() + key.numel() + value.numel())
    return int(projections + 2 * query.numel() * key.shape[0])


def _recurrent(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> int:
    """Count a recurrent layer: every weight is used once per sample and step."""
    several = (argument for argument in args[1:] if isinstance(argument, (list, tuple)) and argument)
    weights = next(argument for argument in several if argument[0].ndim == 2)
    return int(args[0].shape[:-1].numel() * sum(weight.numel() for weight in weights if weight.ndim == 2))


Rule = Callable[[tuple[Any, ...], Mapping[str, Any], Any], int]
MULTIPLICATIONS: dict[Function, Rule] = {
    **dict.fromkeys((*CONVOLUTIONS, F.linear), _layer),
    **dict.fromkeys(TRANSPOSED, _transposed),
    **dict.fromkeys(
        (torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, Tensor.mm, torch.bmm, Tensor.bmm), _product
    ),
    **dict.fromkeys((torch.addmm, Tensor.addmm, torch.baddbmm, Tensor.baddbmm), _added_product),
    **dict.fromkeys((torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu), _recurrent),
    F.scaled_dot_product_attention: _attention,
    F.multi_head_attention_forward: _multi_head,
}


def _bias(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a convolution's bias, which is added to every output value."""
    return 0 if _argument(args, kwargs, 2, "bias") is None else output.numel()


def _norm(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count batch norm: one operation per value, two with a learned scale."""
    return output.numel() * (1 if _argument(args, kwargs, 3, "weight") is None else 2)


def _each(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    return output.numel()


def _pool(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count pooling: every output value takes its window."""
    kernel = _argument(args, kwargs, 1, "kernel_size")
    return output.numel() * (prod(kernel) if isinstance(kernel, (list, tuple)) else kernel**2)


def _adaptive_pool(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count adaptive pooling: every output value takes its window, which tensorwatch makes one longer each way."""
    source = _argument(args, kwargs, 0, "input")
    sizes = (
        sum(ceil((i + 1) * long / short) - floor(i * long / short) + 1 for i in range(short))
        for long, short in zip(source.shape[-2:], output.shape[-2:])
    )
    return int(output.shape[:-2].numel() * prod(sizes))


ELEMENTWISE: dict[Function, Rule] = {
    **dict.fromkeys(CONVOLUTIONS, _bias),
    **dict.fromkeys((*RELUS, F.hardtanh, F.elu), _each),
    **dict.fromkeys((F.avg_pool2d, F.max_pool2d, torch.max_pool2d), _pool),
    **dict.fromkeys((F.adaptive_avg_pool2d, F.adaptive_max_pool2d), _adaptive_pool),
    F.batch_norm: _norm,
}


@observation(setting=Forward(inputs=TwoSamples()))
def operation_count(p: ForwardPass, elementwise: bool = False) -> Steps[float]:
    """Count the operations of one sample's forward run, the mean over two: those of :data:`MULTIPLICATIONS`.

    >>> operation_count(elementwise=True).data
    False

    Args:
        p: the pass.
        elementwise: whether those of :data:`ELEMENTWISE` count, too.
    """
    counts: list[int] = []

    def counting(rule: Rule) -> Callable[..., None]:
        return lambda args, kwargs, output: counts.append(rule(args, kwargs, output))

    for function, rule in (*MULTIPLICATIONS.items(), *(ELEMENTWISE.items() if elementwise else ())):
        p.on([function], counting(rule))
    yield FORWARD
    return float(sum(counts) / len(tensors(p.inputs)[0]))
