"""Operations of a forward run, counted from the shapes of its functions' arguments.

``torch.utils.flop_counter`` counts something else: it sees torch's kernels, so that recurrent layers in one kernel do
not count, and elementwise operations never do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from math import ceil, floor, isqrt, prod
from typing import Any, Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.observations.activations import RELUS
from naslib_zc_plugin.passes import FORWARD, Forward, ForwardPass, Steps, observation
from naslib_zc_plugin.passes.capture import CONVOLUTIONS, TRANSPOSED, Function
from naslib_zc_plugin.passes.inputs import TwoSamples, tensors


def _argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], position: int, *names: str) -> Any:
    """Return an argument of a call, by position or one of its names; None where it was not given."""
    if len(args) > position:
        return args[position]
    return next((kwargs[name] for name in names if name in kwargs), None)


def _layer(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a convolution or linear layer: every output value is a sum over one output channel's weights."""
    weight = _argument(args, kwargs, 1, "weight")
    return int(output.numel() * (weight[0] if weight.ndim > 1 else weight).numel())


def _transposed(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a transposed convolution: every input value is spread over one input channel's weights."""
    return int(_argument(args, kwargs, 0, "input").numel() * _argument(args, kwargs, 1, "weight")[0].numel())


def _convolution(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    rule = _transposed if _argument(args, kwargs, 6, "transposed") else _layer
    return rule(args, kwargs, output)


def _channels_last(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count ``conv_tbc``, whose weight is (kernel, inputs, outputs)."""
    return int(output.numel() * _argument(args, kwargs, 1, "weight")[..., 0].numel())


def _bilinear(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a bilinear layer: the first input times all weights, and that times the second input."""
    _, first, second = _argument(args, kwargs, 2, "weight").shape
    return int(output.numel() * (first * second + second))


# Products --------------------


def _product(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a matrix product: every output value is a sum over the last dimension of the first factor."""
    return output.numel() * int(_argument(args, kwargs, 0, "input", "self").shape[-1])


def _reversed(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count ``other @ tensor``, which the second factor's class carries out."""
    return output.numel() * int(args[0].shape[-2:][0])


def _added_product(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a product that is added to the first argument."""
    factor = _first_factor(args, kwargs)
    return output.numel() * int(factor.shape[-1])


def _added_products(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count ``addbmm``, the sum over a batch of products."""
    factor = _first_factor(args, kwargs)
    return output.numel() * int(factor.shape[-1]) * len(factor)


def _first_factor(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor:
    """Return the tensor after the one that is added to; numbers may stand before either."""
    given = tuple(argument for argument in args if isinstance(argument, Tensor))
    factor: Tensor = _argument(given, kwargs, 1, "mat1", "batch1", "mat")
    return factor


def _along(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count ``vecdot``: every output value is a sum over one dimension of both factors."""
    dim = _argument(args, kwargs, 2, "dim")
    return output.numel() * int(_argument(args, kwargs, 0, "x").shape[-1 if dim is None else dim])


def _contraction(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a product that sums over some dimensions of both factors, and has all others of both."""
    first, second = _argument(args, kwargs, 0, "a", "input", "self"), _argument(args, kwargs, 1, "b", "other", "vec2")
    if not (output.numel() and first.ndim and second.ndim):
        return 0
    return output.numel() * isqrt(first.numel() * second.numel() // output.numel())


def _grouped(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count products of groups of rows, each with a matrix of its own, or of groups of the dimension summed over."""
    first, second = _argument(args, kwargs, 0, "mat_a", "self", "input"), _argument(args, kwargs, 1, "mat_b", "mat2")
    groups = len(output) if first.ndim == second.ndim == 2 else 1
    return output.numel() // max(1, groups) * int(first.shape[-1])


def _chain(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count a product of several matrices in its cheapest order; the first and the last may be vectors."""
    factors = args if args and isinstance(args[0], Tensor) else _argument(args, kwargs, 0, "tensors", "matrices")
    first, *others = factors
    sizes = [len(first) if first.ndim > 1 else 1, *map(len, others), factors[-1].shape[1:].numel()]

    @cache
    def least(begin: int, end: int) -> int:
        """Return the number for the factors between two sizes."""
        splits = range(begin + 1, end)
        return min(
            (least(begin, k) + least(k, end) + sizes[begin] * sizes[k] * sizes[end] for k in splits),
            default=0,
        )

    return least(0, len(sizes) - 1)


def _einsum(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count the products of an Einstein summation, factor by factor from the left.

    A step is a product where it sums over a label of both factors, or where each has one that the other does not have;
    all others scale values, which is an elementwise operation. Labels of one factor alone are summed before.
    """
    factors, wanted = _labelled(args)
    count, left = 0, factors[0]
    for place, right in enumerate(factors[1:], 2):
        kept = wanted.union(*factors[place:])
        left, right = ({k: n for k, n in a.items() if k in kept or k in b} for a, b in ((left, right), (right, left)))
        both = {**left, **right}
        if (left.keys() & right.keys()) - kept or (left.keys() - right.keys() and right.keys() - left.keys()):
            count += prod(both.values())
        left = {label: size for label, size in both.items() if label in kept}
    return count


def _labelled(args: tuple[Any, ...]) -> tuple[list[dict[Any, int]], set[Any]]:
    """Return the sizes of each operand of ``einsum`` by label, without those of 1, and the labels of the output.

    Labels are letters or numbers; those of an ellipsis are their places counted from its end, as tuples.
    """
    if isinstance(args[0], str):
        inputs, arrow, result = args[0].replace(" ", "").replace("...", ".").partition("->")
        operands = args[1:] if isinstance(args[1], Tensor) else args[1]
        terms: list[Sequence[Any]] = list(inputs.split(","))
        wanted: Sequence[Any] | None = result if arrow else None
    else:
        several = len(args) // 2
        operands, terms = args[: 2 * several : 2], list(args[1 : 2 * several : 2])
        wanted = args[-1] if len(args) % 2 else None
    factors, every = [], Counter(label for term in terms for label in term)
    for term, operand in zip(terms, operands):
        rest = operand.ndim - sum(label not in (".", ...) for label in term)
        labels: list[Any] = []
        for label in term:
            labels += [(place,) for place in range(rest, 0, -1)] if label in (".", ...) else [label]
        factors.append({label: size for label, size in zip(labels, operand.shape) if size > 1})
    shown = set(wanted) if wanted is not None else {label for label, times in every.items() if times == 1}
    if wanted is None or shown & {".", ...}:
        shown |= {label for factor in factors for label in factor if isinstance(label, tuple)}
    return factors, shown


# Attention and recurrent layers --------------------


def _attention(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Count scaled dot-product attention: queries times keys, and weights times values."""
    query, key = _argument(args, kwargs, 0, "query"), _argument(args, kwargs, 1, "key")
    return int(query.numel() * key.shape[-2] + output.numel() * key.shape[-2])


def _multi_head(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> int:
    """Count multi-head attention, inputs (length, batch, width): four projections and the two products of each head."""
    query, key, value = (_argument(args, kwargs, i, name) for i, name in enumerate(("query", "key", "value")))
    bias, zero, static = (
        _argument(args, kwargs, i, name) for i, name in ((7, "bias_k"), (9, "add_zero_attn"), (21, "static_k"))
    )
    width = query.shape[-1]
    projections = width * (2 * query.numel() + key.numel() + value.numel())
    length = (key.shape[0] if static is None else static.shape[1]) + (bias is not None) + bool(zero)
    return int(projections + 2 * query.numel() * length)


def _recurrent(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> int:
    """Count a recurrent layer: every weight is used once per sample and step."""
    several = (each for each in (*args[1:], *kwargs.values()) if isinstance(each, (list, tuple)) and each)
    weights = next(each for each in several if isinstance(each[0], Tensor) and each[0].ndim == 2)
    steps = _argument(args, kwargs, 0, "input", "data").shape[:-1].numel()
    return int(steps * sum(weight.numel() for weight in weights if weight.ndim == 2))


def _cell(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> int:
    """Count one step of a recurrent layer."""
    weights = _argument(args, kwargs, 2, "w_ih"), _argument(args, kwargs, 3, "w_hh")
    steps = _argument(args, kwargs, 0, "input").shape[:-1].numel()
    return int(steps * sum(weight.numel() for weight in weights))


Rule = Callable[[tuple[Any, ...], Mapping[str, Any], Any], int]


def _named(rule: Rule, names: str) -> dict[Function, Rule]:
    """Return a rule by the functions and methods of these names, those that this torch has."""
    rooms = torch, torch.linalg, F, Tensor
    return {getattr(room, name): rule for room in rooms for name in names.split() if hasattr(room, name)}


MULTIPLICATIONS: dict[Function, Rule] = {
    **dict.fromkeys((*CONVOLUTIONS, F.linear), _layer),
    **dict.fromkeys(TRANSPOSED, _transposed),
    **_named(_convolution, "convolution"),
    **_named(_channels_last, "conv_tbc"),
    **_named(_bilinear, "bilinear"),
    **_named(_product, "matmul __matmul__ mm bmm mv dot vdot _int_mm _scaled_mm"),
    **_named(_reversed, "__rmatmul__"),
    **_named(_added_product, "addmm addmm_ baddbmm baddbmm_ addmv addmv_"),
    **_named(_added_products, "addbmm addbmm_"),
    **_named(_along, "vecdot"),
    **_named(_contraction, "tensordot inner outer ger"),
    **_named(_grouped, "grouped_mm _grouped_mm"),
    **_named(_chain, "multi_dot chain_matmul"),
    **_named(_einsum, "einsum"),
    **_named(_recurrent, "lstm gru rnn_tanh rnn_relu"),
    **_named(_cell, "lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"),
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

    Raises:
        Undefined: the network is quantised, so that its layers call no function of torch.
    """
    p.network.check_packed()
    counts: list[int] = []

    def counting(rule: Rule) -> Callable[..., None]:
        return lambda args, kwargs, output: counts.append(rule(args, kwargs, output))

    for function, rule in (*MULTIPLICATIONS.items(), *(ELEMENTWISE.items() if elementwise else ())):
        p.on([function], counting(rule))
    yield FORWARD
    return float(sum(counts) / len(tensors(p.inputs)[0]))
