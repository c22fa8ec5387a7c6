r"""Checks GradAlign's Theorem 4.1 on a smooth toy network: how much one step of gradient descent lowers the loss.

    python examples/gradalign_bound.py
    python examples/gradalign_bound.py --figure bound.png

The text that we have lost its equations; its words are kept. Two samples, gradients g1 and g2 of their losses with the
angle theta between them, the sum of both as the loss, whose gradient is Lipschitz with constant L; a learning rate
eta not above a bound, which we read as 1/L; gradients not longer than G. From these follows, by the descent lemma,

    reduction >= eta/2 |g1 + g2|^2 = eta/2 (|g1|^2 + |g2|^2 + 2 |g1| |g2| cos theta)                     (proven)

and the theorem's G can enter only as a substitute for both lengths,

    reduction >= eta G^2 (1 + cos theta)                                                                 (as read)

which the shorter of two gradients already breaks: a bound from above does not bound from below. It does hold with the
shorter length m instead of G. And an angle alone orders nothing: the lengths count as well.

With --figure (needs matplotlib): the gradients of two networks, one with a small and one with a large angle, as in the
paper's Figure 1, and the reductions beside the bounds.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import torch
from scipy.stats import spearmanr
from torch import Tensor

from naslib_zc_plugin.files import replacing

HIDDEN, INPUTS = 4, 3
Losses = Callable[[Tensor], Tensor]
"""From all parameters, (P,), to the losses of both samples, (2,)."""


@dataclass(frozen=True)
class Step:
    """One step of gradient descent on the sum of two losses.

    Attributes:
        lengths: of both samples' gradients.
        cosine: of the angle between them.
        lipschitz: the largest curvature (spectral norm of the Hessian) on the way.
        rate: eta, 0.95 / ``lipschitz`` or less.
        reduction: of the loss.
    """

    lengths: tuple[float, float]
    cosine: float
    lipschitz: float
    rate: float
    reduction: float

    @property
    def proven(self) -> float:
        """Return the bound that follows from smoothness."""
        a, b = self.lengths
        return self.rate / 2 * (a * a + b * b + 2 * a * b * self.cosine)

    def by_length(self, length: float) -> float:
        """Return the bound with one length for both: as the theorem is read, or that of the shorter gradient."""
        return self.rate * length**2 * (1 + self.cosine)


def one_step(losses: Losses, start: Tensor, points: int = 33) -> Step:
    """Take the step, as long as the curvature on its way allows.

    Args:
        losses: twice differentiable.
        start: the parameters, float64.
        points: where on the way the curvature is measured.
    """
    first, second = torch.func.jacrev(losses)(start)
    total = first + second
    hessians = torch.func.vmap(torch.func.hessian(lambda at: losses(at).sum()))

    def curvature(rate: float) -> float:
        way = start - rate * torch.linspace(0, 1, points, dtype=start.dtype)[:, None] * total
        return float(torch.linalg.matrix_norm(hessians(way), ord=2).max())

    rate = 0.95 / curvature(0)
    while rate * (steepest := curvature(rate)) > 0.95 * (1 + 1e-9):
        rate = 0.95 / steepest
    lengths = float(first.norm()), float(second.norm())
    cosine = float(first @ second) / (lengths[0] * lengths[1])
    reduction = float(losses(start).sum() - losses(start - rate * total).sum())
    return Step(lengths, cosine, steepest, rate, reduction)


def toy(seed: int) -> tuple[Losses, Tensor]:
    """Make a network of one hidden layer of tanh, two random samples with squared losses, and random parameters."""
    source = torch.Generator().manual_seed(seed)
    inputs = torch.randn(2, INPUTS, generator=source, dtype=torch.float64)
    targets = torch.randn(2, generator=source, dtype=torch.float64)
    start = torch.randn(HIDDEN * (INPUTS + 2), generator=source, dtype=torch.float64)

    def losses(parameters: Tensor) -> Tensor:
        weights, biases, last = parameters.split([HIDDEN * INPUTS, HIDDEN, HIDDEN])
        hidden = torch.tanh(inputs @ weights.view(HIDDEN, INPUTS).T + biases)
        errors: Tensor = hidden @ last - targets
        return errors**2 / 2

    return losses, start


def described(steps: Sequence[Step]) -> list[str]:
    """Describe how often each bound holds, and the order of the reductions."""
    slack = 1e-12
    proven = sum(step.reduction >= step.proven - slack for step in steps)
    read = sum(step.reduction >= step.by_length(max(step.lengths)) - slack for step in steps)
    short = sum(step.reduction >= step.by_length(min(step.lengths)) - slack for step in steps)
    cosines = [step.cosine for step in steps]
    per_rate = [step.reduction / step.rate for step in steps]
    of_lengths = [2 * step.reduction / step.rate / (step.lengths[0] ** 2 + step.lengths[1] ** 2) for step in steps]
    return [
        f"of {len(steps)} steps, as large as the bound or larger:",
        f"  eta/2 |g1 + g2|^2 (proven)                        {proven}",
        f"  eta m^2 (1 + cos), m the shorter length           {short}",
        f"  eta G^2 (1 + cos), G the longer one (as read)     {read}",
        f"Spearman of the cosine with reduction / eta         {spearmanr(cosines, per_rate)[0]:+.3f}",
        f"and where lengths are divided out                   {spearmanr(cosines, of_lengths)[0]:+.3f}",
    ]


def draw(path: Path, steps: Sequence[Step]) -> None:
    """Draw a small and a large angle, of the quarter of the steps whose lengths differ least, and all bounds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    *angles, bounds = figure.subplots(1, 3)
    alike = sorted(steps, key=lambda step: max(step.lengths) / min(step.lengths))[: max(2, len(steps) // 4)]
    chosen = max(alike, key=lambda step: step.cosine), min(alike, key=lambda step: step.cosine)
    for panel, name, step in zip(angles, "ab", chosen):
        (a, b), angle = step.lengths, math.acos(max(-1.0, min(1.0, step.cosine)))
        ends = [(a, 0.0), (b * math.cos(angle), b * math.sin(angle))]
        ends.append((ends[0][0] + ends[1][0], ends[0][1] + ends[1][1]))
        for (x, y), label, colour in zip(ends, ("g1", "g2", "g1 + g2"), ("C0", "C1", "0.5")):
            panel.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": colour})
            panel.annotate(label, (x, y), color=colour, fontsize="small")
        reach = 1.15 * max(math.hypot(*end) for end in ends)
        panel.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        panel.set_title(f"{name}) angle {math.degrees(angle):.0f}°", fontsize="medium")
    least = [step.reduction / step.proven for step in steps]
    read = [step.reduction / step.by_length(max(step.lengths)) for step in steps]
    cosines = [step.cosine for step in steps]
    bounds.scatter(cosines, least, s=6, label="proven")
    bounds.scatter(cosines, read, s=6, label="as read, with G")
    bounds.axhline(1, color="0.3", linewidth=0.8)
    bounds.set(yscale="log", xlabel="cosine of the angle", ylabel="reduction / bound")
    bounds.legend(fontsize="small")
    bounds.set_title("below 1 a bound fails", fontsize="medium")
    with replacing(path) as draft:
        figure.savefig(draft, dpi=150, format=path.suffix[1:])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="networks and pairs of samples")
    parser.add_argument("--figure", type=Path, help="draw angles and bounds")
    arguments = parser.parse_args()
    steps = [one_step(*toy(seed)) for seed in range(arguments.steps)]
    print("\n".join(described(steps)))
    if arguments.figure:
        draw(arguments.figure, steps)


if __name__ == "__main__":
    main()
