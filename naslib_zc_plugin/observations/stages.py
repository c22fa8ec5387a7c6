"""Features at the stages of a network, and gradients from stage to stage.

A network, or a module in it, may name its stages: an attribute ``stage_names``, the names of modules below it, whose
outputs they are (channels second in images, last in all else). Of any other network they are found in its graph, see
:func:`graph_stages`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any, Callable, Literal, Union

import torch
from torch import Tensor, nn

from naslib_zc_plugin.observations.modules import note_read
from naslib_zc_plugin.observations.paths import Paths, paths
from naslib_zc_plugin.observations.values import Counter, Value
from naslib_zc_plugin.passes import (
    FORWARD,
    Forward,
    ForwardPass,
    Grad,
    NotApplicable,
    Observation,
    Steps,
    Undefined,
    observation,
)
from naslib_zc_plugin.passes.capture import EVERY
from naslib_zc_plugin.passes.degenerate import all_finite, precise
from naslib_zc_plugin.passes.inputs import BatchInputs, Noise, tensors, tree_map
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
    """Return the names of the modules that a network, or the one module in it that does, names as its stages.

    >>> from naslib_zc_plugin.spaces import space
    >>> named_stages(space("nats_sss").build("8:8:8:8:8"))
    ('stem', 'cells.cell1', 'cells.reduction1', 'cells.cell2', 'cells.reduction2', 'cells.cell3')
    >>> named_stages(nn.ReLU())
    ()
    """
    found: dict[str, tuple[str, ...]] = {}
    for path, module in network.named_modules():
        names = getattr(module, "stage_names", None)
        if names and not any(path.startswith(f"{outer}." if outer else "") for outer in found):
            found[path] = tuple(without_compiled(f"{path}.{name}" if path else name) for name in names)
    return next(iter(found.values())) if len(found) == 1 else ()


def graph_stages(found: Paths) -> list[Value]:
    """Return the values that are the stages of a network: one before its first block, and the output of each block.

    Blocks follow each other on the way that every path takes, whatever modules they are in. Where there are positions,
    one begins

    - where they are mixed, as by a convolution or attention, though not by pooling alone, and
    - in images, also where a way leads round layers that mix none, such as convolutions of 1×1.

    Without positions each layer is a block. All that follows on that way to the next block belongs to it: norms,
    activations, pooling, layers that mix no positions. So in a chain a stage is the output of a convolution with its
    norm and activation, elsewhere that of a residual block, of a cell, or of a transformer's attention and feed-forward
    layers together.

    What the last layer gives, if every path passes it, and all that follows are no stages: it is the classifier. So is
    what follows the last block where ways meet and did not follow such a one before: a norm before the classifier.

    Args:
        found: paths of a network, with mixing.

    Raises:
        Undefined: there is no value with channels.
    """
    groups = _groups(found, lambda before, after: not after[1].is_sequence and _ways_round(found, before, after))
    return [group[-1][1] for group in [*groups[:-1], _without_end(found, groups)]]


def blocks(found: Paths) -> list[Value]:
    """Return the values before the first block of a network, and after each of them.

    Blocks are those of :func:`graph_stages`, but positions are mixed in each, and the last one has all that follows.

    Args:
        found: paths of a network, with mixing.

    Raises:
        Undefined: there is no value with channels.
    """
    return [group[-1][1] for group in _groups(found)]


Placed = tuple[int, Value]
"""A value, and its place among those that every path passes."""


def _placed(found: Paths) -> list[Placed]:
    """Return the values among which stages are chosen: those with positions, if there are any."""
    found.check_layers()  # the last one may be the classifier
    known = [
        (place, value)
        for place, value in enumerate(found.cuts)
        if value.channel is not None and len(value.shape) < 6 and (found.head is None or value.number < found.head)
    ]
    if not known:
        raise NotApplicable("no value with channels lies on all paths from the inputs to the outputs")
    return [item for item in known if item[1].has_positions] or known


def _groups(found: Paths, begins: Callable[[Placed, Placed], bool] = lambda *_: False) -> list[list[Placed]]:
    """Return the values of each block, after those before the first one.

    Args:
        found: paths of a network, with mixing.
        begins: of two values that follow each other: whether a block begins between them where no positions are mixed.
    """
    first, *values = _placed(found)
    groups = [[first]]
    for value in values:
        before = groups[-1][-1]
        if value[1].has_positions:
            new = any(place in found.mixed for place in range(before[0], value[0])) or begins(before, value)
        else:
            new = bool(_layers(found, before, value))
        groups[-1:] = [groups[-1], [value]] if new else [[*groups[-1], value]]
    return groups


def _layers(found: Paths, before: Placed, after: Placed) -> list[int]:
    """Return the numbers of the layers' calls between two values, that of the second included."""
    numbers = (layer.number for layer in found.layers if layer.on_path)
    return [number for number in numbers if before[1].number < number <= after[1].number]


