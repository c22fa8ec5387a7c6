"""See, and replace where a setting wants it, the torch functions that a forward pass calls: one mode, no hooks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Callable, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from naslib_zc_plugin.passes.degenerate import NotApplicable, in_precision

Function = Callable[..., Any]
Handler = Callable[[tuple[Any, ...], Mapping[str, Any], Any], Any]
"""Called after a watched function with its arguments, keywords and output.

The network gets the value that it returns instead of the output; None: the output itself.
"""

See = Callable[..., Any]
"""A function that an observation registers for a kind of calls; its arguments depend on the kind."""

KINDS: dict[str, Callable[[Any, See], Mapping[Function, Handler]]] = {}
"""Kinds of calls by name: (view of the pass, see) → handlers. Modules of observations add theirs."""

TWICE: dict[Function, Function] = {}
"""Functions that torch cannot differentiate twice, or not rightly, and those that stand for them where it must."""

QUICK: dict[Function, Function] = {}
"""Functions whose second derivative torch takes long for, and those that stand for them; first ones are the same."""

CONVOLUTIONS: tuple[Function, ...] = (F.conv1d, F.conv2d, F.conv3d)
TRANSPOSED: tuple[Function, ...] = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)

EVERY: Function = lambda: None  # noqa: E731
"""Key of a handler that sees every function."""


class Watch(TorchFunctionMode):
    """While active, ``replacements`` stand in for functions and ``handlers`` see the calls of those that they name.

    With a ``dtype`` the network computes in that precision whatever it casts to: types among the arguments become it,
    and so do tensors of another, which the network keeps where nothing could substitute them.

    Sees modules (which call functions), functions, methods and in-place forms; blind inside ``nn.LSTM``'s gates,
    ``F.multi_head_attention_forward`` and ``F.scaled_dot_product_attention``, each of which is one call here, and
    inside TorchScript's functions, whose operations an :class:`Unseen` mode notes.
    """

    def __init__(
        self,
        handlers: Iterable[Mapping[Function, Handler]] = (),
        replacements: Mapping[Function, Function] | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self._handlers: dict[Function, list[Handler]] = {}
        for mapping in handlers:
            for function, handler in mapping.items():
                self._handlers.setdefault(function, []).append(handler)
        self._every: Sequence[Handler] = self._handlers.pop(EVERY, ())
        for seen in self._handlers.values() if self._every else ():
            seen += self._every
        self._replacements = {**(_IN_DOUBLE if dtype is torch.float64 else {}), **(replacements or {})}
        self._dtype, self._calls = dtype, 0

    @property
    def idle(self) -> bool:
        """Whether no call that this mode sees is under way."""
        return not self._calls

    def __torch_function__(
        self, function: Function, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call the function or its replacement, then the handlers. Calls from in here are not seen again."""
        kwargs = kwargs or {}
        self._calls += 1
        try:
            if self._dtype is not None:
                function, args, kwargs = _recast(function, args, kwargs, self._dtype)
            output = self._replacements.get(function, function)(*args, **kwargs)
            for handler in self._handlers.get(function, self._every):
                seen = handler(args, kwargs, output)
                output = output if seen is None else seen
        finally:
            self._calls -= 1
        return output


class Repeats:
    """Gives a copy of what a function returned where one of its last calls is made again, as where branches part.

    Args:
        told: returns what tells an argument or a result, of the same values as before, from all others.
        copied: returns a copy of a result, of which the same is told.
    """

    def __init__(self, told: Callable[[Any], Any], copied: Callable[[Any], Any]) -> None:
        self._told, self._copied = told, copied
        self._last: deque[tuple[Any, Any, Any]] = deque(maxlen=8)

    def of(self, function: Function) -> Function:
        """Return the function, with its last results kept."""

        def called(*args: Any, **kwargs: Any) -> Any:
            call = (function, [*map(self._told, args)], {name: self._told(value) for name, value in kwargs.items()})
            for known, made, told in self._last:
                if known == call and told == self._told(made):
                    return self._copied(made)
            made = function(*args, **kwargs)
            self._last.append((call, made, self._told(made)))
            return made

        return called


