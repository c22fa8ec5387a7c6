"""Keys of NNI's samples, and its model spaces as domains."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.spaces.nds.keys import Genotype
from naslib_zc_plugin.strategies import Exhausted, strategy
from tests.hosts.nni import made
from tests.hosts.nni.needs import needs

zc = needs("naslib_zc_plugin.hosts.nni")
samples = needs("naslib_zc_plugin.hosts.nni.samples")
pytorch = needs("nni.nas.nn.pytorch")
nni = needs("nni")

CELLS = ["DARTS", "ENAS", "PNAS", "NASNet", "AmoebaNet"]
# The README of NAS-Bench-101.
MATRIX = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
OPERATIONS = (
    "input",
    "conv1x1-bn-relu",
    "conv3x3-bn-relu",
    "conv3x3-bn-relu",
    "conv3x3-bn-relu",
    "maxpool3x3",
    "output",
)


def own_space() -> Any:
    """A user's model space, with choices of all kinds."""
    from torch import nn

    class Own(pytorch.ModelSpace):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = pytorch.LayerChoice({"wide": nn.Conv2d(3, 4, 3), "narrow": nn.Conv2d(3, 4, 1)}, label="layer")
            self.pad = nni.choice("pad", [(1, 1), (2, 2), (0, 1)])
            self.rate = nni.choice("rate", [0.5, 1])
            self.add_mutable(self.pad)
            self.drop = pytorch.MutableDropout(self.rate)

        def forward(self, x: Any) -> Any:
            return self.drop(self.layer(x)).mean((2, 3))

    return Own()


def test_all_architectures_of_nasbench201_round_trip() -> None:
    keys = [SPACE.key(index) for index in range(SPACE.size)]
    found = [samples.sample201(key) for key in keys]
    assert [zc.key_of(sample) for sample in found] == keys
    assert len({json.dumps(sample) for sample in found}) == SPACE.size
    bare = samples.sample201(keys[7], prefix="")
    assert bare["0_1"] == found[7]["cell/0_1"]
    assert zc.key_of(bare) == keys[7]


def test_operations_of_nasbench201_are_not_mixed_up() -> None:
    key = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"
    assert samples.sample201(key) == {
        "cell/0_1": "conv_3x3",
        "cell/0_2": "none",
        "cell/1_2": "conv_1x1",
        "cell/0_3": "skip_connect",
        "cell/1_3": "avg_pool_3x3",
        "cell/2_3": "conv_3x3",
    }
    with pytest.raises(ValueError, match="no operation of NAS-Bench-201 on edge cell/0_2, found 'conv_5x5'"):
        zc.key_of({**samples.sample201(key), "cell/0_2": "conv_5x5"})


def test_cells_of_nasbench101_round_trip() -> None:
    sample = samples.sample101(MATRIX, OPERATIONS)
    assert sample["cell/input6"] == [1, 2, 4, 5]
    matrix, operations = samples.cell101(sample)
    assert np.array_equal(matrix, MATRIX)
    assert operations == OPERATIONS
    domain = zc.domain(made.space("NasBench101"))
    assert samples.cell101(domain.to_sample(zc.key_of(sample))) == (matrix, operations)
    rng = Random(0)
    for _ in range(50):
        cell = samples.cell101(domain.to_sample(domain.sample(rng)))
        assert samples.cell101(samples.sample101(*cell)) == cell