def _ways_round(found: Paths, before: Placed, after: Placed) -> bool:
    """Return whether layers lie between two values, of which none gives the second."""
    layers = _layers(found, before, after)
    return bool(layers) and after[1].number not in layers


def _without_end(found: Paths, groups: Sequence[Sequence[Placed]]) -> Sequence[Placed]:
    """Return the last block; if ways meet where it begins, without what did not follow the last one like it."""
    *others, last = groups

    def steps(place: int) -> list[tuple[bool, bool]]:
        """Return what leads to each value of a block: whether layers do, whether ways meet there."""
        values = [groups[place - 1][-1], *groups[place]]
        return [(bool(_layers(found, a, b)), b[0] in found.met) for a, b in zip(values, values[1:])]

    if others and last[0][0] in found.met:
        for place in range(len(others) - 1, 0, -1):
            if steps(place) == steps(len(others))[: len(groups[place])]:
                return last[: len(groups[place])]
    return last


_CHANGES = "the network calls other functions from run to run: name stages=[...]"
See = Callable[[Tensor, int], Union[Tensor, None]]
"""Called with a stage's features and the dimension of their channels; what it returns the network goes on with."""


def watch_stages(p: ForwardPass, stages: Sequence[str], see: See) -> Callable[[], None]:
    """Have ``see`` called with the features of each stage in the forward run.

    Args:
        p: the pass.
        stages: names of modules; empty: those that the network names, or those that its graph tells.
        see: the function.

    Returns:
        A function to call after the run; it raises Undefined if a stage was not seen.

    Raises:
        ValueError: the network has no module of a name.
        Undefined: there are no stages.
    """
    names = stages or named_stages(p.network.module)
    if not names:
        return _watch_values(p, graph_stages(paths(p, mixing=True)), see)
    known = {without_compiled(name) for name, _ in p.network.module.named_modules()}
    missing = sorted(set(names) - known)
    if missing:
        raise ValueError(f"stages= names modules that the network does not have: {some(missing)}")
    return _watch_modules(p, set(names), paths(p).channels if stages else {}, see)


def _watch_modules(
    p: ForwardPass, names: set[str], channels: Mapping[str, list[int | None]], see: See
) -> Callable[[], None]:
    calls = dict.fromkeys(names, 0)

    def output(name: str, found: Any) -> Any:
        if name not in names:
            return None
        features = next(iter(tensors(found)), None)
        if features is None or features.ndim < 2 or not features.is_floating_point():
            raise NotApplicable(f"the stage {name!r} gives a {type(found).__name__}, no features")
        told = channels.get(name, [])[calls[name] :][:1]
        calls[name] += 1
        note_read(p, name)
        channel = next((each for each in told if each is not None), 1 if features.ndim > 3 else features.ndim - 1)
        return _replaced(found, features, see(features, channel))

    def check() -> None:
        if not all(calls.values()):
            raise NotApplicable(f"stages are not called: {some([name for name in sorted(calls) if not calls[name]])}")

    p.on_modules(output)
    return check