class Unseen(TorchDispatchMode):
    """Notes, while active, the operations that no function called: those of TorchScript's functions.

    Attributes:
        watch: sees functions.
        inside: returns whether a layer's module is under way.
    """

    _OPERATIONS: ClassVar[dict[Function, tuple[str, ...]]] = {
        **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED), ("convolution",)),
        **dict.fromkeys((F.linear, torch.matmul, Tensor.matmul, Tensor.__matmul__), ("mm", "addmm", "bmm", "mv")),
        F.batch_norm: ("native_batch_norm", "cudnn_batch_norm", "native_batch_norm_legit", "batch_norm_with_update"),
        EVERY: (
            "view",
            "reshape",
            "mean",
            "sum",
            "amax",
            "adaptive_avg_pool2d",
            "avg_pool2d",
            "max_pool2d_with_indices",
        ),
    }
    """Names of operations, where they are not the function's; what sees every function looks for changes of shape."""

    def __init__(self, inside: Callable[[], bool]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._seen: dict[str, bool] = {}
        self.inside = inside
        self.watch: Watch | None = None

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operation, and note it if nothing that is seen runs it."""
        if self.watch is None or self.watch.idle:
            name = function.overloadpacket.__name__.strip("_")
            self._seen[name] = self._seen.get(name, False) or not self.inside()
        return function(*args, **(kwargs or {}))

    def check(self, functions: Iterable[Function], outside: bool = False) -> None:
        """Check that none of the functions that must be seen was among the operations.

        Args:
            functions: these.
            outside: whether those inside a layer's module do not matter.

        Raises:
            Undefined: one was.
        """
        names = {name for function in functions for name in self._OPERATIONS.get(function, (function.__name__,))}
        wanted = {name.strip("_") for name in names}
        hidden = sorted(
            name for name, was_outside in self._seen.items() if name in wanted and (was_outside or not outside)
        )
        if hidden:
            raise NotApplicable(
                f"functions made by torch.jit.script hide operations ({', '.join(hidden)}): take plain functions"
            )


def scripted_functions_exist() -> bool:
    """Return whether this process has compiled a function by TorchScript."""
    unit: Any = torch.jit._state._python_cu
    return bool(unit.get_functions())


def differentiate(
    value: Tensor | Sequence[Tensor],
    by: Sequence[Tensor],
    weights: Tensor | Sequence[Tensor] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> Sequence[Tensor | None]:
    """Return what ``torch.autograd.grad`` returns, with the modes that are active left on for what is computed again.

    That function is torch's own, and is called outside of them: a checkpoint would not meet the replacements.
    """
    values = (value,) if isinstance(value, Tensor) else tuple(value)
    given = map(torch.ones_like, values) if weights is None else (weights,) if isinstance(weights, Tensor) else weights
    engine: Any = torch.autograd.Variable._execution_engine
    options = {"allow_unreachable": True, "accumulate_grad": False}
    found: Sequence[Tensor | None] = engine.run_backward(
        values, tuple(given), retain_graph, create_graph, tuple(by), **options
    )
    return found


# Casts --------------------

CASTS: dict[Function, torch.dtype] = {
    **{Tensor.half: torch.float16, Tensor.bfloat16: torch.bfloat16, Tensor.float: torch.float32},
    **{Tensor.double: torch.float64, Tensor.chalf: torch.complex32},
    **{getattr(Tensor, name): dtype for name, dtype in (("cfloat", torch.complex64), ("cdouble", torch.complex128))},
}
"""Methods that cast to a type, which is no argument of theirs."""

_OF_THE_TENSOR = {"__setitem__", "__set__", "__hash__", *(f"__i{name}__" for name in ("add", "sub", "mul", "truediv"))}


def _recast(
    function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], dtype: torch.dtype
) -> tuple[Function, tuple[Any, ...], Mapping[str, Any]]:
    """Return a call with real and complex numbers of the precision of ``dtype``; what it writes to stays as it is."""

    def inside(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.to(in_precision(value.dtype, dtype))
        if isinstance(value, torch.dtype):
            return in_precision(value, dtype)
        if isinstance(value, (list, tuple)):
            parts = [inside(part) for part in value]
            return value if all(a is b for a, b in zip(parts, value)) else tuple(parts)
        return value

    name = getattr(function, "__name__", "")
    if function in CASTS:
        function, args = Tensor.to, (args[0], CASTS[function])
    elif function is Tensor.type and len(args) > 1:  # by the name or the class of a type, too
        args = (args[0], args[0].new_empty(0).type(args[1]).dtype)
    elif function is Tensor.view:  # the bits in another type
        return function, args, kwargs
    written = int(name in _OF_THE_TENSOR or (name.endswith("_") and not name.endswith("__")))
    args = (*args[:written], *map(inside, args[written:]))
    return function, args, {key: value if key == "out" else inside(value) for key, value in kwargs.items()}


def _grouped_product(
    first: Tensor, second: Tensor, offs: Tensor | None = None, bias: Tensor | None = None, out_dtype: Any = None
) -> Tensor:
    """Return ``F.grouped_mm``, group by group: torch's own takes no double precision.

    Groups end at ``offs``: those of the rows of a matrix, of the columns of a second matrix that meets several first
    ones, or of the dimension that two matrices are summed over. What lies beyond the last group is 0.
    """
    if offs is None:
        product = first @ second
        return product if bias is None else product + bias
    ends = [0, *offs.tolist()]
    groups = [slice(*bounds) for bounds in zip(ends, ends[1:])]
    if first.ndim == second.ndim:
        parts = [first[:, group] @ second[group] for group in groups]
    elif first.ndim == 2:
        parts = [first[group] @ matrix for group, matrix in zip(groups, second)]
    else:
        parts = [matrix @ second[:, group] for group, matrix in zip(groups, first)]
    if bias is not None:
        parts = [part + each for part, each in zip(parts, bias)]
    if first.ndim == second.ndim:
        return torch.stack(parts)
    dimension = 0 if first.ndim == 2 else 1
    beyond = (first if first.ndim == 2 else second).shape[dimension] - ends[-1]
    shape = (beyond, second.shape[-1]) if dimension == 0 else (first.shape[-2], beyond)
    return torch.cat([*parts, first.new_zeros(shape)], dimension)


_IN_DOUBLE: dict[Function, Function] = {
    getattr(of, name): _grouped_product for of, name in ((F, "grouped_mm"), (torch, "_grouped_mm")) if hasattr(of, name)
}
"""Functions that take no double precision, and those that stand for them in such a pass."""


# Norms --------------------
# ``F.batch_norm`` hands its first three arguments on by position, and the others by keyword, however it was called.


def batch_norm(input: Tensor, mean: Any, variance: Any, by: Function = F.batch_norm, **kwargs: Any) -> Tensor:
    """Normalise as torch does; ``by`` is the function that does it.

    Raises:
        Undefined: there is nothing to normalise over, where torch raises a ``ValueError``.
    """
    try:
        return by(input, mean, variance, **kwargs)  # type: ignore[no-any-return]
    except ValueError as error:
        raise NotApplicable(f"batch norm has one value per channel: {error}") from error


def own_statistics(input: Tensor, mean: Any, variance: Any, **kwargs: Any) -> Tensor:
    """Normalise by the input's statistics alone, whatever the mode; do not touch the running ones."""
    return batch_norm(input, None, None, **{**kwargs, "training": True})


def new_statistics(input: Tensor, mean: Any, variance: Any, **kwargs: Any) -> Tensor:
    """Scale and shift alone, as a new norm does in evaluation mode, with a running mean of 0 and variance of 1."""
    channels = input.shape[1]
    return batch_norm(input, input.new_zeros(channels), input.new_ones(channels), **{**kwargs, "training": False})


def identity(input: Tensor, mean: Any, variance: Any, **kwargs: Any) -> Tensor:
    """Return a copy of the input: what writes over a norm's output, as activations do, leaves its input alone."""
    return input.clone()


def _set_requires_grad(tensor: Tensor, value: bool = True) -> Tensor:
    """Set the flag where torch lets it be set: an input that gradients are asked for by is no leaf any more."""
    if tensor.is_leaf:
        tensor.requires_grad = value
    return tensor


FLAGS: dict[Function, Function] = {
    getattr(Tensor.requires_grad, "__set__"): _set_requires_grad,  # noqa: B009  (a descriptor's method)
    Tensor.requires_grad_: _set_requires_grad,
}
"""Replacements for networks that ask for gradients by tensors of their own."""


def norm_replacements(
    training: bool, norm: str, keeps: Callable[..., bool], by: Function | None = None
) -> dict[Function, Function]:
    """Return the replacement of batch normalisation.

    Args:
        training: whether modules are in train mode; in evaluation mode the input's statistics are taken, too.
        norm: ``"batch"``; ``"off"``: the input is passed on; ``"new"``: it is scaled and shifted alone.
        keeps: called with the input, the running variance and the scale; whether that norm stays on.
        by: the function that normalises; None: torch's.
    """
    here = partial(batch_norm if training else own_statistics, by=by or F.batch_norm)

    def replaced(input: Tensor, mean: Any, variance: Any, **kwargs: Any) -> Tensor:
        stays = keeps(input, variance, kwargs["weight"])
        other = identity if norm == "off" else new_statistics
        return (here if stays else other)(input, mean, variance, **kwargs)

    return {F.batch_norm: here if norm == "batch" else replaced}
