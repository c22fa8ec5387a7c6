"""Seeing, and where asked replacing, the torch functions that a forward pass calls: one mode, no hooks on modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from naslib_zc_plugin.observe.observation import Undefined

Function = Callable[..., Any]
Handler = Callable[[tuple[Any, ...], Mapping[str, Any], Any], Any]
"""Called after a watched function with its arguments, keywords and output; returns the output that the network gets."""

CONVOLUTIONS: tuple[Function, ...] = (F.conv1d, F.conv2d, F.conv3d)
TRANSPOSED: tuple[Function, ...] = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)

EVERY: Function = lambda: None  # noqa: E731
"""Key of a handler that sees every function."""


class Watch(TorchFunctionMode):
    """While active, ``replacements`` stand in for functions and ``handlers`` see the calls of those that they name.

    Sees modules (which call functions), functions, methods and in-place forms; blind inside TorchScript,
    ``nn.LSTM``'s gates, ``F.multi_head_attention_forward`` and ``F.scaled_dot_product_attention``, each of which is
    one call here.
    """

    def __init__(
        self,
        handlers: Iterable[Mapping[Function, Handler]] = (),
        replacements: Mapping[Function, Function] | None = None,
    ) -> None:
        super().__init__()
        self._handlers: dict[Function, list[Handler]] = {}
        for mapping in handlers:
            for function, handler in mapping.items():
                self._handlers.setdefault(function, []).append(handler)
        self._every: Sequence[Handler] = self._handlers.get(EVERY, ())
        self._replacements = dict(replacements or {})

    def __torch_function__(
        self, function: Function, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call the function or what stands in for it, then the handlers. Calls from in here are not seen again."""
        kwargs = kwargs or {}
        output = self._replacements.get(function, function)(*args, **kwargs)
        for handler in self._handlers.get(function, ()):
            output = handler(args, kwargs, output)
        for handler in self._every:
            output = handler(args, kwargs, output)
        return output


def batch_norm(input: Tensor, mean: Any, variance: Any, *args: Any, **kwargs: Any) -> Tensor:
    """Batch normalisation as it is, with a reason in place of torch's error where there is nothing to normalise."""
    try:
        return F.batch_norm(input, mean, variance, *args, **kwargs)
    except ValueError as error:
        raise Undefined(f"batch norm has one value per channel: {error}") from error


def own_statistics(
    input: Tensor,
    mean: Any = None,
    variance: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Batch normalisation by the input's statistics alone, whatever the mode; running ones are not touched."""
    return batch_norm(input, None, None, weight, bias, True, momentum, eps)


def identity(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The input."""
    return input
