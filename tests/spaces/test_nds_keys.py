"""Keys of NDS' spaces: their number and order, how they are drawn, mutated, and read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from math import prod
from random import Random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from naslib_zc_plugin.protocols import NDS, PROTOCOLS
from naslib_zc_plugin.spaces import list_spaces, space
from naslib_zc_plugin.spaces.nds import CellSpace, keys
from tests.spaces.nds import DARTS_V2, PUBLISHED

# Cells, in thousands of millions, in Table 3 of Radosavovic et al.
CELLS = {"nds_nasnet": 71_465_842, "nds_amoeba": 556_628, "nds_pnas": 556_628, "nds_enas": 5_063, "nds_darts": 242}
KEY = "C16 L8 normal |a~0|b~1|+|c~2|d~0| reduce |a~1|a~1|+|b~0|c~1|"
SMALL = CellSpace("small", ("a", "b"), nodes=2, loose=True, widths=(4, 8), depths=(3,))


def cells(name: str) -> CellSpace:
    return cast(CellSpace, space(name))


def drawn(name: str, number: int, seed: int = 0) -> list[str]:
    rng = Random(seed)
    return [space(name).sample(rng) for _ in range(number)]


def test_the_six_spaces_are_there() -> None:
    assert tuple(name for name in list_spaces() if name.startswith("nds")) == NDS
    for rules in PROTOCOLS.values():
        assert all(rules.within(name).variant == "used" for name in NDS if rules.spaces)


@pytest.mark.parametrize("name", CELLS)
def test_as_many_cells_as_in_the_paper(name: str) -> None:
    here = cells(name)
    of_a_cell = prod((len(here.operations) * places) ** 2 for places in range(2, 2 + here.nodes))
    assert (of_a_cell + 5 * 10**8) // 10**9 == CELLS[name]
    assert here.size == 3 * 5 * of_a_cell**2
    assert cells("nds_darts_fix_w_d").size == cells("nds_darts").size // 15


@pytest.mark.parametrize("name", NDS)
def test_order_and_neighbours(name: str) -> None:
    here, rng = cells(name), Random(1)
    for index in [0, 1, here.size - 1, *(rng.randrange(here.size) for _ in range(20))]:
        key = here.key(index)
        assert here.index(key) == index
        found = here.neighbours(key)
        assert len(set(found)) == len(found) == sum(len(values) - 1 for values in here.choices)
        values = here.decode(key)
        assert all(sum(a != b for a, b in zip(values, here.decode(other))) == 1 for other in found)
        assert {here.mutate(key, rng) for _ in range(5)} <= set(found)
        assert all(here.mutate(key, rng, "cells").split()[:2] == key.split()[:2] for _ in range(5))
    for wrong in (-1, here.size):
        with pytest.raises(ValueError, match="has the indices 0 to"):
            here.key(wrong)


def test_a_small_space_is_all_products() -> None:
    one = replace(SMALL, operations=("a",))
    assert len({one.key(index) for index in range(one.size)}) == one.size == 2 * 2**4 * 3**4
    assert SMALL.size == 2 * (2 * 2) ** 4 * (2 * 3) ** 4
    edge, later = list(product("ab", (0, 1))), list(product("ab", (0, 1, 2)))
    assert [SMALL.genotype(SMALL.key(number * 4**2 * 6**2)).normal[-1] for number in range(6)] == later
    assert [SMALL.genotype(SMALL.key(number * 4 * 6**2)).reduce[0] for number in range(4)] == edge


def test_samples_are_uniform() -> None:
    chosen = zip(*map(cells("nds_enas").decode, drawn("nds_enas", 3_000)))
    for found, values in zip(chosen, cells("nds_enas").choices):
        counts = Counter(found)
        assert chisquare([counts[value] for value in values]).pvalue > 1e-4


@pytest.mark.parametrize(("rule", "first"), [("one", 0), ("cells", 2)])
def test_mutations_are_uniform(rule: str, first: int) -> None:
    here, rng = cells("nds_darts"), Random(3)
    key = here.sample(rng)
    before, counts = here.decode(key), Counter[tuple[int, object]]()
    for _ in range(6_000):
        after = here.decode(here.mutate(key, rng, rule))
        (place,) = (place for place, value in enumerate(after) if value != before[place])
        counts[place, after[place]] += 1
    open_ = range(first, len(before))
    ways = {(p, value): len(here.choices[p]) - 1 for p in open_ for value in here.choices[p] if value != before[p]}
    assert set(counts) <= set(ways)
    expected = [6_000 / len(open_) / number for number in ways.values()]
    assert chisquare([counts[way] for way in ways], expected).pvalue > 1e-4


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="use 'one' or 'cells'"):
        space("nds_enas").mutate(space("nds_enas").key(0), Random(0), "edge")


@given(st.integers(0, cells("nds_nasnet").size - 1), st.randoms())
def test_canonical_keys_are_those_with_a_nodes_edges_in_order(index: int, rng: Random) -> None:
    here = cells("nds_nasnet")
    key = here.key(index)
    found = here.canonical(key)
    assert here.canonical(found) == found
    nodes = key.replace(" reduce ", "+").replace(" normal ", "+").split("+")
    swapped = ["|{2}|{1}|".format(*n.split("|")) if n.startswith("|") and rng.random() < 0.5 else n for n in nodes]
    half = 1 + here.nodes
    other = f"{swapped[0]} normal {'+'.join(swapped[1:half])} reduce {'+'.join(swapped[half:])}"
    assert here.canonical(other) == found
    assert here.parameters(other) == here.parameters(found)


def test_keys_are_read_as_they_are_written() -> None:
    found = keys.parse(KEY)
    assert keys.format(found) == KEY
    assert (found.width, found.depth) == (16, 8)
    assert found.normal == (("a", 0), ("b", 1), ("c", 2), ("d", 0))
    assert found.joined("normal", True) == (3,) and found.joined("reduce", True) == (2, 3)
    with pytest.raises(ValueError, match="needs the genotype's width and depth"):
        keys.format(keys.Genotype(found.normal, found.reduce))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("C16 ", "", "expected 'C<channels>"),
        ("C16", "C0", "expected 'C<channels>"),
        ("C16", "C016", "expected 'C<channels>"),
        ("C16", "C1\u0666", "expected 'C<channels>"),
        ("|a~0|b~1|", "|a~0|b~1\u0660|", "expected an edge"),
        (" reduce", "\nreduce", "expected 'C<channels>"),
        ("L8", "L2", "at least 3 cells, found 2"),
        ("|a~0|b~1|", "|a~0|b~2|", "normal: an edge comes from place 2"),
        ("|a~0|b~1|", "|a~0|", "expected a node"),
        ("|a~0|b~1|", "|a~0|b~01|", "expected an edge"),
        ("|a~0|b~1|+", "|a~0|b|+", "expected an edge"),
        ("+|b~0", "|b~0", "expected a node"),
    ],
)
def test_what_is_no_key_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        keys.parse(KEY.replace(old, new))


def test_keys_of_other_spaces_are_refused() -> None:
    (darts,), (nasnet,) = drawn("nds_darts", 1), drawn("nds_nasnet", 1)
    for call in (space("nds_enas").index, space("nds_enas").neighbours, space("nds_enas").canonical):
        with pytest.raises(ValueError, match="a cell of nds_enas has 5 nodes, normal 4"):
            call(darts)
    with pytest.raises(ValueError, match="unknown operation"):
        space("nds_enas").index(nasnet.replace("skip_connect", "conv_1x1"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_genotypes_are_keys(name: str) -> None:
    home, text, width, depth, parameters = PUBLISHED[name]
    here = cells(home)
    key = here.from_genotype(text, width, depth)
    assert here.to_genotype(key) == text
    assert here.parameters(key) == parameters
    if name == "NASNet-A":
        assert here.key(here.index(key)) == key
    else:
        with pytest.raises(ValueError, match="has no place in nds_"):
            here.index(key)
    assert len(here.neighbours(key)) >= sum(len(values) - 1 for values in here.choices)


HOSTILE = (
    "-" * 9_000 + "1",
    "1" + "+1" * 4_000,
    "a" + ".a" * 4_000,
    "Genotype(normal=" + "[" * 150 + "]" * 150 + ")",
    "x" * 100_000,
    "Genotype(normal=range(-1000000000000, 2), normal_concat=[2], reduce=[], reduce_concat=[2])",
    "Genotype(normal=range(), normal_concat=[2], reduce=[], reduce_concat=[2])",
    "Genotype(normal=range(0, 5, 10**9), normal_concat=[2], reduce=[], reduce_concat=[2])",
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_texts_that_would_fill_the_memory_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a genotype with normal, normal_concat, reduce, reduce_concat"):
        cells("nds_darts").from_genotype(text, 16, 20)


def test_a_field_twice_is_refused() -> None:
    text = cells("nds_darts").to_genotype(drawn("nds_darts", 1)[0])
    with pytest.raises(ValueError, match="normal_concat twice"):
        cells("nds_darts").from_genotype(text[:-1] + ", normal_concat=[2, 3, 4, 5])", 16, 20)


def test_genotypes_are_read_with_a_range_and_from_json() -> None:
    here = cells("nds_darts")
    key = here.from_genotype(DARTS_V2, 36, 20)
    assert here.from_genotype(DARTS_V2.replace("[2, 3, 4, 5]", "range(2, 6)"), 36, 20) == key
    fields = {"normal_concat": [5, 4, 3, 2], "reduce_concat": [2, 3, 4, 5]}
    edges = {cell: [list(edge) for edge in here.genotype(key).edges(cell)] for cell in ("normal", "reduce")}
    assert here.from_genotype({**fields, **edges}, 36, 20) == key


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Genotype(", "[], (", "expected a genotype with"),
        (DARTS_V2, "[1, 2]", "no call of Genotype"),
        ("reduce_concat=[2, 3, 4, 5]", "", "'reduce_concat'"),
        ("('skip_connect', 0)", "('skip_connect', 0.5)", "a place is 0.5"),
        ("('skip_connect', 0)", "('skip_connect',)", "expected a genotype with"),
        ("('skip_connect', 0)", "('skip_connect', __import__('os'))", "expected a genotype with"),
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=range(2, 10**9)", "expected a genotype with"),
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=range(2, 1000000)", "places up to 1000000"),
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=[3, 4, 5]", "concatenates"),
        ("skip_connect", "conv_3x3", "unknown operation 'conv_3x3'"),
    ],
)
def test_what_is_no_genotype_of_the_space_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("*", r"\*")):
        cells("nds_darts").from_genotype(DARTS_V2.replace(old, new, 1), 36, 20)
