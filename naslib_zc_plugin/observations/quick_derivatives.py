"""Second derivatives that torch takes long for: those of convolutions, batch norms and ReLUs, most of a network's time.

Torch makes that of a convolution by convolutions with kernels as large as a map, and that of a batch norm by thirty
operations. What comes forward and in a first backward run is made by the very kernels that torch calls, and so bitwise
the same. Imported by what asks for a product with the Hessian.
"""

from __future__ import annotations

from functools import wraps
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.passes.capture import CONVOLUTIONS, QUICK, Function


def _unseen(backward: Function) -> Function:
    """Return a backward function, given what was saved, whose operations no mode sees, as that takes longer than they.

    What a checkpoint computes again for it is seen.
    """

    @wraps(backward)
    def unseen(ctx: Any, *gradients: Any) -> Any:
        saved = ctx.saved_tensors
        with torch._C.DisableTorchFunction():
            return backward(ctx, saved, *gradients)

    return unseen


def _mask(ctx: Any, first: int) -> list[bool]:
    """Return by which of three arguments, from the place ``first`` on, the backward run under way differentiates."""

    def wanted(place: int) -> bool:
        if not ctx.needs_input_grad[place]:
            return False
        try:
            return bool(torch._C._will_engine_execute_node(ctx.next_functions[place - first][0]))
        except RuntimeError:  # a leaf that is asked for
            return True

    return [wanted(place) for place in range(first, first + 3)]


