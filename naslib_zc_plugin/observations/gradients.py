"""Gradients of a whole-batch pass: of the loss or the outputs, by weights or inputs; and the Hessian's product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.passes import FORWARD, ForwardPass, Grad, Layer, Observation, Steps, Undefined, observation
from naslib_zc_plugin.passes.degenerate import check_sum
from naslib_zc_plugin.passes.inputs import as_real, embeds_tokens, holds_tokens, tensors


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

    >>> hessian_times_gradient().order
    2

    Raises:
        Undefined: there is no layer, or the loss is not finite.
    """
    return (yield from _by_layers(p, "hessian"))


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
        raise Undefined(
            f"the inputs hold {len(real)} tensors of real numbers and {len(embedded)} embeddings of the "
            "batch's tokens were seen: a gradient by the input needs exactly one (pass masks as integers)"
        )
    ((gradient,),) = yield (Grad("logits", found, zeros=False),)
    check_sum(p.logits)
    return found[0].detach().mul(0).flatten(1) if gradient is None else gradient.flatten(1)
