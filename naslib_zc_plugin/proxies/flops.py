"""Multiply-accumulate operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.extend import ForwardObservation, Function, Handler, Run, proxy


def _argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], position: int, name: str) -> Any:
    return args[position] if len(args) > position else kwargs[name]


def _layer(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Convolution and linear: every output value is a sum over one output channel's weights."""
    weight = _argument(args, kwargs, 1, "weight")
    return int(output.numel() * weight[0].numel())


def _transposed(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Transposed convolution: every input value is spread over one input channel's weights."""
    return int(_argument(args, kwargs, 0, "input").numel() * _argument(args, kwargs, 1, "weight")[0].numel())


def _product(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Matrix products: every output value is a sum over the last dimension of the first factor."""
    return output.numel() * int(_argument(args, kwargs, 0, "input").shape[-1])


def _added_product(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    return output.numel() * int(args[1].shape[-1])


def _attention(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Scaled dot product: queries times keys, and weights times values."""
    query, key = _argument(args, kwargs, 0, "query"), _argument(args, kwargs, 1, "key")
    return int(query.numel() * key.shape[-2] + output.numel() * key.shape[-2])


def _multi_head(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> int:
    """Multi-head attention, inputs (length, batch, width): four projections and the two products of each head."""
    query, key, value = (_argument(args, kwargs, i, name) for i, name in enumerate(("query", "key", "value")))
    width = query.shape[-1]
    projections = width * (2 * query.numel() + key.numel() + value.numel())
    return int(projections + 2 * query.numel() * key.shape[0])


def _recurrent(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> int:
    """Recurrent layers: every weight is used once per sample and step."""
    inputs = args[0]
    weights = next(
        argument for argument in args[1:] if isinstance(argument, (list, tuple)) and argument and argument[0].ndim == 2
    )
    return int(inputs.shape[:-1].numel() * sum(weight.numel() for weight in weights if weight.ndim == 2))


Rule = Callable[[tuple[Any, ...], Mapping[str, Any], Any], int]
RULES: dict[Function, Rule] = {
    **dict.fromkeys((F.conv1d, F.conv2d, F.conv3d, F.linear), _layer),
    **dict.fromkeys((F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d), _transposed),
    **dict.fromkeys(
        (torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, Tensor.mm, torch.bmm, Tensor.bmm), _product
    ),
    **dict.fromkeys((torch.addmm, Tensor.addmm, torch.baddbmm, Tensor.baddbmm), _added_product),
    **dict.fromkeys((torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu), _recurrent),
    F.scaled_dot_product_attention: _attention,
    F.multi_head_attention_forward: _multi_head,
}


@dataclass(frozen=True)
class MultiplyAccumulates(ForwardObservation):
    """Multiply-accumulate operations of one sample's forward run in the functions of ``RULES``."""

    @property
    def data(self) -> bool:
        """Shapes alone."""
        return False

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """Add up call by call."""

        def counting(rule: Rule) -> Handler:
            def count(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
                run.kept[self].append(rule(args, kwargs, output))
                return output

            return count

        return {function: counting(rule) for function, rule in RULES.items()}

    def read(self, run: Run) -> float:
        """The mean over the batch."""
        return float(sum(run.kept[self]) / run.batch.size)


@proxy(needs=[MultiplyAccumulates()], version=1, paper="baseline", higher_is_better=True)
def flops(operations: float) -> float:
    """Multiply-accumulate operations (MACs) of one sample's forward run.

    Higher is better. Half of the floating-point operations: the field says FLOPs and counts MACs (not in millions
    here). Counted: convolutions, linear layers, matrix products, attention and recurrent layers. Not counted: norms,
    activations, pooling, additions, einsum.
    """
    return operations
