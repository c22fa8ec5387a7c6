"""Neighbours and mutations of NAS-Bench-101's cells."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import Cell
from tests.spaces.cells101 import EXAMPLE

SPACE: Any = space("nasbench101")
RULES = ("change", "edge", "nasbench", "naslib")
CHAIN = "conv3x3(0)|conv1x1(1)|output(2)"
positions = st.integers(0, SPACE.size - 1)


def slow_neighbours(key: str) -> set[str]:
    """By matrices: whatever one step gives, from every order of the vertices, as far as it is of the benchmark."""
    found = set()
    for matrix, operations in _orders(*keys.unpack(keys.parse(key))):
        count = len(operations)
        for vertex in range(1, count - 1):
            for name in keys.OPERATIONS:
                found.add(_key(matrix, [*operations[:vertex], name, *operations[vertex + 1 :]]))
        for source in range(count):
            for target in range(source + 1, count):
                other = [list(row) for row in matrix]
                other[source][target] = 1 - other[source][target]
                found.add(_key(other, operations))
        for number in range(1, count) if count < 7 else ():
            for source in range(number):
                for target in range(number, count):
                    found |= _with_a_vertex(matrix, operations, number, source, target)
    return {each for each in found if each} - {SPACE.canonical(key)}


def _orders(matrix: Any, operations: Any) -> list[tuple[Any, Any]]:
    """All that swaps of two neighbouring vertices without an edge between them lead to."""
    found, todo = {(matrix, operations)}, [(matrix, operations)]
    while todo:
        matrix, operations = todo.pop()
        for vertex in range(1, len(operations) - 2):
            if not matrix[vertex][vertex + 1]:
                new = list(range(len(operations)))
                new[vertex], new[vertex + 1] = vertex + 1, vertex
                other = tuple(tuple(matrix[a][b] for b in new) for a in new), tuple(operations[a] for a in new)
                if other not in found:
                    found.add(other)
                    todo.append(other)
    return list(found)


def _with_a_vertex(matrix: Any, operations: Any, number: int, source: int, target: int) -> set[str]:
    rows = [[*row[:number], 0, *row[number:]] for row in matrix]
    rows.insert(number, [0] * (len(operations) + 1))
    rows[source][number] = rows[number][target + 1] = 1
    return {_key(rows, [*operations[:number], name, *operations[number:]]) for name in keys.OPERATIONS}


def _key(matrix: Any, operations: Any) -> str:
    try:
        return keys.format(enumeration.first(keys.pack(matrix, operations)))
    except ValueError:
        return ""


@settings(max_examples=25)
@given(st.one_of(positions, st.integers(0, 3_000)))
def test_neighbours_are_what_a_slow_search_finds(position: int) -> None:
    key = SPACE.key(position)
    found = SPACE.neighbours(key)
    assert [SPACE.index(each) for each in found] == sorted({SPACE.index(each) for each in found})
    assert set(found) == slow_neighbours(key)


@settings(max_examples=20)
@given(positions)
def test_a_change_that_takes_no_vertex_off_can_be_undone(position: int) -> None:
    key = SPACE.key(position)
    vertices = keys.parse(key).vertices
    for other in SPACE.neighbours(key):
        if keys.parse(other).vertices >= vertices:
            assert key in SPACE.neighbours(other)


@settings(max_examples=60)
@given(positions, st.integers(0, 1_000), st.sampled_from(RULES))
def test_mutations_are_cells_of_the_benchmark(position: int, seed: int, rule: str) -> None:
    key, rng = SPACE.key(position), Random(seed)
    for _ in range(5):
        other = SPACE.mutate(key, rng, rule)
        assert SPACE.key(SPACE.index(other)) == other
        assert rule in ("nasbench", "naslib") or other in SPACE.neighbours(key)


def test_each_change_is_equally_likely() -> None:
    """28 of them, counted by hand: 2 × 2 operations, 5 edges less, 1 more, a vertex of 3 kinds for each of 6 pairs."""
    rng, number = Random(0), 14_000
    drawn = Counter(SPACE.mutate(EXAMPLE, rng) for _ in range(number))
    assert set(drawn) == set(SPACE.neighbours(EXAMPLE)) and sum(drawn.values()) == number
    for other in (
        "conv1x1(0)|maxpool3x3(0,1)|output(1,2)",
        "conv3x3(0)|conv3x3(0,1)|output(1,2)",
        "conv3x3(0)|maxpool3x3(0,1)|output(0,1,2)",
        "maxpool3x3(0)|output(1)",  # the edge from 0 to 1 less
        "conv3x3(0)|maxpool3x3(0,1)|conv1x1(2)|output(1,2,3)",
    ):
        assert drawn[SPACE.canonical(other)] == pytest.approx(number / 28, rel=0.2)


def test_the_edge_rule_flips_entries_of_the_matrix_evenly() -> None:
    key = "conv3x3(0)|conv1x1(1)|maxpool3x3(2)|output(3)"
    rng, number = Random(0), 4_200
    drawn = Counter(SPACE.mutate(key, rng, "edge") for _ in range(number))
    # Ten entries; four are the path, and flipping one of them cuts the output off.
    assert len(drawn) == 6
    assert sum((count - 700) ** 2 / 700 for count in drawn.values()) < chi2.isf(1e-3, 5)
    assert SPACE.mutate("output(0)", rng, "edge") in SPACE.neighbours("output(0)")


@pytest.mark.parametrize(("rule", "chance"), [("nasbench", 1 / 5), ("naslib", 1 / 3)])
def test_published_mutations_have_their_distribution(rule: str, chance: float) -> None:
    """Against the published procedure on matrices, drawn by another generator."""
    rng, number = Random(1), 3_000
    ours = Counter(_shape(SPACE.mutate(CHAIN, rng, rule)) for _ in range(number))
    theirs = Counter(_shape(_published(rng, chance)) for _ in range(number))
    common = [each for each in {*ours, *theirs} if ours[each] + theirs[each] >= 40]
    assert len(common) > 5
    assert chi2_contingency([[ours[each] for each in common], [theirs[each] for each in common]]).pvalue > 1e-3


def _published(rng: Random, chance: float) -> str:
    matrix = [[0] * 7 for _ in range(7)]
    matrix[0][1] = matrix[1][2] = matrix[2][6] = 1
    operations = ["input", keys.OPERATIONS[0], keys.OPERATIONS[1], *[keys.OPERATIONS[0]] * 3, "output"]
    while True:
        new, names = [list(row) for row in matrix], list(operations)
        for source in range(6):
            for target in range(source + 1, 7):
                if rng.random() < 1 / 7:
                    new[source][target] = 1 - new[source][target]
        for vertex in range(1, 6):
            if rng.random() < chance:
                names[vertex] = rng.choice([name for name in keys.OPERATIONS if name != names[vertex]])
        found = _key(new, names)
        if found:
            return found


def _shape(key: str) -> tuple[int, int, int]:
    cell: Cell = keys.parse(key)
    return cell.vertices, bin(cell.bits).count("1"), cell.labels.count(0)


def test_another_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown mutation rule 'node'; use 'change' or 'edge'"):
        SPACE.mutate(EXAMPLE, Random(0), "node")