class _TwiceConvolution(torch.autograd.Function):
    """A convolution, linear in its input and in its weight.

    Of what comes back for its input, the second derivative along the weights themselves has a part that is as if the
    first gradient came once more: it is handed on by a second output, which holds nothing, and one convolution serves
    both.
    """

    @staticmethod
    def forward(ctx: Any, options: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return what torch returns, and zeros; ``options``: what ``torch.convolution`` takes after the bias."""
        ctx.set_materialize_grads(False)
        ctx.options, ctx.bias = options, None if bias is None else list(bias.shape)
        output = torch.convolution(input, weight, bias, *options)
        once_more = output.new_zeros(()).expand_as(output)
        ctx.save_for_backward(input, weight, once_more)
        return output, once_more

    @staticmethod
    @_unseen
    def backward(ctx: Any, saved: Any, gradient: Tensor | None, once_more: Tensor | None) -> tuple[Any, ...]:
        """Return the gradients by input, weight and bias."""
        found: Any = _ConvolutionGradient.apply
        input, weight, zeros = saved
        mask, by_input = _mask(ctx, 1), None
        if once_more is not None and mask[0]:
            again = once_more if gradient is None else once_more + gradient
            by_input, *_ = found(ctx.options, ctx.bias, [True, False, False], again, input, weight, zeros)
            mask[0] = False
        if gradient is None or not any(mask):
            return None, by_input, None, None
        first, *others = found(ctx.options, ctx.bias, mask, gradient, input, weight, zeros)
        return (None, first if by_input is None else by_input, *others)


class _ConvolutionGradient(torch.autograd.Function):
    """The gradient of a convolution, to be differentiated once more."""

    @staticmethod
    def forward(ctx: Any, options: Any, bias: Any, mask: Any, *given: Tensor) -> Any:
        """Return the gradients by input, weight and bias that the mask asks for.

        Given are the gradient, the input, the weight, and the convolution's second output.
        """
        ctx.set_materialize_grads(False)
        ctx.options = options
        ctx.save_for_backward(*given[:3])
        return tuple(torch.ops.aten.convolution_backward(*given[:3], bias, *options, mask))

    @staticmethod
    @_unseen
    def backward(ctx: Any, saved: Any, by_input: Any, by_weight: Any, by_bias: Any) -> tuple[Any, ...]:
        """Return the gradients by the gradient, the input, the weight and the convolution's second output."""
        gradient, input, weight = saved
        (wanted, wants_input, wants_weight), parts = _mask(ctx, 3), []
        itself = by_weight is not None and _is_the_same(by_weight, weight)  # the product is by the weights themselves
        if wanted and by_input is not None:
            parts.append(torch.convolution(by_input + input if itself else by_input, weight, None, *ctx.options))
        if wanted and by_weight is not None and not (itself and parts):
            parts.append(torch.convolution(input, by_weight, None, *ctx.options))
        if wanted and by_bias is not None:
            parts.append(by_bias.reshape(-1, *[1] * (gradient.ndim - 2)).expand_as(gradient))
        of_gradient, of_input, of_weight = sum(parts[1:], parts[0]) if parts else None, None, None
        backward = torch.ops.aten.convolution_backward
        if wants_input and by_weight is not None and not itself:
            of_input = backward(gradient, input, by_weight, None, *ctx.options, [True, False, False])[0]
        if wants_weight and by_input is not None:
            of_weight = backward(gradient, by_input, weight, None, *ctx.options, [False, True, False])[1]
        return None, None, None, of_gradient, of_input, of_weight, gradient.detach() if itself and wants_input else None


def _is_the_same(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are one in memory."""
    return one.data_ptr() == other.data_ptr() and one.shape == other.shape and one.stride() == other.stride()


class _TwiceBatchNorm(torch.autograd.Function):
    """Batch norm by the statistics of its input."""

    @staticmethod
    def forward(ctx: Any, running: Any, momentum: float, eps: float, input: Tensor, *affine: Tensor | None) -> Tensor:
        """Return what torch returns, and update the running statistics."""
        ctx.set_materialize_grads(False)
        weight, bias = affine
        output: Tensor
        output, mean, scale = torch.ops.aten.native_batch_norm(input, weight, bias, *running, True, momentum, eps)
        ctx.eps = eps
        ctx.save_for_backward(input, weight, mean, scale)
        return output

    @staticmethod
    @_unseen
    def backward(ctx: Any, saved: Any, gradient: Tensor | None) -> tuple[Any, ...]:
        """Return the gradients by input, weight and bias."""
        if gradient is None:
            return None, None, None, None, None, None
        mask, found = _mask(ctx, 3), cast(Any, _BatchNormGradient.apply)
        gradients = found(ctx.eps, gradient, *saved)
        return (None, None, None, *(each if wanted else None for each, wanted in zip(gradients, mask)))


class _BatchNormGradient(torch.autograd.Function):
    r"""The gradient of batch norm, to be differentiated once more.

    With r = 1/σ, the normalised input :math:`\hat x`, means over what a channel holds, and the gradient G that comes:
    :math:`\gamma r (G - \bar G - \hat x q)`, :math:`q = \overline{G \hat x}`. For a U that multiplies it,
    :math:`p = \overline{U \hat x}` and :math:`A = \overline{UG} - \bar U \bar G - pq`, the sum of the products is
    :math:`M \gamma r A` for each channel of M values. Its derivative by the input is
    :math:`-\gamma r^2 (\hat x (A - 2pq) + q (U - \bar U) + p (G - \bar G))`.
    """

    @staticmethod
    def forward(ctx: Any, eps: float, gradient: Tensor, input: Tensor, weight: Any, mean: Tensor, scale: Tensor) -> Any:
        """Return the gradients by input, weight and bias."""
        ctx.set_materialize_grads(False)
        ctx.eps = eps
        found = _norm_gradients(gradient, input, weight, mean, scale, eps)
        ctx.save_for_backward(gradient, input, weight, mean, scale, *found[1:])
        return found

    @staticmethod
    @_unseen
    def backward(ctx: Any, saved: Any, by_input: Any, by_weight: Any, by_bias: Any) -> tuple[Any, ...]:
        """Return the gradients by the gradient, the input and the weight."""
        gradient, input, weight, mean, scale, product, total = saved
        others, count = [0, *range(2, input.ndim)], input.numel() // input.shape[1]
        shape = (1, -1, *[1] * (input.ndim - 2))
        q, g = product / count, total / count
        of_input = of_gradient = of_weight = None
        # Of each channel: factors of the normalised input, of what multiplies, of the gradient, and a constant.
        by_x, by_u, by_g, constant = (torch.zeros_like(mean) for _ in range(4))
        if by_input is not None:
            gamma = torch.ones_like(scale) if weight is None else weight
            of_gradient, p, u = _norm_gradients(by_input, input, weight, mean, scale, ctx.eps)
            p, u = p / count, u / count
            a = (by_input * gradient).sum(others) / count - u * g - p * q
            size = gamma * scale**2
            by_x, by_u, by_g, constant = size * (2 * p * q - a), -size * q, -size * p, size * (q * u + p * g)
            of_weight = None if weight is None else count * scale * a
        if by_weight is not None:
            by_x, by_g, constant = (
                by_x - by_weight * scale * q,
                by_g + by_weight * scale,
                constant - by_weight * scale * g,
            )
            part = torch.addcmul(-(by_weight * scale * mean).view(shape), input, (by_weight * scale).view(shape))
            of_gradient = part if of_gradient is None else of_gradient + part
        if by_bias is not None:
            part = by_bias.view(shape).expand_as(gradient)
            of_gradient = part if of_gradient is None else of_gradient + part
        if by_input is not None or by_weight is not None:
            of_input = (input * (by_x * scale).view(shape)).add_((constant - by_x * scale * mean).view(shape))
            of_input += gradient * by_g.view(shape)
            if by_input is not None:
                of_input += by_input * by_u.view(shape)
        return None, of_gradient, of_input, of_weight, None, None


def _norm_gradients(gradient: Tensor, input: Tensor, weight: Any, mean: Tensor, scale: Tensor, eps: float) -> Any:
    backward = torch.ops.aten.native_batch_norm_backward
    return backward(gradient, input, weight, None, None, mean, scale, True, eps, [True, True, True])


class _TwiceReLU(torch.autograd.Function):
    """ReLU, whose gradient does not change with its output: torch adds zeros as large as it."""

    @staticmethod
    def forward(ctx: Any, input: Tensor) -> Tensor:
        """Return what torch returns."""
        output = torch.relu(input)
        ctx.save_for_backward(output)
        return output

    @staticmethod
    @_unseen
    def backward(ctx: Any, saved: Any, gradient: Tensor) -> Any:
        """Return the gradient by the input."""
        found: Any = _ReLUGradient.apply
        return found(gradient, saved[0].detach())


class _ReLUGradient(torch.autograd.Function):
    """The gradient of ReLU, linear in the one that comes."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, output: Tensor) -> Tensor:
        """Return it."""
        ctx.save_for_backward(output)
        return torch.ops.aten.threshold_backward(gradient, output, 0)  # type: ignore[no-any-return]

    @staticmethod
    @_unseen
    def backward(ctx: Any, saved: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the gradient by the one that came."""
        return torch.ops.aten.threshold_backward(gradient, saved[0], 0), None


def _relu(input: Tensor, inplace: bool = False) -> Tensor:
    if inplace or not _ordinary(input):
        return F.relu(input, inplace)
    applied: Any = _TwiceReLU.apply
    return applied(input)  # type: ignore[no-any-return]


def _ordinary(*given: Any) -> bool:
    """Return whether tensors, or None, are all real numbers of one full precision on the CPU, and none is empty.

    None within a function transform either (``vmap`` and the like).
    """
    found = [each for each in given if each is not None]
    return torch._C._functorch.peek_interpreter_stack() is None and all(
        type(each) in (Tensor, torch.nn.Parameter) and each.device.type == "cpu" and each.dtype == found[0].dtype
        and each.dtype in (torch.float32, torch.float64) and each.layout is torch.strided and each.numel()
        for each in found
    )  # fmt: skip


def _convolution(function: Function, dimensions: int) -> Function:
    def call(
        input: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:  # fmt: skip
        if isinstance(padding, str) or input.ndim != dimensions + 2 or not _ordinary(input, weight, bias):
            return function(input, weight, bias, stride, padding, dilation, groups)  # type: ignore[no-any-return]
        sizes = ([size] * dimensions if isinstance(size, int) else [*size] for size in (stride, padding, dilation))
        applied: Any = _TwiceConvolution.apply
        return applied((*sizes, False, [0] * dimensions, groups), input, weight, bias)[0]  # type: ignore[no-any-return]

    return call


def _batch_norm(
    input: Tensor, mean: Any, variance: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    several = input.ndim > 1 and input.numel() > input.shape[1]
    if not (
        training and several and (weight is None) == (bias is None) and _ordinary(input, mean, variance, weight, bias)
    ):
        return F.batch_norm(input, mean, variance, weight, bias, training, momentum, eps)
    applied: Any = _TwiceBatchNorm.apply
    return applied((mean, variance), momentum, eps, input, weight, bias)  # type: ignore[no-any-return]


QUICK.update({function: _convolution(function, place + 1) for place, function in enumerate(CONVOLUTIONS)})
QUICK.update({F.batch_norm: _batch_norm, F.relu: _relu, torch.relu: _relu, Tensor.relu: _relu})
