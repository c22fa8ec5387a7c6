"""Gradients of a whole-batch pass: of the loss or the outputs, by weights or inputs; and the Hessian's product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import naslib_zc_plugin.observations.quick_derivatives  # noqa: F401  (Hessians are made by them)
from naslib_zc_plugin.passes import (
    FORWARD,
    Forward,
    ForwardPass,
    Grad,
    Layer,
    LayerCall,
    NotApplicable,
    Observation,
    Steps,
    observation,
)
from naslib_zc_plugin.passes.capture import TWICE, Function
from naslib_zc_plugin.passes.degenerate import check_sum
from naslib_zc_plugin.passes.inputs import Ones, as_real, embeds_tokens, holds_tokens, tensors, tree_map
from naslib_zc_plugin.passes.network import Absolute


def _by_layers(p: ForwardPass, of: str) -> Steps[list[Layer]]:
    """Differentiate by the weight of each convolution and linear layer; a complex weight is two real ones."""
    yield FORWARD
    if of == "logits":  # a loss may leave infinite ones out
        p.check_finite()
    (gradients,) = yield (Grad(of, p.layers),)
    pairs = zip(p.network.layers, gradients)
    return [Layer(name, as_real(p.weights[name].detach()), as_real(found)) for name, found in pairs]


@observation(labels=True, order=1)
def weight_gradients(p: ForwardPass) -> Steps[list[Layer]]:
    """Differentiate the loss by each convolution and linear layer's weight: list of :class:`Layer`.

    >>> from naslib_zc_plugin.extend import proxy
    >>> @proxy(needs=[weight_gradients()], version=1, paper="mine", higher_is_better=True)
    ... def largest(layers):
    ...     return max(layer.gradient.abs().max().item() for layer in layers)

    Raises:
        Undefined: there is no layer, or the loss is not finite.
    """
    return (yield from _by_layers(p, "loss"))


@observation(order=1)
def output_gradients(p: ForwardPass, rounding: bool = False) -> Steps[list[Layer]]:
    """Differentiate the outputs' sum by each convolution and linear layer's weight: list of :class:`Layer`.

    >>> output_gradients().order, output_gradients().labels
    (1, False)

    Args:
        p: the pass.
        rounding: whether a gradient that is nothing but rounding counts as one.

    Raises:
        Undefined: there is no layer, the outputs are not finite, or their sum is constant, see
            :func:`~.degenerate.check_sum`.
    """
    found = yield from _by_layers(p, "logits")
    if not rounding:
        check_sum(p.logits)
    return found


@observation(labels=True, order=2)
def hessian_times_gradient(p: ForwardPass) -> Steps[list[Layer]]:
    """Return layers with H·g, the loss's Hessian times its gradient over all layers' weights, as their gradient.

    Where the sum of W·(H·g) is all that is wanted, ``grasp``'s g·(H·W) is that sum in two thirds of the time.

    >>> hessian_times_gradient().order
    2

    Raises:
        Undefined: there is no layer, or the loss is not finite.
    """
    return (yield from _by_layers(p, "hessian"))


class Entries:
    """Leaves on the way to which a gradient passes every value of the forward run: few layers' weights are among them.

    Have it see all calls of layers in the run, ``p.on_layers(entries.see)``.
    """

    def __init__(self) -> None:
        self._first: set[str] = set()
        self._later: set[str] = set()

    def see(self, call: LayerCall) -> bool:
        """Return whether a layer is called with what no other weight has made."""
        later = bool(getattr(call.input, "requires_grad", False))
        (self._later if later else self._first).add(call.name)
        return not later

    def leaves(self, p: ForwardPass) -> list[Tensor]:
        """Return the leaves, after the run."""
        covered = set() if p.network.cached else self._later - self._first
        return [*(weight for name, weight in p.weights.items() if name not in covered), *tensors(p.all_inputs)]


def scalar_gradients(of: str, rounding: bool = False) -> Sequence[Observation]:
    """Return the observation of gradients that a proxy's options name.

    Args:
        of: ``"outputs"``: of their sum; ``"loss"``: of the loss.
        rounding: see :func:`output_gradients`.

    Raises:
        ValueError: ``of`` is something else.
    """
    if of not in ("outputs", "loss"):
        raise ValueError(f"of must be 'outputs' or 'loss', not {of!r}")
    return [output_gradients(rounding) if of == "outputs" else weight_gradients()]


def flow_setting(keep_norm: str = "") -> Forward:
    """Return the setting of flows: one sample of ones, absolute weights, no batch norm, no dropout, float64.

    Args:
        keep_norm: shell-style pattern of the names of modules whose batch norm stays; that of others passes its input
            on.
    """
    return Forward(Absolute(), Ones(), training=False, norm="off", keep_norm=keep_norm, dtype=torch.float64)


def flow_gradients(keep_norm: str = "") -> Sequence[Observation]:
    """Return the observation of gradients of the outputs' sum under :func:`flow_setting`."""
    return [output_gradients(setting=flow_setting(keep_norm))]


