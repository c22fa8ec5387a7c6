"""Features at the stages of a network, and gradients from stage to stage.

A network, or a module in it, may name its stages: an attribute ``stage_names``, a sequence of names of modules below
it, whose outputs they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Literal

import torch
from torch import Tensor, nn

from naslib_zc_plugin.passes import (
    FORWARD,
    Forward,
    ForwardPass,
    Grad,
    Observation,
    Steps,
    Undefined,
    observation,
)
from naslib_zc_plugin.passes.degenerate import precise
from naslib_zc_plugin.passes.inputs import BatchInputs, Noise
from naslib_zc_plugin.passes.network import Reinitialized, some, without_compiled
from naslib_zc_plugin.passes.snapshot import undisturbed

Shown = Literal["noise", "batch"]
"""Inputs of a pass over the stages."""


def stage_setting(inputs: Shown) -> Forward:
    """Return the setting of stages: weights drawn by Kaiming's rule, train mode, noise or the batch.

    >>> stage_setting("noise").data, stage_setting("batch").data
    (False, True)
    """
    return Forward(Reinitialized("kaiming_fan_in"), Noise() if inputs == "noise" else BatchInputs())


def named_stages(network: nn.Module) -> tuple[str, ...]:
    """Return the names of the modules that a network, or the outermost module in it that does, names as its stages.

    >>> from naslib_zc_plugin.spaces import space
    >>> named_stages(space("nats_sss").build("8:8:8:8:8"))
    ('stem', 'cells.cell1', 'cells.reduction1', 'cells.cell2', 'cells.reduction2', 'cells.cell3')
    >>> named_stages(nn.ReLU())
    ()
    """
    for path, module in network.named_modules():
        names = getattr(module, "stage_names", None)
        if names:
            return tuple(without_compiled(f"{path}.{name}" if path else name) for name in names)
    return ()


def _watch_stages(p: ForwardPass, stages: Sequence[str], see: Callable[[Tensor], Tensor | None]) -> None:
    """Have ``see`` called with the features of each stage, in the order of the forward run."""
    wanted = set(stages)
    known = {without_compiled(name) for name, _ in p.network.module.named_modules()}
    missing = sorted(wanted - known)
    if missing:
        raise ValueError(f"stages= names modules that the network does not have: {some(missing)}")

    def output(name: str, found: Any) -> Any:
        if name not in wanted:
            return None
        features, rest = (found[0], found[1:]) if isinstance(found, (tuple, list)) and found else (found, None)
        if not isinstance(features, Tensor) or features.ndim < 2 or not features.is_floating_point():
            raise Undefined(f"the stage {name!r} does not give features, but a {type(features).__name__}")
        seen = see(features)
        if seen is None or rest is None:
            return seen
        return type(found)([seen, *rest])

    p.on_modules(output)


def rows_of(features: Tensor) -> Tensor:
    """Return features as (samples · positions, channels): (N, C, H, W), (N, T, C) of tokens, or (N, C).

    >>> rows_of(torch.zeros(2, 3, 4, 5)).shape, rows_of(torch.zeros(2, 7, 3)).shape
    (torch.Size([40, 3]), torch.Size([14, 3]))
    """
    channels_last = features.movedim(1, -1) if features.ndim > 3 else features
    return channels_last.reshape(-1, channels_last.shape[-1])


# Entropies --------------------


@observation(setting=stage_setting("noise"))
def stage_entropies(p: ForwardPass, stages: tuple[str, ...] = ()) -> Steps[list[float]]:
    r"""Return the entropy of each stage's features, :math:`-\sum_i p_i \log(p_i + 10^{-8})`: list of float.

    p: eigenvalues of the covariance of channels over samples and positions, divided by their sum.

    >>> stage_entropies().order
    0

    Args:
        p: the pass.
        stages: names of the modules whose outputs are the stages; empty: those that the network names.

    Raises:
        Undefined: no stage is known, or the features of one do not vary.
    """
    found: list[float] = []

    def see(features: Tensor) -> None:
        with undisturbed():
            found.append(entropy(rows_of(features.detach())))

    _watch_stages(p, _known(p, stages), see)
    yield FORWARD
    return _all_seen(found)


def entropy(rows: Tensor) -> float:
    """Return the entropy of the spectrum of the covariance of columns.

    >>> round(entropy(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])), 4)  # log 2
    0.6931

    Args:
        rows: observations, (rows, channels).

    Raises:
        Undefined: no column varies, or values are not finite.
    """
    rows = precise(rows)
    mean = rows.mean(0)
    centred = rows - mean
    covariance = centred.T @ centred / len(rows)
    total = covariance.diagonal().sum()
    within = torch.finfo(rows.dtype).eps
    if not bool(torch.isfinite(covariance).all()):
        raise Undefined("the features of a stage are not finite")
    if not bool(total > within**2 * mean.square().sum()):
        raise Undefined("the features of a stage do not vary")
    values = torch.linalg.eigvalsh(covariance).clamp_min(0)
    shares = values / values.sum()
    return float(-(shares * torch.log(shares + 1e-8)).sum())


# Gradients --------------------


@observation(order=1, setting=stage_setting("noise"))
def stage_gains(p: ForwardPass, stages: tuple[str, ...] = ()) -> Steps[list[float | None]]:
    r"""Return how much each stage but the first scales gradients, the last first: list of float, None for an identity.

    The largest singular value of the mean over samples and positions of :math:`g_{in} g_{out}^T`;
    :math:`g_{out}`: random signs in the shape of the stage's features, :math:`g_{in}`: the gradient of their product
    with the features by those of the stage before.

    >>> stage_gains().order
    1

    Args:
        p: the pass.
        stages: see :func:`stage_entropies`.

    Raises:
        Undefined: less than two stages are known.
    """
    features: list[Tensor] = []

    def see(output: Tensor) -> Tensor | None:
        if not torch.is_grad_enabled():  # a part of the network that is not trained
            raise Undefined("a stage is computed without gradients (no_grad)")
        kept = output if output.requires_grad else output.detach().requires_grad_()
        features.append(kept)
        return kept.clone()

    _watch_stages(p, _known(p, stages), see)
    yield FORWARD
    if len(_all_seen(features)) < 2:
        raise Undefined("there is one stage, and no other before it")
    pairs = list(zip(features, features[1:]))[::-1]
    generator = p.generator("signs")
    signs = [random_signs(upper, generator) for _, upper in pairs]
    found: list[float | None] = [0.0 for _ in pairs]

    def folded(place: int) -> Callable[[int, Tensor], None]:
        def fold(_: int, gradient: Tensor) -> None:
            found[place] = gain(gradient, signs[place])

        return fold

    yield tuple(
        Grad(upper, [lower], fold=folded(place), leaves=[lower], grad_outputs=signs[place])
        for place, (lower, upper) in enumerate(pairs)
    )
    return found


def random_signs(like: Tensor, generator: torch.Generator) -> Tensor:
    """Return 1 or −1 for each element, drawn on the CPU."""
    drawn = torch.randint(0, 2, like.shape, generator=generator, dtype=torch.int8)
    return drawn.to(like.device, like.dtype) * 2 - 1


def gain(before: Tensor, after: Tensor) -> float | None:
    """Return the largest singular value of the mean outer product of two gradients; None if they are the same.

    >>> signs = torch.tensor([[1.0, -1.0], [1.0, 1.0]])
    >>> gain(signs, signs), gain(2 * signs, signs)
    (None, 2.0)

    Args:
        before: by the features of the stage before. Where its image is larger, by whole factors, its positions that
            become one are channels of their own; what is left over at the border is cut.
        after: by those of the stage.

    Raises:
        Undefined: the positions of one cannot be matched with those of the other.
    """
    if before.shape == after.shape and torch.equal(before, after):
        return None
    first, second = (rows_of(each) for each in matched(precise(before), precise(after)))
    return float(torch.linalg.matrix_norm(first.T @ second / len(second), 2))


def matched(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Return two gradients of as many positions, the larger one's patches as channels.

    Raises:
        Undefined: that cannot be.
    """
    if before.ndim == after.ndim == 4 and before.shape[2:] != after.shape[2:]:
        factors = [(max(a, b) // min(a, b)) for a, b in zip(before.shape[2:], after.shape[2:])]
        grows = after.shape[2] > before.shape[2]
        large, small = (after, before) if grows else (before, after)
        rows, columns = (factor * side for factor, side in zip(factors, small.shape[2:]))
        if rows <= large.shape[2] and columns <= large.shape[3]:
            patches = large[:, :, :rows, :columns].unflatten(3, (-1, factors[1])).unflatten(2, (-1, factors[0]))
            large = patches.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)
            before, after = (small, large) if grows else (large, small)
    if len(rows_of(before)) != len(rows_of(after)):
        shapes = f"{tuple(before.shape)} and {tuple(after.shape)}"
        raise Undefined(f"the positions of two stages, features of shape {shapes}, cannot be matched")
    return before, after


def _known(p: ForwardPass, stages: Sequence[str]) -> tuple[str, ...]:
    found = tuple(stages) or named_stages(p.network.module)
    if not found:
        raise Undefined("the network names no stages: name modules, stages=[...]")
    return found


def _all_seen(found: list[Any]) -> list[Any]:
    if not found:
        raise Undefined("none of the modules that are the stages was called")
    return found


def stage_observations(make: Callable[..., Observation], stages: Sequence[str], inputs: Shown) -> list[Observation]:
    """Return an observation of the stages as the options of a proxy have it."""
    return [make(tuple(stages), setting=stage_setting(inputs))]
