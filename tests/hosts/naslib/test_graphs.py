"""NASLib's graphs, their specs and keys, and graphs built from keys."""

from __future__ import annotations

import random
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.naslib import made
from tests.hosts.naslib.needs import needs

zc = needs("naslib_zc_plugin.hosts.naslib")
KEY = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"


def states() -> tuple[Any, ...]:
    return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()


def weights(graph: Any) -> dict[str, Any]:
    return {name: value.clone() for name, value in graph.state_dict().items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_every_architecture_of_nasbench201_there_and_back() -> None:
    conversions = needs("naslib.search_spaces.nasbench201.conversions")
    search_space = made.space()
    search_space.instantiate_model = False
    seen = set()
    for numbers in search_space.get_arch_iterator():
        search_space.set_spec(numbers)
        key = zc.key_of(search_space)
        assert key == conversions.convert_op_indices_to_str(numbers)
        assert zc.spec_from(key, search_space) == conversions.convert_str_to_op_indices(key) == numbers
        seen.add(key)
    assert seen == {SPACE.key(index) for index in range(SPACE.size)}


def test_the_operations_on_the_edges_are_those_of_the_key() -> None:
    # NASLib's other conversion reads the graph itself.
    conversions = needs("naslib.search_spaces.nasbench201.conversions")
    for seed in range(4):
        key = SPACE.sample(Random(seed))
        assert conversions.convert_naslib_to_str(zc.build(made.space(), key)) == key


@pytest.mark.parametrize("name", made.SPACES)
def test_numbers_are_plain(name: str) -> None:
    search_space = made.space(name)
    search_space.instantiate_model = False
    api = needs("naslib_zc_plugin.hosts.naslib.tables").rules101() if name == "nasbench101" else None
    search_space.sample_random_architecture(dataset_api=api)
    if "macro" not in name:  # NASLib's mutation of these ends with an error
        search_space.mutate(search_space, dataset_api=api)
    spec = zc.spec_of(search_space)

    def flat(value: Any) -> list[Any]:
        return [each for part in value for each in flat(part)] if isinstance(value, tuple) else [value]

    assert isinstance(spec, tuple) and {type(each) for each in flat(spec)} == {int}
    assert spec == tuple(search_space.get_hash())
    key = zc.key_of(search_space)
    assert "int64" not in key and zc.spec_from(key, search_space) == spec


@pytest.mark.parametrize("name", made.SPACES)
def test_a_graph_without_architecture_has_no_key(name: str) -> None:
    with pytest.raises(ValueError, match=r"has no architecture: give it one by set_spec\(\)"):
        zc.key_of(made.space(name))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("nasbench201", "(2, 1, 0, 3, 4, 2)"),
        ("transbench101_micro", KEY),
        ("transbench101_micro", "(0, 1, 2, 3, 0)"),
        ("transbench101_micro", "(0, 1, 2, 3, 0, 4)"),
        ("transbench101_micro", "[0, 1, 2, 3, 0, 1]"),
        ("transbench101_micro", "(0,1,2,3,0,1)"),
        ("transbench101_micro", "(0, 1, 2, 3, 0, 1.0)"),
        ("transbench101_micro", "__import__('os')"),
        ("transbench101_macro", "(1, 2, 3, 0, 0, 0)"),
        ("transbench101_macro", "(1, 2, 0, 3, 1, 0)"),
        ("transbench101_macro", "(1, 1, 1, 1, 0, 0)"),
        ("nasbench301", "((0, 1), (1, 2))"),
        ("nasbench101", str((0,) * 56)),
        ("nasbench101", "(" * 1000),
    ],
)
def test_a_text_that_is_no_key(name: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"not a key|expected 3 nodes"):
        zc.spec_from(key, name)


def test_a_space_that_has_no_name() -> None:
    with pytest.raises(ValueError, match=r"Graph has no get_type\(\)"):
        zc.space_of(needs("naslib.search_spaces.core.graph").Graph())
    assert zc.space_of(made.space()) == "nasbench201"


def test_weights_depend_on_the_seed_and_the_key_alone() -> None:
    torch.manual_seed(1)
    first, before = made.space(), states()
    graph = zc.build(first, KEY, seed=5)
    assert states() == before
    torch.manual_seed(2)
    second = made.space()  # which has other weights
    np.random.rand(), random.random()
    assert same(weights(graph), weights(zc.build(second, KEY, seed=5)))
    for other in (zc.build(first, KEY, seed=6), zc.build(first, SPACE.neighbours(KEY)[0], seed=5)):
        stem = weights(other)["makrograph-edge(1,2).seq.0.weight"]
        assert not torch.equal(stem, weights(graph)["makrograph-edge(1,2).seq.0.weight"])


def test_without_a_seed_it_is_naslibs_own_way() -> None:
    search_space = made.space()
    torch.manual_seed(3)
    ours = zc.build(search_space, KEY)
    torch.manual_seed(3)
    theirs = search_space.clone()
    theirs.set_spec((2, 1, 0, 3, 4, 2))
    theirs.parse()
    assert same(weights(ours), weights(theirs))


@pytest.mark.parametrize("name", ["nasbench101", "transbench101_micro original"])
def test_networks_keep_the_initialisation_of_their_own(name: str) -> None:
    """Those that NASLib makes anew are drawn as they are made: torch's own initialisation would give other spreads."""
    search_space = made.space(name)
    key = zc.domain(search_space).sample(Random(0))
    graph = zc.build(search_space, key, seed=0)
    torch.manual_seed(0)
    theirs = search_space.clone()
    theirs.set_spec(zc.spec_from(key, search_space))
    theirs.parse()
    for one, other in zip(graph.parameters(), theirs.parameters()):
        assert one.shape == other.shape
        if one.numel() > 1000:
            assert one.std().item() == pytest.approx(other.std().item(), rel=0.2)


def test_the_search_space_stays_as_it_is() -> None:
    search_space = made.space()
    search_space.instantiate_model = False  # as NASLib's evaluators leave it
    graph = zc.build(search_space, KEY, seed=0)
    assert graph.is_parsed and len(list(graph.parameters())) > 10
    assert search_space.instantiate_model is False and search_space.op_indices is None and not search_space.is_parsed
