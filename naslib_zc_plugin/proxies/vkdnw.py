"""VKDNW: the spectrum of the Fisher information of a few weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Callable, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.extend import (
    FORWARD,
    Bounds,
    Forward,
    Grad,
    NotApplicable,
    Reinitialized,
    Undefined,
    observation,
    proxy,
)
from naslib_zc_plugin.observations.batch_dimension import check_batch_first
from naslib_zc_plugin.passes import ForwardPass, LayerCall, Observation, Steps
from naslib_zc_plugin.passes.capture import CONVOLUTIONS, TRANSPOSED, Function, new_statistics
from naslib_zc_plugin.passes.inputs import Noise, embeds_tokens, tensors

# How a function's output moves with the first element of a parameter --------------------

Tangent = tuple[Any, int, Callable[[], Tensor]]
"""A parameter, the dimension of the output's channels of which only the first moves (0: all), and how it moves."""
_CONVOLVED = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_SPREAD = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")


def _unit(like: Tensor) -> Tensor:
    """Return zeros, and 1 in the place of the first element."""
    unit = torch.zeros(like.shape, dtype=like.dtype, device=like.device)
    unit.view(-1)[0] = 1
    return unit


def _times(like: Tensor, data: Any) -> Tensor:
    moved: Tensor = _unit(like) * data
    return moved