def _watch_values(p: ForwardPass, values: Sequence[Value], see: See) -> Callable[[], None]:
    wanted = {value.number: value for value in values}
    counter = Counter()
    samples = len(tensors(p.inputs)[0])

    def every(args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> Any:
        found = counter.count(args, output)
        value = wanted.pop(counter.number, None) if found else None
        if value is None or value.channel is None:
            return None
        features, channel = found[value.place], value.channel
        size = features.numel() * value.samples == torch.Size(value.shape).numel() * samples
        if features.ndim != len(value.shape) or features.shape[channel] != value.shape[channel] or not size:
            raise NotApplicable(_CHANGES)
        note_read(p)
        return _replaced(output, features, see(features, channel))

    def check() -> None:
        if wanted:
            raise NotApplicable(_CHANGES)

    p.on([EVERY], every)
    return check


def _replaced(output: Any, old: Tensor, new: Tensor | None) -> Any:
    if new is None or output is old:
        return new
    return tree_map(lambda tensor: new if tensor is old else tensor, output)


def channel_rows(features: Tensor, channel: int) -> Tensor:
    """Return features as (samples · positions, channels).

    >>> channel_rows(torch.zeros(2, 3, 4, 5), 1).shape, channel_rows(torch.zeros(2, 7, 3), 2).shape
    (torch.Size([40, 3]), torch.Size([14, 3]))
    """
    return features.movedim(channel, -1).reshape(-1, features.shape[channel])


# Entropies --------------------


# Order 1: in a graph some functions round otherwise, and there is one wherever gains are asked for besides.
@observation(order=1, setting=stage_setting("noise"))
def stage_entropies(p: ForwardPass, stages: tuple[str, ...] = ()) -> Steps[list[float]]:
    r"""Return the entropy of each stage's features, :math:`-\sum_i p_i \log(p_i + 10^{-8})`: list of float.

    p: eigenvalues of the covariance of channels over samples and positions, divided by their sum.

    >>> stage_entropies().data
    False

    Args:
        p: the pass.
        stages: names of the modules whose outputs are the stages; empty: see :func:`watch_stages`.

    Raises:
        Undefined: no stage is known, or the features of one do not vary.
    """
    found: list[float] = []

    def see(features: Tensor, channel: int) -> None:
        with undisturbed():
            found.append(entropy(channel_rows(features.detach(), channel)))

    check = watch_stages(p, stages, see)
    yield FORWARD
    check()
    return found


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
    mean = rows.mean(0, dtype=torch.float64).to(rows.dtype)
    centred = rows - mean
    covariance = centred.T @ centred / len(rows)
    total = covariance.diagonal().sum()
    within = 4 * torch.finfo(rows.dtype).eps
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
    channels: list[int] = []
    versions: list[int] = []

    def see(output: Tensor, channel: int) -> Tensor:
        if not torch.is_grad_enabled():
            raise NotApplicable("a stage is computed without gradients (no_grad)")
        features.append(output if output.requires_grad else output.detach().requires_grad_())
        channels.append(channel)
        versions.append(features[-1]._version)
        return features[-1].clone()

    check = watch_stages(p, stages, see)
    yield FORWARD
    check()
    if len(features) < 2:
        raise NotApplicable("there is one stage, and no other before it")
    if [feature._version for feature in features] != versions:
        raise NotApplicable("the network writes over the features of a stage: name other stages=[...]")
    generator = p.generator("signs")
    found: list[float | None] = []
    wanted = []
    for place in range(len(features) - 1, 0, -1):
        lower, upper = features[place - 1 : place + 1]
        signs = random_signs(upper, generator)

        def fold(_: int, gradient: Tensor, step: int = len(found), place: int = place, signs: Tensor = signs) -> None:
            found[step] = gain(gradient.movedim(channels[place - 1], 1), signs.movedim(channels[place], 1))

        found.append(0.0)
        wanted.append(Grad(upper, [lower], fold=fold, leaves=[lower], grad_outputs=signs))
    features.clear()
    del lower, upper, signs, fold
    yield tuple(wanted)
    return found


def random_signs(like: Tensor, generator: torch.Generator) -> Tensor:
    """Return 1 or −1 for each element, drawn on the CPU."""
    drawn = torch.randint(0, 2, like.shape, generator=generator, dtype=torch.int8, device=generator.device)
    return drawn.to(like.device, like.dtype).mul_(2).sub_(1)


def gain(before: Tensor, after: Tensor) -> float | None:
    """Return the largest singular value of the mean outer product of two gradients; None if they are the same.

    >>> signs = torch.tensor([[1.0, -1.0], [1.0, 1.0]])
    >>> gain(signs, signs), gain(2 * signs, signs)
    (None, 2.0)

    Args:
        before: by the features of the stage before, (N, channels, *positions).
        after: by those of the stage, likewise. Where one has more positions, those that become one are channels of
            their own; what is left over at the border is cut, and what is missing there is 0.

    Raises:
        Undefined: the positions of one cannot be matched with those of the other, or a gradient is not finite.
    """
    if before.shape == after.shape and torch.equal(before, after):
        return None
    first, second = (channel_rows(each, 1) for each in matched_positions(precise(before), precise(after)))
    product = first.T @ second / len(second)
    if not all_finite(product):
        raise Undefined("the gradient between two stages is not finite")
    return float(torch.linalg.matrix_norm(product, 2))


def matched_positions(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Return two gradients, (N, channels, *positions), of as many positions, the larger one's patches as channels.

    >>> [tuple(each.shape) for each in matched_positions(torch.zeros(2, 3, 8, 8), torch.zeros(2, 5, 4, 4))]
    [(2, 12, 4, 4), (2, 5, 4, 4)]

    Raises:
        Undefined: that cannot be.
    """
    shapes = tuple(before.shape), tuple(after.shape)
    if before.shape[2:] != after.shape[2:] and before.ndim != after.ndim:
        before, after = before.flatten(2), after.flatten(2)
    if before.ndim == after.ndim == 3 and before.shape[2] != after.shape[2]:
        before, after = _as_images(before, after)
    for dim in range(2, before.ndim):
        few, many = sorted((before.shape[dim], after.shape[dim]))
        before, after = (_folded(each, dim, few, round(many / few)) for each in (before, after))
    if len(before) != len(after):
        raise NotApplicable(f"the positions of two stages, of shapes {shapes[0]} and {shapes[1]}, do not match")
    return before, after


def _as_images(*gradients: Tensor) -> Sequence[Tensor]:
    """Return sequences as square images, without the one or two tokens that stand before those; else as they are."""
    sides = [isqrt(each.shape[2]) for each in gradients]
    extra = [each.shape[2] - side**2 for each, side in zip(gradients, sides)]
    if max(extra) > 2:
        return gradients
    return [each[:, :, k:].unflatten(2, (side, side)) for each, k, side in zip(gradients, extra, sides)]


def _folded(gradient: Tensor, dim: int, few: int, factor: int) -> Tensor:
    """Return a gradient of so many positions in a dimension: of the larger one each patch becomes channels."""
    size = gradient.shape[dim]
    if size == few:
        return gradient
    missing = max(0, few * factor - size)
    filled = torch.cat([gradient, torch.zeros_like(gradient.narrow(dim, 0, missing))], dim)
    patches: Tensor = filled.narrow(dim, 0, few * factor).unflatten(dim, (few, factor))
    patches = patches.movedim(dim + 1, 2)
    return patches.flatten(1, 2)


def stage_observations(make: Callable[..., Observation], stages: Sequence[str], inputs: Shown) -> list[Observation]:
    """Return an observation of the stages as the options of a proxy have it."""
    return [make(tuple(stages), setting=stage_setting(inputs))]
