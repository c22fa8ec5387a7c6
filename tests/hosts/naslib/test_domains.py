"""NASLib's search spaces as domains of strategies."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import Exhausted, strategy
from tests.hosts.naslib import made
from tests.hosts.naslib.needs import needs

zc = needs("naslib_zc_plugin.hosts.naslib")
OTHERS = [name for name in made.SPACES if name != "nasbench201"]
seeds = st.integers(0, 2**63)
quick = settings(max_examples=2, deadline=None)


@cache
def space(name: str) -> Any:
    return made.space(name)


@cache
def domain(name: str) -> Any:
    return zc.domain(space(name))


def test_nasbench201_is_our_own_space() -> None:
    assert zc.domain(space("nasbench201")) is SPACE


@pytest.mark.parametrize("name", made.SPACES)
@given(seed=seeds)
@quick
def test_what_is_drawn_is_a_network_of_that_key(name: str, seed: int) -> None:
    rng = Random(seed)
    key = domain(name).mutate(domain(name).sample(rng), rng)
    graph = zc.build(space(name), key, seed=seed)
    assert zc.key_of(graph) == key
    logits = graph(torch.zeros(2, 3, 32, 32) + torch.linspace(0, 1, 32))
    logits.square().sum().backward()
    assert len(logits) == 2 and bool(torch.isfinite(logits).all())
    assert any(each.grad is not None for each in graph.parameters())


@pytest.mark.parametrize("name", OTHERS)
@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_mutation_is_another_key_of_the_space(name: str, seed: int) -> None:
    key = domain(name).sample(Random(seed))
    after = domain(name).mutate(key, Random(seed))
    assert after != key
    for each in (key, after):
        assert str(zc.spec_from(each, space(name))) == each


@pytest.mark.parametrize("name", OTHERS)
def test_draws_depend_on_the_given_generator_alone(name: str) -> None:
    def drawn() -> list[str]:
        rng = Random(7)
        keys = [domain(name).sample(rng) for _ in range(5)]
        return [*keys, *(domain(name).mutate(key, rng) for key in keys)]

    first = drawn()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    before = random.random(), np.random.rand(), torch.rand(1)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    assert drawn() == first and len(set(first)) > 5
    assert (random.random(), np.random.rand(), torch.rand(1)) == before


@pytest.mark.parametrize("name", ["transbench101_micro", "nasbench301"])
def test_the_distribution_is_naslibs(name: str) -> None:
    """The first number of many draws, by NASLib itself and by the domain: no rarer and no commoner."""
    theirs = made.space(name)
    theirs.instantiate_model = False
    np.random.seed(0)
    found: list[Counter[Any]] = [Counter(), Counter()]
    rng = Random(0)
    for _ in range(300):
        theirs.sample_random_architecture()
        found[0][str(zc.spec_of(theirs)[0])[:8]] += 1
        found[1][str(zc.spec_from(domain(name).sample(rng), name)[0])[:8]] += 1
    for value in found[0] | found[1]:
        assert abs(found[0][value] - found[1][value]) < 6 * max(found[0][value], found[1][value], 4) ** 0.5


def theirs_around(name: str, key: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """NASLib's own neighbourhood, which it would build all networks of."""
    graph = made.space(name)
    module = needs(type(graph).__module__)
    monkeypatch.setattr(module, "convert_spec_to_model", lambda spec: None, raising=False)
    monkeypatch.setattr(module, "convert_op_indices_micro_to_model", lambda numbers, task: None, raising=False)
    graph.instantiate_model = False
    graph.set_spec(zc.spec_from(key, name.split()[0]))
    api = needs("naslib_zc_plugin.hosts.naslib.tables").rules101()
    return {zc.key_of(each.arch) for each in graph.get_nbhd(dataset_api=api)}


@pytest.mark.parametrize("name", ["nasbench101", "transbench101_micro"])
def test_neighbours_are_naslibs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(5):
        key = domain(name).sample(Random(seed))
        found = domain(name).neighbours(key)
        assert len(set(found)) == len(found) and key not in found
        assert set(found) == theirs_around(name, key, monkeypatch)


def test_neighbours_of_nasbench301_differ_in_one_number() -> None:
    def numbers(key: str) -> np.ndarray[Any, Any]:
        return np.array(zc.spec_from(key, "nasbench301"))

    key = domain("nasbench301").sample(Random(0))
    found = domain("nasbench301").neighbours(key)
    # 16 pairs × 6 other operations; the nodes have 2 to 5 inputs, two of which are taken, two pairs each, two cells.
    assert len(set(found)) == len(found) == 16 * 6 + 2 * 2 * (0 + 1 + 2 + 3)
    assert all((numbers(key) != numbers(each)).sum() == 1 for each in found)


def test_what_a_domain_does_not_have() -> None:
    key = domain("transbench101_macro").sample(Random(0))
    with pytest.raises(ValueError, match="cannot be listed"):
        domain("transbench101_macro").neighbours(key)
    with pytest.raises(ValueError, match="unknown mutation rule 'edge'; nasbench301 has 'naslib'"):
        domain("nasbench301").mutate(domain("nasbench301").sample(Random(0)), Random(0), "edge")
    with pytest.raises(ValueError, match="not a key of nasbench301"):
        domain("nasbench301").mutate(key, Random(0))
    with pytest.raises(ValueError, match=r"asr cannot be searched by key: NASLib gives it no set_spec\(\)"):
        zc.domain(speech())


def speech() -> Any:
    """NASLib's space of speech recognition, without the seconds that making it takes."""
    kind = needs("naslib.search_spaces").NasBenchASRSearchSpace
    return type("Speech", (kind,), {"__init__": lambda self: None})()


def test_a_space_whose_mutation_changes_nothing() -> None:
    still = made.space("transbench101_micro")
    still.mutate = lambda parent, dataset_api: None
    with pytest.raises(Exhausted, match="changed nothing"):
        zc.domain(still).mutate("(0, 1, 2, 3, 0, 1)", Random(0))


@pytest.mark.parametrize("name", ["nasbench101", "nasbench301", "transbench101_micro", "transbench101_macro"])
def test_strategies_search_it(name: str) -> None:
    """Ageing evolution finds better than chance: as many of the largest number as can be."""

    def worth(key: str) -> float:
        return float(sum(map(int, filter(str.isdigit, key))))

    search = strategy("aging_evolution", domain(name), population=10, sample=5, seed=0)
    for _ in range(80):
        key = search.ask()
        search.tell(key, worth(key))
    assert search.best is not None
    rng = Random(0)
    assert search.best[1] >= max(worth(domain(name).sample(rng)) for _ in range(10))


def test_what_naslib_cannot_mutate_is_mutated_as_it_means_to() -> None:
    def facts(key: str) -> tuple[int, int, int]:
        kinds = [kind for kind in zc.spec_from(key, "transbench101_macro") if kind]
        return len(kinds), sum(kind in (3, 4) for kind in kinds), sum(kind in (2, 4) for kind in kinds)

    rng, key, changed = Random(0), domain("transbench101_macro").sample(Random(1)), Counter[int]()
    for _ in range(300):
        after = domain("transbench101_macro").mutate(key, rng)
        differing = [place for place, (a, b) in enumerate(zip(facts(key), facts(after))) if a != b]
        assert len(differing) == 1
        changed[differing[0]] += 1
        key = after
    assert min(changed[place] for place in range(3)) > 60
