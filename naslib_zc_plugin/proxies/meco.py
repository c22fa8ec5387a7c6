"""MeCo."""

from __future__ import annotations

from typing import Annotated, Any, Union

import torch
from torch import Tensor

from naslib_zc_plugin.extend import FORWARD, Bounds, Forward, Undefined, observation, proxy
from naslib_zc_plugin.observations.modules import note_read
from naslib_zc_plugin.passes import ForwardPass, NotApplicable, Observation, Steps
from naslib_zc_plugin.passes.degenerate import all_finite, precise
from naslib_zc_plugin.passes.inputs import Noise, tensors
from naslib_zc_plugin.passes.network import without_compiled
from naslib_zc_plugin.passes.snapshot import undisturbed

Channels = Union[None, Annotated[int, Bounds(least=2)]]
Pixels = Union[None, Annotated[int, Bounds(least=1)]]


@observation(setting=Forward(inputs=Noise(1, 64)))
def smallest_eigenvalues(p: ForwardPass, channels: int | None = None, leaves: bool = False) -> Steps[list[float]]:
    """Return the smallest eigenvalue of the correlations between channels, for each call of a module: list of float.

    Of the first sample of each output, (channels, …), with at least two channels; not below 0.

    Args:
        p: the pass.
        channels: draw so many and scale the eigenvalue up to all; None: take all.
        leaves: leave out modules that have children.

    Raises:
        Undefined: no module's output has two channels, or one is not finite.
    """
    modules = p.network.module.named_modules()
    containers = {without_compiled(name) for name, module in modules if any(True for _ in module.children())}
    generator = p.generator("channels")
    found: list[float] = []
    before: list[Any] = [None, None, 0.0]

    def see(name: str, output: Any) -> None:
        if leaves and name in containers:
            return
        maps = next(iter(tensors(output)), None)
        if maps is None or not maps.is_floating_point() or maps.ndim < 2 or maps.shape[1] < 2:
            return
        if before[0] is not maps or before[1] != maps._version:  # a container gives what its last module gave
            with undisturbed():
                if not all_finite(maps):
                    raise Undefined(f"the output of the module {name!r} is not finite")
                rows = maps[0].detach().reshape(maps.shape[1], -1)
                before[:] = maps, maps._version, _of_some(rows, channels, generator)
        note_read(p, name)
        found.append(before[2])

    p.on_modules(see)
    yield FORWARD
    before.clear()
    if not found:
        raise NotApplicable("no module's output has two channels")
    return found


def _of_some(rows: Tensor, channels: int | None, generator: torch.Generator) -> float:
    """Return the smallest eigenvalue, scaled up to all channels where some are drawn."""
    if channels is None or channels >= len(rows):
        return smallest_eigenvalue(rows)
    drawn = torch.randperm(len(rows), generator=generator, device=generator.device)[:channels]
    return len(rows) / channels * smallest_eigenvalue(rows[drawn.to(rows.device)])


def smallest_eigenvalue(rows: Tensor) -> float:
    """Return the smallest eigenvalue of the correlations between rows, not below 0.

    It is 0 where a row does not vary but by rounding, and so correlates with none, nor with itself; and where there are
    no fewer rows than values in them.

    >>> round(smallest_eigenvalue(torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])), 6)
    1.0
    """
    if len(rows) >= rows.shape[1]:
        return 0.0
    exact, within = rows.double(), torch.finfo(precise(rows).dtype).eps
    centred = exact - exact.mean(1, keepdim=True)
    sizes = centred.norm(dim=1)
    if not bool((sizes > within * exact.norm(dim=1)).all()):
        return 0.0
    scaled = centred / sizes[:, None]
    return max(0.0, float(torch.linalg.eigvalsh(scaled @ scaled.T)[0]))


def _observed(channels: int | None, size: int | None, samples: int, leaves: bool) -> list[Observation]:
    return [smallest_eigenvalues(channels, leaves, setting=Forward(inputs=Noise(samples, size)))]


@proxy(
    needs=_observed,
    version=1,
    paper="Jiang et al., NeurIPS 2023",
    higher_is_better=True,
    aliases={"meco_opt": {"channels": 8}},
)
def meco(
    smallest: list[float],
    *,
    channels: Channels = None,
    size: Pixels = 64,
    samples: Annotated[int, Bounds(least=1)] = 1,
    leaves: bool = False,
) -> float:
    r"""Compute the sum over modules of the smallest eigenvalue of correlations between channels.

    :math:`\sum_m \lambda_{\min}(P_m)`; P: Pearson correlations between the channels of the output of module m, over the
    positions of the first sample; the weights are those that the network holds, in train mode. Each call of a module
    counts, and so do those of containers and of the network itself, so that the output of a block of one module in a
    sequence counts three times. Channels that do not vary are not correlated with any, nor with themselves, as the
    values of a vector. Higher is better. No data, no labels: one image of noise, N(0, 1).

    Channels are the dimension after the samples: the positions of (samples, positions, features), as transformers have
    them.

    Source: HamsterMimi/MeCo, which takes noise of 64 × 64 pixels for all data sets. With ``channels=8`` it is MeCo_opt:
    eigenvalues of eight channels, drawn for each output, times C/8. That code fails where an output has less than
    eight; here all of them are taken. Outputs that are no tensors count by the first tensor in them, where it stands
    first.

    Args:
        smallest: the eigenvalue of each call of a module.
        channels: draw so many of each output; None: take all.
        size: height and width of the noise, where the inputs are images; None: those of the batch.
        samples: number of samples of noise, of which batch norm takes its statistics.
        leaves: leave out modules that have children.

    Returns:
        The sum.

    Raises:
        Undefined: no module's output has two channels, or one is not finite.

    >>> meco([0.25, 0.5])
    0.75
    """
    return sum(smallest)
