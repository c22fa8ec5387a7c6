"""NAS-Bench-301: keys as NASLib's specs, their order and changes, and networks."""

from __future__ import annotations

from collections import Counter
from math import prod
from random import Random

import pytest
import torch
from scipy.stats import chisquare

from naslib_zc_plugin.spaces import nasbench301, space
from naslib_zc_plugin.spaces.nasbench301 import SPACE
from naslib_zc_plugin.spaces.nds.keys import Genotype, count_parameters
from tests.spaces.nds import DARTS_V2

CELL = "((0, 3), (1, 3), (0, 3), (1, 3), (1, 3), (0, 2), (0, 2), (2, 5))"
KEY = f"({CELL}, ((0, 0), (1, 0), (2, 2), (1, 0), (0, 0), (2, 2), (2, 2), (1, 0)))"


def test_the_space_is_there_and_counted() -> None:
    assert space("nasbench301") is SPACE
    assert SPACE.size == prod(places * (places - 1) * 7**2 for places in range(2, 6)) ** 2
    # "over 10^18 architectures": those whose nodes' edges are in order.
    assert 1e18 < SPACE.size / 2**8 < 1.1e18


def test_order_neighbours_and_mutations() -> None:
    rng = Random(0)
    for index in [0, SPACE.size - 1, *(rng.randrange(SPACE.size) for _ in range(30))]:
        key = SPACE.key(index)
        assert SPACE.index(key) == index
        spec, found = nasbench301.parse(key), SPACE.neighbours(key)
        # 16 operations; of places, those that neither edge of a node has.
        assert len(set(found)) == len(found) == 16 * 6 + 2 * 2 * sum(places - 2 for places in range(2, 6))
        for other in map(nasbench301.parse, found):
            pairs = [(a, b) for mine, theirs in zip(spec, other) for a, b in zip(mine, theirs) if a != b]
            assert len(pairs) == 1 and sum(a != b for a, b in zip(*pairs[0])) == 1
        assert SPACE.mutate(key, rng) in found
    with pytest.raises(ValueError, match="use 'one'"):
        SPACE.mutate(KEY, rng, "two")


def test_samples_are_uniform() -> None:
    rng, counts = Random(1), Counter[tuple[int, object]]()
    for _ in range(3_000):
        counts.update(enumerate(SPACE.decode(SPACE.sample(rng))))
    for place, values in enumerate(SPACE.choices):
        assert chisquare([counts[place, value] for value in values]).pvalue > 1e-4


def test_mutations_are_uniform() -> None:
    rng, found = Random(2), SPACE.neighbours(KEY)
    counts = Counter(SPACE.mutate(KEY, rng) for _ in range(3_000))
    assert chisquare([counts[key] for key in found]).pvalue > 1e-4


def test_canonical_keys_are_those_with_a_nodes_edges_in_order() -> None:
    rng = Random(3)
    for _ in range(50):
        key = SPACE.sample(rng)
        spec = [list(cell) for cell in nasbench301.parse(key)]
        node, cell = rng.randrange(4), rng.choice(spec)
        cell[2 * node : 2 * node + 2] = reversed(cell[2 * node : 2 * node + 2])
        swapped = str(tuple(map(tuple, spec)))
        assert swapped != key
        found = SPACE.canonical(key)
        assert SPACE.canonical(swapped) == found == SPACE.canonical(found)
        nodes = [cell[first : first + 2] for cell in nasbench301.parse(found) for first in range(0, 8, 2)]
        assert all(first[0] < second[0] for first, second in nodes)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "not a key of nasbench301"),
        ("((0, 3), (1, 3))", "two cells of 8 pairs"),
        (KEY.replace(" ", ""), "it would be"),
        (KEY.replace("(0, 3)", "(0, True)", 1), "it would be"),
        (KEY.replace("(0, 3)", "(0, 3.0)", 1), "it would be"),
        (KEY.replace("(0, 3)", "[0, 3]", 1), "it would be"),
        (KEY.replace("(0, 3)", "(0, 7)", 1), "an operation below 7"),
        (KEY.replace("(0, 3)", "(2, 3)", 1), "an input below 2"),
        (KEY.replace("(0, 3)", "(1, 3)", 1), "both inputs of node 2 are 1"),
        (KEY.replace("(0, 3)", "(0, print())", 1), "not a key of nasbench301"),
        ("(" * 500, "not a key of nasbench301"),
    ],
)
def test_what_is_no_key_is_refused(key: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SPACE.index(key)


def test_genotypes_there_and_back() -> None:
    assert str(nasbench301.from_genotype(DARTS_V2)) == KEY
    assert nasbench301.to_genotype(nasbench301.parse(KEY)) == DARTS_V2
    # DARTS' log has the nodes to concatenate as a range.
    assert str(nasbench301.from_genotype(DARTS_V2.replace("[2, 3, 4, 5]", "range(2, 6)"))) == KEY


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "expected a genotype with"),
        ("Genotype", "expected a genotype with"),
        ("Genotype(normal=[])", "expected a genotype with"),
        (DARTS_V2.replace("dil_conv_3x3", "none"), "unknown operation 'none'"),
        (DARTS_V2.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=[2, 3]"), "concatenates"),
        (DARTS_V2.replace("'dil_conv_3x3', 2", "'dil_conv_3x3', 5"), "pair 7 is"),
        (DARTS_V2.replace("3x3', 1), ('skip_connect', 0)", "3x3', 0), ('skip_connect', 0)"), "both"),
        (DARTS_V2.replace("[('max_pool_3x3', 0)", "[__import__('os')"), "expected a genotype with"),
    ],
)
def test_a_text_that_is_no_genotype(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        nasbench301.from_genotype(text)


def test_networks_have_the_parameters_counted_and_none_is_idle() -> None:
    ends = dict.fromkeys(("normal", "reduce"), 4)
    for number, (C, N) in enumerate(((4, 8), (3, 4))):
        key = SPACE.sample(Random(number))
        net = SPACE.build(key, C=C, N=N, num_classes=7)
        logits = net(torch.randn(2, 3, 16, 16))
        assert logits.shape == (2, 7)
        sizes = [each.numel() for each in net.parameters()]
        assert sum(sizes) == count_parameters(
            Genotype(**nasbench301.named_edges(nasbench301.parse(key)), width=C, depth=N), ends, 7
        )
        assert all(each is not None for each in torch.autograd.grad(logits.sum(), list(net.parameters())))
    # The network that DARTS trains of its second order cell.
    with torch.device("meta"):
        assert sum(each.numel() for each in SPACE.build(KEY, C=36, N=20).parameters()) == 3_349_342
