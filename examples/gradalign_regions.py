"""Counts a small network's linear regions exactly, and once more after a slight change of one weight or bias.

    python examples/gradalign_regions.py
    python examples/gradalign_regions.py --figure regions.png

GradAlign's section 9: a network of three layers cuts the plane into 7 regions; one parameter is changed a little, and
there are 10 (its Figure 4). Our copy of the text is without the equations and the figure's numbers: layer l is read as
h_l = max(W_l h_{l-1} + b_l, 0), the last one without the maximum, and the parameters are ours, with sizes 2, 3, 2, 1.
After that, the effect of such a change on networks with random parameters. With --figure (needs matplotlib) both
partitions are drawn.

A region is a set of inputs with the same units on, as NASWOT and TE-NAS count them (on a batch). Numbers are fractions
and the plane has no edge, so that the count is exact.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from naslib_zc_plugin.files import replacing

Point = tuple[Fraction, Fraction, Fraction]
"""(x, y, z) stands for the point (x/z, y/z), and for the direction (x, y) far away if z is 0."""
Row = tuple[Fraction, Fraction, Fraction]
"""(a, b, c) stands for the function ax + by + c of the plane."""
Layer = tuple[tuple[tuple[Fraction, ...], ...], tuple[Fraction, ...]]
"""Weights, outputs x inputs, and biases."""
_O, _I = Fraction(0), Fraction(1)
_QUADRANTS = [[(_O, _O, _I), (x * _I, _O, _O), (_O, y * _I, _O)] for x in (-1, 1) for y in (-1, 1)]


@dataclass(frozen=True)
class Piece:
    """A convex part of the plane where the same units are on.

    Attributes:
        corners: in order; convex combinations of them are the piece.
        pattern: for each unit whether it is on, layer after layer.
        rows: the functions that the last layer computes there.
    """

    corners: tuple[Point, ...]
    pattern: tuple[bool, ...]
    rows: tuple[Row, ...]


def layers(*given: tuple[Sequence[Sequence[float]], Sequence[float]]) -> list[Layer]:
    """Return layers of decimal numbers, such as 0.3, as exact fractions (3/10)."""
    return [
        (tuple(tuple(Fraction(str(w)) for w in row) for row in weights), tuple(Fraction(str(b)) for b in biases))
        for weights, biases in given
    ]


def pieces(network: Sequence[Layer]) -> Iterator[Piece]:
    """Cut the plane into pieces, none a mere line; a region has one in each quadrant that it reaches."""
    for quadrant in _QUADRANTS:
        found = [Piece(tuple(quadrant), (), ((_I, _O, _O), (_O, _I, _O)))]
        for layer in network[:-1]:
            found = [part for piece in found for part in _through(piece, layer)]
        yield from (Piece(each.corners, each.pattern, _affine(network[-1], each.rows)) for each in found)


def regions(network: Sequence[Layer]) -> int:
    """Count the patterns of units that are on somewhere in the plane, on more than a line; each is a convex set."""
    return len({piece.pattern for piece in pieces(network)})


def functions(network: Sequence[Layer]) -> int:
    """Count the different affine functions of the network: at most as many as regions."""
    return len({piece.rows for piece in pieces(network)})


def changed(network: Sequence[Layer], layer: int, unit: int, entry: int, by: Fraction) -> list[Layer]:
    """Return the network with one parameter changed: a unit's weight of input ``entry``, or its bias after those."""
    weights, biases = network[layer]
    row = list(weights[unit]) + [biases[unit]]
    row[entry] += by
    new = (weights[:unit] + (tuple(row[:-1]),) + weights[unit + 1 :], biases[:unit] + (row[-1],) + biases[unit + 1 :])
    return [*network[:layer], new, *network[layer + 1 :]]