@pytest.mark.parametrize(
    ("matrix", "operations", "message"),
    [
        ([[0, 1]], ["input", "output"], "matrix of 2 × 2"),
        ([[0, 1], [1, 0]], ["input", "output"], "later vertices"),
        ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv5x5", "output"], "unknown operation 'conv5x5'"),
    ],
)
def test_what_is_no_cell_of_nasbench101_is_refused(matrix: Any, operations: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        samples.sample101(matrix, operations)


@pytest.mark.parametrize("nodes", ["7", None, 3.0])
def test_a_number_of_nodes_that_is_none_is_refused(nodes: Any) -> None:
    with pytest.raises(ValueError, match=f"cell/num_nodes is {nodes!r}, expected a number of nodes"):
        zc.key_of({**samples.sample101(MATRIX, OPERATIONS), "cell/num_nodes": nodes})


def test_what_means_nothing_in_nasbench101_has_no_part_in_the_key() -> None:
    small = samples.sample101([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ("input", "maxpool3x3", "output"))
    assert zc.key_of({**small, "cell/op4": "maxpool3x3", "cell/input5": [1], "cell/final": {}}) == zc.key_of(small)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("sizes", [{}, {"width": (4, 8), "num_cells": (3, 6)}], ids=["fixed", "open"])
def test_genotypes_round_trip(name: str, sizes: dict[str, Any]) -> None:
    model_space = getattr(needs("nni.nas.hub.pytorch"), name)(**sizes) if sizes else made.space(name)
    domain, rng = zc.domain(model_space), Random(1)
    for _ in range(20):
        sample = domain.to_sample(domain.sample(rng))
        genotype = samples.genotype_of(sample)
        assert samples.sample_of(genotype) == sample
        assert len(genotype.normal) == len(genotype.reduce) == (8 if name == "DARTS" else 10)
        assert (genotype.width is None) == (genotype.depth is None) == (not sizes)
        assert domain.to_sample(zc.key_of(sample)) == sample


def test_a_sample_whose_input_does_not_come_before_its_node_is_refused() -> None:
    edges = (("a", 0), ("b", 1), ("c", 2), ("d", 0))
    sample = samples.sample_of(Genotype(edges, edges))
    with pytest.raises(ValueError, match="not before its node"):
        samples.genotype_of({**sample, "reduce/input_2_1": [2]})
    del sample["normal/op_3_1"]
    with pytest.raises(ValueError, match="the sample has no 'normal/op_3_1'"):
        samples.genotype_of(sample)


@pytest.mark.parametrize("name", [*CELLS, "NasBench101", "MobileNetV3Space", "own"])
def test_mutation_draws_exactly_one_choice_anew(name: str) -> None:
    domain = zc.domain(own_space() if name == "own" else made.space(name))
    rng = Random(2)
    key = domain.sample(rng)
    for _ in range(100):
        before, child = json.loads(key), domain.mutate(key, rng)
        after = json.loads(child)
        changed = [label for label in before if label in after and before[label] != after[label]]
        assert len(changed) == 1
        assert set(before) == set(after) or changed == ["cell/num_nodes"]
        domain.to_sample(child)
        key = child


@pytest.mark.parametrize("name", ["DARTS", "NasBench101", "own"])
def test_neighbours_are_all_that_one_change_reaches(name: str) -> None:
    domain = zc.domain(own_space() if name == "own" else made.space(name))
    rng = Random(3)
    key = domain.sample(rng)
    neighbours = domain.neighbours(key)
    assert len(set(neighbours)) == len(neighbours)
    assert key not in neighbours
    reached = {domain.mutate(key, rng) for _ in range(500)}
    same_size = {each for each in reached if set(json.loads(each)) == set(json.loads(key))}
    assert same_size <= set(neighbours)
    if name == "own":
        assert len(neighbours) == 1 + 2 + 1


def test_draws_depend_on_the_generator_alone() -> None:
    domain = zc.domain(made.space("NasBench101"))
    np.random.seed(5)
    first = [domain.sample(Random(9)) for _ in range(3)]
    np.random.seed(6)
    again = zc.domain(made.space("NasBench101"))
    assert first == [again.sample(Random(9)) for _ in range(3)]


def test_tuples_are_choices_too() -> None:
    domain = zc.domain(own_space())
    pads = {domain.to_sample(domain.sample(Random(seed)))["pad"] for seed in range(30)}
    assert pads == {(1, 1), (2, 2), (0, 1)}


def test_keys_of_another_space_are_refused() -> None:
    domain = zc.domain(made.space("DARTS"))
    for key in ("nonsense", "[]", "{}", '{"normal/op_2_0":"conv"}'):
        with pytest.raises(ValueError, match="of this model space"):
            domain.to_sample(key)
    with pytest.raises(ValueError, match="unknown mutation rule 'node'"):
        domain.mutate(domain.sample(Random(0)), Random(0), "node")


def test_nasbench201_is_our_space() -> None:
    domain = zc.domain(made.space())
    assert domain.size == 15_625
    assert [domain.sample(Random(seed)) for seed in range(9)] == [SPACE.sample(Random(seed)) for seed in range(9)]
    key = SPACE.key(0)
    assert domain.neighbours(key) == SPACE.neighbours(key)
    assert domain.mutate(key, Random(1), "node") == SPACE.mutate(key, Random(1), "node")


# Numbers, constraints, and how many there are --------------------


def small_space(*choices: Any) -> Any:
    return needs("nni.mutable").MutableList(list(choices))


def test_steps_of_a_number_are_listed() -> None:
    """NNI rounds to multiples of the step, and cuts off at the ends."""
    domain = zc.domain(small_space(nni.quniform("a", 1, 3, 0.75), nni.quniform("b", 4, 7, 1), nni.choice("c", "xy")))
    drawn = {domain.sample(Random(seed)) for seed in range(600)}
    assert domain.size == len(drawn) == 4 * 4 * 2
    for key in drawn:
        neighbours = domain.neighbours(key)
        assert len(neighbours) == len(set(neighbours)) == 3 + 3 + 1 and set(neighbours) <= drawn
        domain.to_sample(key)


def test_numbers_without_steps_have_some_neighbours_that_the_key_draws() -> None:
    choices = nni.uniform("rate", 0, 1), nni.loguniform("decay", 1e-5, 1e-1), nni.choice("c", "xyz")
    domain, again = (zc.domain(small_space(*choices)) for _ in range(2))
    key = domain.sample(Random(1))
    neighbours = domain.neighbours(key)
    assert domain.size is None and len(set(neighbours)) == 8 + 8 + 2
    assert neighbours == again.neighbours(key) != domain.neighbours(neighbours[0])
    for other in neighbours:
        assert sum(json.loads(other)[label] != value for label, value in json.loads(key).items()) == 1
        domain.to_sample(other)


def test_a_space_with_constraints_is_counted() -> None:
    mutable = needs("nni.mutable")
    a, b = nni.choice("a", [1, 2, 3]), nni.choice("b", [4, 5, 6, 7])
    odd = mutable.ExpressionConstraint((a + b) % 2 == 1, label="odd")
    assert zc.domain(small_space(a, b)).size == 12
    assert zc.domain(small_space(a, b, odd)).size == 6
    many = [nni.choice(f"c{number}", list(range(20))) for number in range(4)]
    assert zc.domain(small_space(*many)).size == 160_000
    assert zc.domain(small_space(*many, a, b, odd)).size is None
    subsets = mutable.CategoricalMultiple(list(range(30)), label="some")
    assert zc.domain(small_space(subsets)).size == 2**30
    assert len(zc.domain(small_space(subsets)).neighbours(zc.domain(small_space(subsets)).sample(Random(0)))) == 8


def test_a_distinct_search_ends_with_the_last_of_a_space() -> None:
    mutable = needs("nni.mutable")
    a, b = nni.choice("a", [1, 2, 3]), nni.choice("b", [4, 5, 6, 7])
    domain = zc.domain(small_space(a, b, mutable.ExpressionConstraint((a + b) % 2 == 1, label="odd")))
    search = strategy("random_search", domain, distinct=True)
    assert len({search.ask() for _ in range(6)}) == 6
    with pytest.raises(Exhausted, match="all 6 architectures"):
        search.ask()


@pytest.mark.parametrize("kind", ["neighbour", "parent", "children"])
def test_move_among_numbers(kind: str) -> None:
    domain = zc.domain(small_space(nni.uniform("x", 0, 1), nni.quniform("y", 0, 10, 1), nni.choice("z", [0, 1])))

    def worth(key: str) -> float:
        return float(sum(json.loads(key).values()))

    search = strategy("move", domain, score=worth, population=8, sample=4, kind=kind)
    for _ in range(120):
        search.tell(key := search.ask(), worth(key))
    assert search.best is not None and search.best[1] > 11.5