def _named(names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {"bias": None, **dict(zip(names, args)), **kwargs}


def _biased(given: Mapping[str, Any], output: Tensor, channel: int) -> Tangent:
    return given["bias"], channel, lambda: torch.ones((1,) * output.ndim, dtype=output.dtype, device=output.device)


def _convolution(
    function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor
) -> Iterator[Tangent]:
    given = _named(_CONVOLVED, args, kwargs)
    channels, weight = given["weight"].shape[1], given["weight"].detach()
    rest = {name: given[name] for name in ("stride", "padding", "dilation") if name in given}
    yield given["weight"], 1, lambda: function(given["input"].detach()[:, :channels], _unit(weight[:1]), **rest)
    yield _biased(given, output, 1)


def _transposed(
    function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor
) -> Iterator[Tangent]:
    given = _named(_SPREAD, args, kwargs)
    weight = given["weight"].detach()
    rest = {name: given[name] for name in ("stride", "padding", "output_padding", "dilation") if name in given}
    yield given["weight"], 1, lambda: function(given["input"].detach()[:, :1], _unit(weight[:1, :1]), **rest)
    yield _biased(given, output, 1)


def _linear(function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Iterator[Tangent]:
    given = _named(("input", "weight", "bias"), args, kwargs)
    yield given["weight"], -1, lambda: given["input"].detach()[..., :1]
    yield _biased(given, output, -1)


def _embedding(
    function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor
) -> Iterator[Tangent]:
    given = _named(("input", "weight", "padding_idx"), args, kwargs)
    if given.get("padding_idx") != 0:
        yield given["weight"], -1, lambda: (given["input"] == 0).to(output.dtype).unsqueeze(-1)


def _normalised(names: tuple[str, ...]) -> Callable[..., Iterator[Tangent]]:
    """Return the rule of a norm whose scale and shift are those of channels."""

    def rule(function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Iterator[Tangent]:
        given = _named(names, args, kwargs)

        def scaled() -> Tensor:
            made = {**given, "input": given["input"].detach(), "weight": _unit(given["weight"].detach()), "bias": None}
            moved: Tensor = function(**made)
            return moved[:, :1]

        yield given.get("weight"), 1, scaled
        yield _biased(given, output, 1)

    return rule


def _layer_norm(
    function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor
) -> Iterator[Tangent]:
    given = _named(("input", "normalized_shape", "weight", "bias", "eps"), args, kwargs)
    made = {**given, "input": given["input"].detach(), "weight": None, "bias": None}
    yield given.get("weight"), 0, lambda: function(**made) * _unit(given["weight"].detach())
    yield given["bias"], 0, lambda: _unit(given["bias"].detach())


def _sum(function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Iterator[Tangent]:
    if not kwargs:
        yield from ((each, 0, partial(_unit, each.detach())) for each in args if isinstance(each, Tensor))


def _product(function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Iterator[Tangent]:
    for each, other in (args, args[::-1]):
        if isinstance(each, Tensor):
            data = other.detach() if isinstance(other, Tensor) else other
            yield each, 0, partial(_times, each.detach(), data)


def _expanded(
    function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor
) -> Iterator[Tangent]:
    yield args[0], 0, lambda: _unit(args[0].detach()).expand_as(output)


_batch_norm = _normalised(("input", "mean", "variance"))
RULES: dict[Function, Callable[..., Iterator[Tangent]]] = {
    **dict.fromkeys(CONVOLUTIONS, _convolution),
    **dict.fromkeys(TRANSPOSED, _transposed),
    F.linear: _linear,
    F.embedding: _embedding,
    F.batch_norm: lambda _, *call: _batch_norm(new_statistics, *call),
    F.group_norm: _normalised(("input", "num_groups", "weight", "bias", "eps")),
    F.instance_norm: _normalised(("input", "running_mean", "running_var", "weight", "bias")),
    F.layer_norm: _layer_norm,
    **dict.fromkeys((torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__), _sum),
    **dict.fromkeys((torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__), _product),
    Tensor.expand: _expanded,
}
"""Functions that are linear in their parameters: one step of an element adds its tangent to the output."""


# The Jacobian --------------------


@dataclass(frozen=True)
class Jacobian:
    """Derivatives of logits, and what the score needs besides.

    Attributes:
        values: by the first element of each parameter, (N, C, P), float64.
        logits: (N, C), float64.
        layers: number of convolution and linear layers that were called.
    """

    values: Tensor
    logits: Tensor
    layers: int


@observation(order=1, setting=Forward(Reinitialized("kaiming_fan_in"), Noise(64), training=False, norm="new"))
def logit_jacobian(p: ForwardPass, parameters: int = 128) -> Steps[Jacobian]:
    """Differentiate each sample's logits by the first element of each of the first parameters of the network.

    Each sample has steps of its own, zeros that are added to these elements where a function uses them. Their gradient
    by a logit, summed over the batch, is that of each sample: one backward run for each logit.

    Args:
        p: the pass.
        parameters: most parameters to differentiate by, in the order of ``named_parameters``.

    Raises:
        Undefined: the outputs are not one row of finite logits per sample, or the steps of a parameter are not all that
            its gradient is made of: a function that is not known uses it, or samples are not first.
    """
    names = list(p.network.parameters)[:parameters]
    samples = len(tensors(p.inputs)[0])
    steps = torch.zeros(samples, len(names), dtype=p.network.dtype, device=p.network.device, requires_grad=True)
    layers: set[str] = set()
    _add_steps(p, {name: place for place, name in enumerate(names)}, steps)

    def count(call: LayerCall) -> None:
        layers.add(call.name)

    p.on_layers(count)
    yield FORWARD
    p.network.check_packed()
    p.check_finite()
    if p.logits.ndim != 2 or len(p.logits) != samples or p.logits.is_complex():
        raise NotApplicable(
            f"outputs of shape {tuple(p.logits.shape)} are not one row of logits for each of {samples} samples"
        )
    if not names:
        raise NotApplicable("the network has no parameter")
    check_batch_first(p, ["layer"])
    weights = [p.weights[name] for name in names]
    ones = torch.eye(p.logits.shape[1], dtype=p.logits.dtype, device=p.logits.device)
    each = (Grad(p.logits, [steps], grad_outputs=one.expand(samples, -1)) for one in ones)
    drawn = torch.randn(p.logits.shape, generator=(generator := p.generator("check")), device=generator.device)
    weighted = Grad(p.logits, weights, grad_outputs=drawn.to(ones))
    totals, *rows = yield (weighted, *each)
    values = torch.stack([row.double() for (row,) in rows], dim=1)
    sums = values * drawn.to(values)[:, :, None]
    _check_totals(sums, [float(total.reshape(-1)[0].real) for total in totals], names)
    return Jacobian(values, p.logits.detach().double(), len(layers))


def _add_steps(p: ForwardPass, places: Mapping[str, int], steps: Tensor) -> None:
    """Have the steps added to the outputs of all functions of :data:`RULES` in the forward run."""

    def see(function: Function) -> Callable[..., Tensor | None]:
        def seen(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Tensor | None:
            if not (isinstance(output, Tensor) and output.requires_grad):
                return None
            moved, shared = output, function is F.embedding and not embeds_tokens(args, kwargs, output, p.inputs)
            for parameter, channel, tangent in RULES[function](function, args, kwargs, output):
                place = places.get(p.name_of(_whole(parameter)) or "")
                if place is not None:
                    moved = _for_each(moved, len(steps)) if shared else moved
                    if moved.shape[:1] == steps.shape[:1]:
                        moved = _stepped(moved, steps[:, place], channel, tangent)
            return None if moved is output else moved

        return seen

    for function in RULES:
        p.on([function], see(function))


def _whole(value: Any) -> Any:
    """Return the tensor that a value is all of, such as a slice from its first element to its last."""
    base = value._base if isinstance(value, Tensor) else None
    alike = base is not None and (base.shape, base.stride(), base.data_ptr()) == (
        value.shape, value.stride(), value.data_ptr(),
    )  # fmt: skip
    return base if alike else value


def _for_each(output: Tensor, samples: int) -> Tensor:
    """Return what an embedding of positions, (T, …, features) or (1, T, …, features), gives, once for each sample."""
    shared = output[None] if output.ndim == 2 else output
    return shared.expand(samples, *shared.shape[1:]) if len(shared) == 1 else output


def _stepped(output: Tensor, step: Tensor, channel: int, tangent: Callable[[], Tensor]) -> Tensor:
    """Return an output with each sample's step times the tangent, added to the first channel or to all."""
    with torch.no_grad():
        moves = tangent()
    stepped: Tensor = _Step.apply(output, step, moves, channel)  # type: ignore[no-untyped-call]
    return stepped


class _Step(torch.autograd.Function):
    """The sum of an output and steps of zero times their tangent.

    It saves nothing, for a checkpoint computes again without it and must save as much as before.
    """

    @staticmethod
    def forward(context: Any, output: Tensor, step: Tensor, moves: Tensor, channel: int) -> Tensor:
        """Return the output."""
        context.moves, context.channel, context.dtype = moves, channel, step.dtype
        return output.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        """Return the gradient, and each sample's by its step."""
        moved = gradient.narrow(context.channel, 0, 1) if context.channel else gradient
        products = moved * context.moves
        return gradient, products.reshape(len(products), -1).sum(1).to(context.dtype), None, None


def _check_totals(values: Tensor, totals: list[float], names: list[str]) -> None:
    """Check that the derivatives of all samples and logits, weighted at random, add up to the parameters' gradients.

    At random, so that what one sample adds is not taken for another's.

    Raises:
        Undefined: they do not.
    """
    sizes = values.abs().sum((0, 1))
    found = values.sum((0, 1))
    wrong = (found - torch.tensor(totals, dtype=found.dtype, device=found.device)).abs()
    off = wrong > 1e-3 * sizes + 1e-6 * sizes.amax()
    if bool(off.any()):
        first = names[int(off.nonzero()[0])]
        raise NotApplicable(
            f"what each sample adds to the gradient of {first} cannot be told: a function that is not known uses it"
        )


# The score --------------------


def information(jacobian: Jacobian, factor: str, smoothing: float = 0.05) -> Tensor:
    r"""Return the Fisher information of the elements, (P, P), float64.

    >>> made = Jacobian(torch.eye(2, dtype=torch.float64)[None], torch.zeros(1, 2, dtype=torch.float64), 1)
    >>> information(made, "paper").tolist()
    [[0.25, -0.25], [-0.25, 0.25]]

    Args:
        jacobian: of N samples.
        factor: ``"paper"``: :math:`\frac{1}{N} \sum J^T L L^T J`; ``"code"``: :math:`\frac{1}{N} \sum J^T L^T L J`.
        smoothing: share of the uniform distribution in the probabilities.
    """
    p = torch.softmax(jacobian.logits, 1) * (1 - smoothing) + smoothing / jacobian.logits.shape[1]
    p, values = p[:, :, None], jacobian.values
    if factor == "paper":
        mean = (p * values).sum(1)
        squares = torch.einsum("ncp,ncq->pq", p * values, values)
        return (squares - mean.T @ mean) / len(values)
    # Rows of L: of the Cholesky factor of a multinomial distribution's covariance, in closed form.
    left = 1 - p.cumsum(1)  # what classes so far leave of the probability
    left[:, -1] = 0
    before = torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], 1)
    diagonal = (p * left / before).sqrt()
    column = torch.zeros_like(diagonal)
    column[:, :-1] = diagonal[:, :-1] / left[:, :-1]
    weighted = column * values
    product = diagonal * values - p * (weighted.cumsum(1) - weighted)
    return torch.einsum("ncp,ncq->pq", product, product) / len(values)


def jacobian_of(parameters: int, samples: int) -> list[Observation]:
    """Return the observation that the options name."""
    setting = Forward(Reinitialized("kaiming_fan_in"), Noise(samples), training=False, norm="new")
    return [logit_jacobian(parameters, setting=setting)]


@proxy(
    needs=jacobian_of,
    version=1,
    paper="Tybl & Neumann, CVPR 2025",
    higher_is_better=True,
    aliases={"vkdnw_single": {"layers": True}},
)
def vkdnw(
    jacobian: Jacobian,
    *,
    layers: bool = False,
    factor: Literal["code", "paper"] = "code",
    parameters: Annotated[int, Bounds(least=1)] = 128,
    samples: Annotated[int, Bounds(least=1)] = 64,
) -> float:
    r"""Compute the entropy of the spectrum of the Fisher information.

    :math:`-\sum_i t_i \log t_i`, :math:`t_i = s_i / \sum_j s_j`; s: the nine deciles (10 … 90 %) of singular values of
    :math:`F = \frac{1}{N} \sum_n J_n^T L_n^T L_n J_n`; :math:`J_n`: derivatives of the sample's C logits by the first
    element of each of the first 128 parameters in their order, (C, 128); L: the Cholesky factor of
    :math:`\mathrm{diag}(p) - p p^T`, p: .95 of the softmax and .05 / C. At most log 9. Higher is better. Weights of
    convolution and linear layers by Kaiming's rule (fan-in), 64 samples of N(0, 1), evaluation mode with new running
    statistics, so that batch norm only scales and shifts. No data, no labels. It costs a backward run for each logit.

    Source: ondratybl/VKDNW, code of NAS-Bench-201. The theory wants :math:`L L^T` in the middle, the Fisher
    information: ``factor="paper"``. That code adds 1e-10 in the logarithm and to the sum; here nothing is added. It
    multiplies in single precision, in which the lower deciles may be rounding; here products are in double precision.
    Its later versions choose no parameters by default; that for MobileNets chooses them at random, with eleven
    quantiles.

    Args:
        jacobian: derivatives and logits.
        layers: add the number of convolution and linear layers that are called, which orders first: "VKDNW_single".
        factor: which product of the Cholesky factor.
        parameters: their number, all where there are no more.
        samples: their number. Tokens stay, at most as many as the batch holds, and their embedding is drawn.

    Returns:
        The entropy, or the sum.

    Raises:
        Undefined: nine in ten singular values of F are 0, or it is not finite; the outputs are not one row of logits
            per sample; or what a sample adds to a parameter's gradient cannot be told, as inside
            ``nn.MultiheadAttention``, recurrent layers, and layers that multiply with something made of their weight.

    >>> made = Jacobian(torch.eye(10, dtype=torch.float64)[None], torch.zeros(1, 10, dtype=torch.float64), 3)
    >>> round(vkdnw(made, factor="paper"), 3), round(vkdnw(made, factor="paper", layers=True), 3)  # log 9
    (2.197, 5.197)
    """
    matrix = information(jacobian, factor)
    if not bool(torch.isfinite(matrix).all()):
        raise Undefined("the Fisher information is not finite")
    values = torch.linalg.svdvals(matrix)
    values = torch.where(values > values[0] * len(values) * torch.finfo(values.dtype).eps, values, 0)
    deciles = values.quantile(torch.arange(1, 10, dtype=values.dtype, device=values.device) / 10)
    if not bool(deciles.sum() > 0):
        raise Undefined("nine in ten singular values of the Fisher information are 0: a dead network, or few samples")
    entropy = torch.special.entr(deciles / deciles.sum()).sum()
    return float(entropy) + (jacobian.layers if layers else 0)
