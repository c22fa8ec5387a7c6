"""NAS-Bench-101's cells: text, pruning, isomorphism and the benchmark's order."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import permutations, product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.spaces import Space, space
from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import Cell, place
from tests.spaces.cells101 import EXAMPLE, INCEPTION, relabelled

SPACE: Any = space("nasbench101")
positions = st.integers(0, SPACE.size - 1)


def test_the_space_is_found_by_name() -> None:
    assert isinstance(SPACE, Space)
    assert (SPACE.name, SPACE.size) == ("nasbench101", 423_624)
    assert enumeration.all_graphs().size == SPACE.size


def test_keys_need_no_torch() -> None:
    code = (
        "import random, sys; from naslib_zc_plugin.spaces import space; s = space('nasbench101');"
        "r = random.Random(0); k = s.sample(r); s.neighbours(s.canonical(k)); s.mutate(k, r); s.index(k);"
        "assert 'torch' not in sys.modules"
    )
    repository = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=repository)


def test_an_example_is_parsed_vertex_by_vertex() -> None:
    matrix, operations = keys.unpack(keys.parse(EXAMPLE))
    assert matrix == ((0, 1, 1, 0), (0, 0, 1, 1), (0, 0, 0, 1), (0, 0, 0, 0))
    assert operations == ("input", "conv3x3-bn-relu", "maxpool3x3", "output")
    assert keys.format(keys.pack(matrix, operations)) == EXAMPLE
    assert SPACE.key(0) == "output(0)" and SPACE.key(1) == "conv3x3(0)|output(1)"


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "expected output and its inputs, '(0)', as vertex 1, found ''"),
        ("output", "expected output and its inputs"),
        ("conv3x3(0)", "expected output and its inputs, '(0)', as vertex 1"),
        ("conv5x5(0)|output(1)", "expected conv3x3 or conv1x1 or maxpool3x3 and its inputs"),
        ("output(0)|output(1)", "expected conv3x3 or conv1x1"),
        ("conv3x3(0)|output(1,0)", "must be earlier vertices, ascending"),
        ("conv3x3(0)|output(1,1)", "must be earlier vertices, ascending"),
        ("conv3x3(1)|output(1)", "must be earlier vertices, ascending"),
        ("conv3x3(\u0660)|output(1)", "expected conv3x3 or conv1x1 or maxpool3x3 and its inputs"),
        ("conv3x3(0) |output(1)", "as vertex 1, found 'conv3x3(0) '"),
        ("conv3x3(0)|output()", "the output is not connected to the input"),
        ("conv3x3()|output(1)", "the output is not connected to the input"),
        ("|".join([f"conv3x3({n})" for n in range(6)]) + "|output(6)", "at most 7 vertices"),
        ("conv3x3(0)|conv3x3(0,1)|conv3x3(0,1,2)|conv3x3(0,1,2)|output(1,2,3,4)", "13 edges between input and output"),
    ],
)
def test_what_is_no_key(key: str, fault: str) -> None:
    for method in (SPACE.canonical, SPACE.index, SPACE.neighbours, lambda key: SPACE.mutate(key, Random(0))):
        with pytest.raises(ValueError, match="output|vertices|vertex") as caught:
            method(key)
        assert fault in str(caught.value) and repr(key) in str(caught.value)


@pytest.mark.parametrize(
    ("matrix", "operations", "fault"),
    [
        ([[0, 1], [0, 0]], ["input", "maxpool3x3", "output"], "3 operations need a matrix of 3 × 3"),
        ([[0]], ["input"], "of 2 to 7"),
        ([[0, 1], [0, 0]], ["input", "maxpool3x3"], "the last 'output'"),
        ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "avgpool3x3", "output"], "unknown operation 'avgpool3x3'"),
        ([[0, 1], [1, 0]], ["input", "output"], "lead to later vertices"),
        ([[1, 1], [0, 0]], ["input", "output"], "lead to later vertices"),
        ([[0, 2], [0, 0]], ["input", "output"], "edges are 0 or 1"),
        ([[0, 0], [0, 0]], ["input", "output"], "not connected"),
        ([[int(b > a) for b in range(7)] for a in range(7)], ["input", *["maxpool3x3"] * 5, "output"], "21 edges"),
    ],
)
def test_what_is_no_cell(matrix: Any, operations: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        keys.pack(matrix, operations)


def test_dead_ends_have_no_part_in_a_cell() -> None:
    written = "conv1x1()|conv3x3(0)|maxpool3x3(0,1)|conv1x1(0,2)|output(2)"
    assert keys.format(keys.parse(written)) == written
    assert SPACE.canonical(written) == "conv3x3(0)|output(1)"
    # Edges between vertices that have no part do not count.
    many = "conv3x3(0)|conv3x3(0,1)|conv3x3(0,1,2)|conv3x3(0,1,2,3)|output(0)"
    assert SPACE.canonical(many) == "output(0)" and SPACE.index(many) == 0


@given(positions)
def test_position_and_key_are_inverse(position: int) -> None:
    key = SPACE.key(position)
    assert SPACE.index(key) == position and SPACE.canonical(key) == key
    assert keys.format(keys.parse(key)) == key


@given(positions, st.randoms(use_true_random=False))
def test_isomorphic_cells_are_one(position: int, rng: Random) -> None:
    """Whatever order their vertices are written in, dead ends included; and as a slow search finds it."""
    cell = keys.parse(SPACE.key(position))
    other = relabelled(cell, rng)
    assert enumeration.first(other) == cell and enumeration.index(other) == position
    assert keys.hash_of(other) == keys.hash_of(cell)
    assert cell == min(_written(cell))
    assert enumeration.first(keys.from_naslib(keys.to_naslib(other))) == cell


def _written(cell: Cell) -> list[Cell]:
    """All ways to write a cell: permutations of its vertices under which edges still lead forwards."""
    last = cell.vertices - 1
    edges = [(source, target) for target in range(last + 1) for source in keys.sources_of(cell.bits, target)]
    found = []
    for inner in permutations(range(1, last)):
        new = (0, *inner, last)
        if all(new[source] < new[target] for source, target in edges):
            labels = {new[vertex]: label for vertex, label in enumerate(cell.labels, start=1)}
            bits = sum(1 << place(new[source], new[target]) for source, target in edges)
            found.append(Cell(cell.vertices, bits, tuple(labels[vertex] for vertex in range(1, last))))
    return found


def test_small_cells_come_in_the_order_of_the_benchmarks_own_script() -> None:
    """Every graph and operation in turn, the first of each hash kept, as google-research/nasbench lists them."""
    found: dict[str, Cell] = {}
    for vertices in (2, 3, 4):
        for bits in range(1 << vertices * (vertices - 1) // 2):
            for labels in product(range(3), repeat=vertices - 2):
                cell = Cell(vertices, bits, labels)
                try:
                    whole = keys.pruned(cell) == cell
                except ValueError:
                    continue
                if whole:
                    found.setdefault(keys.hash_of(cell), cell)
    assert [enumeration.cell_at(index) for index in range(len(found))] == list(found.values())
    assert enumeration.cell_at(len(found)).vertices == 5


def test_the_whole_list_is_the_benchmarks(shared: Path) -> None:
    """423,624 cells, made by others: each is there, in order; hashes of some of them."""
    with np.load(shared / "data/nasbench101/graphs.npz") as file:
        rows = zip(file["n_vertices"].tolist(), file["bits"].tolist(), file["ops"].tolist())
        theirs = [Cell(vertices, bits, tuple(operations[: vertices - 2])) for vertices, bits, operations in rows]
        names = [bytes(name).hex() for name in file["hash"][::500]]
    assert [enumeration.cell_at(index) for index in range(SPACE.size)] == theirs
    assert [keys.hash_of(cell) for cell in theirs[::500]] == names


def test_samples_are_uniform() -> None:
    rng = Random(0)
    drawn = Counter(SPACE.index(SPACE.sample(rng)) * 100 // SPACE.size for _ in range(20_000))
    assert sum((drawn[part] - 200) ** 2 / 200 for part in range(100)) < 148.3  # 1 in 1,000 of chi-square with 99
    assert [SPACE.sample(Random(1)), SPACE.sample(Random(1))] == [SPACE.key(Random(1).randrange(SPACE.size))] * 2


def test_positions_beyond_the_last_are_refused() -> None:
    for position in (-1, SPACE.size):
        with pytest.raises(ValueError, match="NAS-Bench-101 has the indices 0 to 423623"):
            SPACE.key(position)


def test_the_example_of_the_benchmarks_documentation_has_its_hash_in_the_list() -> None:
    assert SPACE.key(SPACE.index(INCEPTION)) == SPACE.canonical(INCEPTION)
    assert keys.hash_of(keys.parse(INCEPTION)) == keys.hash_of(keys.parse(SPACE.canonical(INCEPTION)))
