"""Regions of the plane: the exact count is that of an oracle that tries every pattern by linear programming."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from tests.examples import example

regions = example("gradalign_regions")


def oracle(network: Any) -> int:
    """Patterns for which some point lies off every switching line, on the right side of it."""
    hidden = [(np.array(w, dtype=float), np.array(b, dtype=float)) for w, b in network[:-1]]
    count = 0
    for pattern in itertools.product((0, 1), repeat=sum(len(b) for _, b in hidden)):
        a, c, rest = np.eye(2), np.zeros(2), list(pattern)
        rows = []
        for weights, bias in hidden:
            a, c = weights @ a, weights @ c + bias
            for unit in range(len(bias)):
                side = 2 * rest.pop(0) - 1
                norm = np.abs(a[unit]).max()
                if norm == 0 and c[unit] == 0 and side < 0:
                    continue  # a unit that is zero throughout is off
                rows.append([*(-side * a[unit]), norm or 1.0, side * c[unit]])
                if side < 0:
                    a[unit], c[unit] = 0, 0
        found = np.array(rows)
        best = linprog([0, 0, -1], A_ub=found[:, :3], b_ub=found[:, 3], bounds=[(None, None), (None, None), (None, 1)])
        count += best.status == 0 and -best.fun > 1e-9
    return count


@pytest.mark.parametrize("seed", range(25))
def test_the_count_is_that_of_all_patterns_that_are_possible(seed: int) -> None:
    network = regions.randomised(random.Random(seed))
    assert regions.regions(network) == oracle(network)


def test_the_examples_are_counted_as_drawn() -> None:
    after = regions.changed(regions.BEFORE, *regions.CHANGE)
    assert [(regions.regions(each), oracle(each)) for each in (regions.BEFORE, after)] == [(7, 7), (10, 10)]
    differing = [
        (one, other)
        for (before, _), (now, _) in zip(regions.BEFORE, after)
        for row, new in zip(before, now)
        for one, other in zip(row, new)
        if one != other
    ]
    assert differing == [(Fraction(1, 10), Fraction(-1, 10))]


def lines(count: int) -> Any:
    """One hidden layer of lines in general position: unit i is on where y > ix - i²."""
    return [
        (tuple((Fraction(-i), Fraction(1)) for i in range(count)), tuple(Fraction(i * i) for i in range(count))),
        ((tuple(Fraction(1) for _ in range(count)),), (Fraction(0),)),
    ]


@pytest.mark.parametrize("count", range(1, 9))
def test_lines_in_general_position_cut_the_plane_as_is_known(count: int) -> None:
    assert regions.regions(lines(count)) == 1 + count + count * (count - 1) // 2


def test_lines_through_one_point_parallel_lines_and_lines_far_away() -> None:
    star = [(((1, 0), (0, 1), (1, 1), (1, -1)), (0, 0, 0, 0)), (((1, 1, 1, 1),), (0,))]
    strips = [(((1, 1), (1, 1), (2, 2), (1, 1)), (0, 5, 10, 10**12)), (((1, 1, 1, 1),), (0,))]
    constant = [(((0, 0), (0, 0), (0, 0)), (1, -1, 0)), (((1, 1, 1),), (0,))]
    for network, count in ((star, 8), (strips, 4), (constant, 1)):
        exact = [
            (tuple(tuple(map(Fraction, row)) for row in weights), tuple(map(Fraction, biases)))
            for weights, biases in network
        ]
        assert regions.regions(exact) == count


def test_pieces_are_what_the_network_computes() -> None:
    rng = random.Random(3)
    network = regions.randomised(rng)
    for piece in regions.pieces(network):
        weights = [rng.randint(1, 9) for _ in piece.corners]
        x, y, z = (sum(w * corner[i] for w, corner in zip(weights, piece.corners)) for i in range(3))
        h = [x / z, y / z]
        on: list[bool] = []
        for number, (matrix, bias) in enumerate(network):
            h = [sum(w * v for w, v in zip(row, h)) + b for row, b in zip(matrix, bias)]
            if number < len(network) - 1:
                on += [value > 0 for value in h]
                h = [max(value, Fraction(0)) for value in h]
        assert tuple(on) == piece.pattern
        assert h == [(a * x + b * y + c * z) / z for a, b, c in piece.rows]


def test_both_partitions_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    regions.draw(tmp_path / "regions.png", [("before", regions.BEFORE)])
    assert (tmp_path / "regions.png").read_bytes().startswith(b"\x89PNG")
