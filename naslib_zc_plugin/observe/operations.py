"""Operations that a forward run takes, counted from the shapes of what its functions are called with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, prod
from typing import Any, Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.observe.activations import RELUS
from naslib_zc_plugin.observe.batch import tensors
from naslib_zc_plugin.observe.capture import CONVOLUTIONS, TRANSPOSED, Function, Handler
from naslib_zc_plugin.observe.forward import Forward, ForwardObservation
from naslib_zc_plugin.observe.inputs import Few
from naslib_zc_plugin.observe.run import Run


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
    """Convolution: the bias is added to every output value."""
    bias = args[2] if len(args) > 2 else kwargs.get("bias")
    return 0 if bias is None else output.numel()


def _norm(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Batch norm: one operation per value, two with a learned scale."""
    weight = args[3] if len(args) > 3 else kwargs.get("weight")
    return output.numel() * (1 if weight is None else 2)


def _each(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    return output.numel()


def _pool(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Pooling: every output value takes its window."""
    kernel = _argument(args, kwargs, 1, "kernel_size")
    return output.numel() * (prod(kernel) if isinstance(kernel, (list, tuple)) else kernel**2)


def _adaptive_pool(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> int:
    """Adaptive pooling: every output value takes its window, which that counter makes one longer each way."""
    source = _argument(args, kwargs, 0, "input")
    sizes = []
    for long, short in zip(source.shape[-2:], output.shape[-2:]):
        windows = range(short)
        sizes.append(sum(ceil((i + 1) * long / short) - floor(i * long / short) + 1 for i in windows))
    return int(output.shape[:-2].numel() * prod(sizes))


ELEMENTWISE: dict[Function, Rule] = {
    **dict.fromkeys(CONVOLUTIONS, _bias),
    **dict.fromkeys((*RELUS, F.hardtanh, F.elu), _each),
    **dict.fromkeys((F.avg_pool2d, F.max_pool2d, torch.max_pool2d), _pool),
    **dict.fromkeys((F.adaptive_avg_pool2d, F.adaptive_max_pool2d), _adaptive_pool),
    F.batch_norm: _norm,
}


@dataclass(frozen=True)
class Operations(ForwardObservation):
    """Operations of one sample's forward run: multiply-accumulates of ``MULTIPLICATIONS``.

    Attributes:
        elementwise: whether those of ``ELEMENTWISE`` count, too.
    """

    elementwise: bool = False

    @property
    def under(self) -> Forward:
        """The network as it is, on as few samples as will do."""
        return Forward(inputs=Few())

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """Add up call by call."""

        def counting(rule: Rule, before: Handler | None) -> Handler:
            def count(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
                run.kept[self].append(rule(args, kwargs, output))
                return output if before is None else before(args, kwargs, output)

            return count

        rules = [*MULTIPLICATIONS.items(), *(ELEMENTWISE.items() if self.elementwise else ())]
        handlers: dict[Function, Handler] = {}
        for function, rule in rules:
            handlers[function] = counting(rule, handlers.get(function))
        return handlers

    def read(self, run: Run) -> float:
        """The mean over the samples."""
        return float(sum(run.kept[self]) / len(tensors(run.shown[0])[0]))