@observation(order=1, input_gradient=True)
def input_jacobian(p: ForwardPass) -> Steps[Tensor]:
    """Differentiate the sum of all logits by each sample: (N, D). Batch statistics couple the samples.

    Tokens have no gradient: the output of the first embedding of a batch of tokens stands for the input.

    >>> input_jacobian().input_gradient
    True

    Raises:
        Undefined: the inputs are not one tensor of real numbers or tokens of which an embedding was seen, or are both;
            the outputs are not finite, or their sum is constant.
    """
    embedded: list[Tensor] = []

    def seen(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor | None:
        if embedded or not embeds_tokens(args, kwargs, output, p.inputs):
            return None
        embedded.append(output)
        return output.clone()

    if holds_tokens(p.inputs):
        p.on((F.embedding, F.embedding_bag), seen)
    yield FORWARD
    p.check_finite()
    real = [tensor for tensor in tensors(p.inputs) if tensor.is_floating_point()]
    found = [*real, *embedded]
    if len(found) != 1:
        raise NotApplicable(
            f"the inputs hold {len(real)} tensors of real numbers and {len(embedded)} embeddings of the "
            "batch's tokens were seen: a gradient by the input needs exactly one (pass masks as integers)"
        )
    ((gradient,),) = yield (Grad("logits", found, zeros=False),)
    check_sum(p.logits)
    return found[0].detach().mul(0).flatten(1) if gradient is None else gradient.flatten(1)


# Second derivatives that torch does not have, or not rightly --------------------

# Values and first gradients stay bitwise those of the function: its definition stands in only where the gradient is
# recorded, to be differentiated again.


class _Defined(torch.autograd.Function):
    """A function whose gradient is its own, but that of its definition where it is recorded."""

    @staticmethod
    def forward(ctx: Any, function: Function, definition: Function, rebuild: Any, *given: Tensor) -> Any:
        """Return what the function returns."""
        ctx.function, ctx.definition, ctx.rebuild = function, definition, rebuild
        ctx.save_for_backward(*given)
        args, kwargs = rebuild(given)
        return function(*args, **kwargs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        """Return the gradients by the tensors given."""
        recorded, needed = torch.is_grad_enabled(), ctx.needs_input_grad[3:]
        with torch.enable_grad(), torch._C.DisableTorchFunction():  # a mode would put the definition in for itself
            # One tensor may come of another: each gradient is by the place in the call.
            pairs = zip(ctx.saved_tensors, needed)
            shown = [x.view_as(x) if recorded else x.detach().requires_grad_(wanted) for x, wanted in pairs]
            args, kwargs = ctx.rebuild(shown)
            outputs = (ctx.definition if recorded else ctx.function)(*args, **kwargs)
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            by = [tensor for tensor, wanted in zip(shown, needed) if wanted]
            found = iter(torch.autograd.grad(outputs, by, gradients, create_graph=recorded, allow_unused=True))
        return (None, None, None, *(next(found) if wanted else None for wanted in needed))


def _twice(function: Function, definition: Function) -> Function:
    """Return the function with the definition's second derivative."""

    def call(*args: Any, **kwargs: Any) -> Any:
        given = tensors((args, kwargs))
        if not any(tensor.requires_grad for tensor in given):
            return function(*args, **kwargs)

        def rebuild(values: Any) -> Any:
            left = iter(values)
            return tree_map(lambda _: next(left), (args, kwargs))

        applied: Any = _Defined.apply
        return applied(function, definition, rebuild, *given)

    return call


# Definitions --------------------


def _hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    output: Tensor = _twice(F.hardsigmoid, lambda input: F.relu6(input + 3) / 6)(input.clone() if inplace else input)
    return input.copy_(output) if inplace else output


def _norm(differences: Tensor, p: float) -> Tensor:
    """Return the p-norms over the last dimension, whose gradients at zero are zero."""
    sizes = differences.abs()
    if p == 0:
        return sizes.sign().sum(-1)
    if p in (1, float("inf")):
        return sizes.sum(-1) if p == 1 else sizes.amax(-1)
    powers = (differences.square() if p == 2 else torch.where(sizes > 0, sizes, 1) ** p * (sizes > 0)).sum(-1)
    return torch.where(powers > 0, torch.where(powers > 0, powers, 1) ** (1 / p), 0)


def _cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: Any = None) -> Tensor:
    return _norm(x1[..., :, None, :] - x2[..., None, :, :], p)


def _pdist(input: Tensor, p: float = 2.0) -> Tensor:
    one, other = torch.triu_indices(len(input), len(input), 1, device=input.device)
    return _norm(input[one] - input[other], p)


def _weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    others = [axis for axis in range(v.ndim) if axis != dim % v.ndim] if dim != -1 else [*range(v.ndim)]
    return v * (g / v.square().sum(others, keepdim=True).sqrt())


def _ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Sum over all alignments, step by step: labels with blanks around them, of which one may be left out."""
    rows = log_probs if log_probs.ndim == 3 else log_probs[:, None]
    long, words = torch.as_tensor(input_lengths).reshape(-1).tolist(), torch.as_tensor(target_lengths).reshape(-1)
    each = list(targets.split(words.tolist())) if targets.ndim == 1 else list(targets)
    losses = []
    for sample, (steps, count) in enumerate(zip(long, words.tolist())):
        labels = torch.full((2 * count + 1,), blank, device=rows.device)
        labels[1::2] = each[sample][:count]
        again = torch.ones_like(labels, dtype=torch.bool)  # no way from a label to its like but by a blank
        again[2:] = (labels[2:] == blank) | (labels[2:] == labels[:-2])
        none = rows.new_full((2,), torch.finfo(rows.dtype).min / 4)
        found = torch.where(torch.arange(len(labels), device=rows.device) < 2, rows[0, sample, labels], none[0])
        for step in range(1, steps):
            padded = torch.cat([none, found])
            ways = torch.stack([found, padded[1:-1], torch.where(again, none[0], padded[:-2])])
            found = ways.logsumexp(0) + rows[step, sample, labels]
        losses.append(-found[-2:].logsumexp(0))
    lost = torch.stack(losses)
    if zero_infinity:
        lost = torch.where(lost < torch.finfo(rows.dtype).max / 8, lost, 0)
    if reduction == "mean":
        return (lost / words.to(lost).clamp_min(1)).mean()
    return lost.sum() if reduction == "sum" else lost.reshape(log_probs.shape[1:-1])


def _on_a_gpu(function: Function) -> Function:
    """Return a recurrent layer that torch's own kernels differentiate twice, which cuDNN's do not."""

    def plain(*args: Any) -> Any:
        with torch.backends.cudnn.flags(enabled=False):
            return function(*args)

    twice = _twice(function, plain)
    return lambda *args: twice(*args) if args[0].is_cuda else function(*args)


TWICE.update({function: _on_a_gpu(function) for function in (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu)})
TWICE.update(
    {
        F.hardsigmoid: _hardsigmoid,
        F.ctc_loss: _twice(F.ctc_loss, _ctc_loss),
        F.pdist: _twice(F.pdist, _pdist),
        torch.cdist: _twice(torch.cdist, _cdist),
        torch._weight_norm: _twice(torch._weight_norm, _weight_norm),
    }
)