def _affine(layer: Layer, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Apply a layer, before its maximum, to functions of the plane."""
    found = []
    for weights, bias in zip(*layer):
        a, b, c = (sum((w * row[i] for w, row in zip(weights, rows)), _O) for i in range(3))
        found.append((a, b, c + bias))
    return tuple(found)


def _through(piece: Piece, layer: Layer) -> Iterator[Piece]:
    """Cut a piece where a unit of the layer switches."""
    found = [Piece(piece.corners, piece.pattern, ())]
    for row in _affine(layer, piece.rows):
        found = [
            Piece(corners, each.pattern + (on,), each.rows + ((row if on else (_O, _O, _O)),))
            for each in found
            for on, corners in _cut(each.corners, row)
        ]
    yield from found


def _cut(corners: Sequence[Point], row: Row) -> Iterator[tuple[bool, tuple[Point, ...]]]:
    """Return the parts of a convex polygon where a function is above zero and where it is below.

    A function that is zero all over the polygon leaves its unit off.
    """
    at = [sum((r * x for r, x in zip(row, corner)), _O) for corner in corners]
    if not any(at):
        yield False, tuple(corners)
    for on, sign in ((True, 1), (False, -1)):
        if any(sign * value > 0 for value in at):
            part: list[Point] = []
            for here, there, one, other in zip(corners, [*corners[1:], corners[0]], at, at[1:] + at[:1]):
                if sign * one >= 0:
                    part.append(here)
                if one * other < 0:
                    x, y, z = (abs(other) * a + abs(one) * b for a, b in zip(here, there))
                    part.append((x, y, z))
            yield on, tuple(part)


BEFORE = layers(
    ([[-0.6, 0.5], [-0.4, -0.3], [-0.4, -0.7]], [0.6, -0.5, -0.3]),
    ([[0.3, -0.1, 0.1], [-0.4, 0.9, -0.8]], [0.1, -0.2]),
    ([[0.4, -1.0]], [-0.2]),
)
CHANGE = (1, 0, 2, Fraction("-0.2"))


def randomised(rng: random.Random) -> list[Layer]:
    """Return a network of the example's sizes with parameters from U(-1, 1), in thousandths."""

    def drawn(count: int) -> tuple[Fraction, ...]:
        return tuple(Fraction(rng.randint(-1000, 1000), 1000) for _ in range(count))

    return [
        (tuple(drawn(2) for _ in range(3)), drawn(3)),
        (tuple(drawn(3) for _ in range(2)), drawn(2)),
        ((drawn(2),), drawn(1)),
    ]


def sensitivity(networks: int, by: Fraction, seed: int = 0) -> list[tuple[int, int]]:
    """Count regions of random networks before and after one random parameter of a hidden layer moves by ``by``."""
    rng = random.Random(seed)
    found = []
    for _ in range(networks):
        network = randomised(rng)
        layer = rng.randrange(2)
        place = layer, rng.randrange(3 - layer), rng.randrange(3 + layer)
        found.append((regions(network), regions(changed(network, *place, by * rng.choice((-1, 1))))))
    return found


def draw(path: Path, networks: Sequence[tuple[str, Sequence[Layer]]], reach: float = 3.0) -> None:
    """Draw partitions side by side: a colour per pattern, about the middle of the plane."""
    from matplotlib.figure import Figure

    far = 10**4
    figure = Figure(figsize=(4 * len(networks), 4.2), layout="constrained")
    for panel, (title, network) in zip(figure.subplots(1, len(networks), squeeze=False)[0], networks):
        found = list(pieces(network))
        shades = {pattern: place for place, pattern in enumerate(sorted({piece.pattern for piece in found}))}
        for piece in found:
            x, y = zip(*((float(a / z), float(b / z)) if z else (float(a) * far, float(b) * far)
                         for a, b, z in piece.corners))  # fmt: skip
            panel.fill(x, y, color=f"C{shades[piece.pattern] % 10}", alpha=0.5, linewidth=0.1)
        panel.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=f"{title}: {len(shades)} regions")
    with replacing(path) as draft:
        figure.savefig(draft, dpi=150, format=path.suffix[1:])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path, help="draw both partitions")
    arguments = parser.parse_args()
    after = changed(BEFORE, *CHANGE)
    shown = [("before", BEFORE), ("after", after)]
    for title, network in shown:
        print(f"{title}: {regions(network)} regions, {functions(network)} affine functions")
    found = sensitivity(200, Fraction("0.1"))
    moved = sum(one != other for one, other in found)
    most = max(found, key=lambda pair: abs(pair[0] - pair[1]))
    print(f"200 random networks, one parameter moved by 0.1: another number in {moved}, at most {most[0]} to {most[1]}")
    if arguments.figure:
        draw(arguments.figure, shown)


if __name__ == "__main__":
    main()
