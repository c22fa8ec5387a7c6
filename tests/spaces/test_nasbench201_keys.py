"""Keys of NAS-Bench-201: text, official order, neighbours, mutation, classes of equal networks."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.spaces import Space, list_spaces, space
from naslib_zc_plugin.spaces.nasbench201 import EDGES, OPERATIONS, SPACE, keys

cells = st.tuples(*[st.sampled_from(OPERATIONS)] * 6)
EXAMPLE = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"


def accuracies(*columns: str) -> Any:
    pandas = pytest.importorskip("pandas")
    path = Path(__file__).resolve().parents[3] / "shared/data/nasbench201/accuracies.parquet"
    if not path.exists():
        pytest.skip("the benchmark's table is not at hand")
    return pandas.read_parquet(path, columns=list(columns))


def test_the_space_is_found_by_name() -> None:
    assert "nasbench201" in list_spaces()
    found = space("nasbench201")
    assert found is SPACE
    assert isinstance(found, Space)
    assert (found.name, found.size) == ("nasbench201", 15_625)
    with pytest.raises(ValueError, match="unknown search space 'nasbench-201'; did you mean nasbench201"):
        space("nasbench-201")


def test_keys_need_no_torch() -> None:
    code = (
        "import random, sys; from naslib_zc_plugin.spaces import space; s = space('nasbench201');"
        "r = random.Random(0); k = s.sample(r); s.neighbours(s.canonical(k)); s.mutate(k, r); s.index(k);"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    repository = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=repository)


def test_an_example_is_parsed_edge_by_edge() -> None:
    expected = ("nor_conv_3x3", "none", "nor_conv_1x1", "skip_connect", "avg_pool_3x3", "nor_conv_3x3")
    assert keys.parse(EXAMPLE) == expected


def test_naslibs_numbers_name_every_key() -> None:
    assert keys.to_naslib(EXAMPLE) == (2, 1, 0, 3, 4, 2) and SPACE.naslib_key(EXAMPLE) == "(2, 1, 0, 3, 4, 2)"
    every = [SPACE.key(index) for index in range(SPACE.size)]
    assert [keys.from_naslib(keys.to_naslib(key)) for key in every] == every
    assert len({keys.to_naslib(key) for key in every}) == SPACE.size


@pytest.mark.parametrize("numbers", [(), (0,) * 5, (0,) * 7, (0, 0, 0, 0, 0, 5), (0, -1, 0, 0, 0, 0), "001122"])
def test_other_numbers_are_none_of_naslibs(numbers: Any) -> None:
    with pytest.raises(ValueError, match="6 numbers from 0 to 4"):
        keys.from_naslib(numbers)


@given(cells)
def test_format_and_parse_are_inverse(operations: tuple[str, ...]) -> None:
    assert keys.parse(keys.format(operations)) == operations


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "3 nodes joined by '\\+', found 1"),
        ("|none~0|+|none~0|none~1|", "3 nodes joined by '\\+', found 2"),
        (EXAMPLE.replace("|+|none", "+|none"), "node 1 must begin and end"),
        ("|none~0|+|none~0|+|none~0|none~1|none~2|", "node 2 has 2 incoming edge"),
        (EXAMPLE.replace("1x1", "5x5"), "unknown operation 'nor_conv_5x5'; known: none, skip_connect"),
        (EXAMPLE.replace("pool_3x3~1", "pool_3x3~0"), "expected 'avg_pool_3x3~1' into node 3"),
        (EXAMPLE.replace("skip_connect~0", "skip_connect"), "expected 'skip_connect~0'"),
        (EXAMPLE + " ", "node 3 must begin and end"),
    ],
)
def test_a_malformed_key_is_told_its_fault(text: str, fault: str) -> None:
    for use in (keys.parse, SPACE.canonical, SPACE.neighbours, SPACE.index, SPACE.build):
        with pytest.raises(ValueError, match=fault):
            use(text)


def test_format_refuses_other_cells() -> None:
    with pytest.raises(ValueError, match="6 operations, found 5"):
        keys.format(["none"] * 5)
    with pytest.raises(ValueError, match="unknown operation 'sep_conv'"):
        keys.format(["none"] * 5 + ["sep_conv"])


def test_the_official_order_has_its_known_places() -> None:
    everything = [SPACE.key(index) for index in range(SPACE.size)]
    assert len(set(everything)) == 15_625
    assert [SPACE.index(key) for key in everything] == list(range(15_625))
    assert everything[0] == (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    assert everything[6111] == (
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    )
    for outside in (-1, 15_625):
        with pytest.raises(ValueError, match="0 to 15624"):
            SPACE.key(outside)


def test_the_official_order_is_that_of_the_benchmark() -> None:
    table = accuracies("index", "arch_str")
    assert [SPACE.key(index) for index in table["index"]] == table["arch_str"].tolist()


def distance(left: str, right: str) -> int:
    return sum(a != b for a, b in zip(keys.parse(left), keys.parse(right)))


@given(cells)
def test_neighbours_are_the_keys_at_distance_one(operations: tuple[str, ...]) -> None:
    key = keys.format(operations)
    neighbours = SPACE.neighbours(key)
    assert len(neighbours) == len(set(neighbours)) == 24
    assert all(distance(key, other) == 1 and key in SPACE.neighbours(other) for other in neighbours)


def test_samples_are_uniform_on_every_edge_and_repeatable() -> None:
    rng = Random(0)
    drawn = [SPACE.sample(rng) for _ in range(5_000)]
    for edge in range(6):
        counts = Counter(keys.parse(key)[edge] for key in drawn)
        assert all(abs(counts[operation] - 1_000) < 5 * 800**0.5 for operation in OPERATIONS)  # 5 sigma
    assert len(set(drawn)) > 4_000
    rng = Random(0)
    assert drawn == [SPACE.sample(rng) for _ in range(5_000)]


@pytest.mark.parametrize(
    ("rule", "probabilities"),
    [("edge", [1 / 6] * 6), ("node", [1 / 3, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9])],
)
def test_mutation_has_the_published_distribution(rule: str, probabilities: list[float]) -> None:
    rng, draws = Random(1), 12_000
    counts = Counter(SPACE.mutate(EXAMPLE, rng, rule=rule) for _ in range(draws))
    for position, neighbour in enumerate(SPACE.neighbours(EXAMPLE)):
        p = probabilities[position // 4] / 4
        assert abs(counts.pop(neighbour, 0) - draws * p) < 5 * (draws * p * (1 - p)) ** 0.5
    assert not counts


def test_an_unknown_mutation_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown mutation rule 'swap'; use 'edge' or 'node'"):
        SPACE.mutate(EXAMPLE, Random(0), rule="swap")


def relabelled(key: str) -> str | None:
    """Slow oracle: exchange nodes 1 and 2 in the edge list; None if an operation would run backwards."""
    exchange = {0: 0, 1: 2, 2: 1, 3: 3}
    cell = dict.fromkeys(EDGES, "none")
    for (source, target), operation in zip(EDGES, keys.parse(key)):
        if operation != "none":
            edge = exchange[source], exchange[target]
            if edge not in cell:
                return None
            cell[edge] = operation
    return keys.format(list(cell.values()))


def test_classes_are_the_orbits_of_relabelling() -> None:
    everything = [SPACE.key(index) for index in range(SPACE.size)]
    sizes = Counter(map(SPACE.canonical, everything))
    assert len(sizes) == 14_125
    assert Counter(sizes.values()) == {1: 12_625, 2: 1_500}
    for key in everything:
        image = relabelled(key)
        representative = SPACE.canonical(key)
        assert representative in (key, image)
        assert SPACE.canonical(representative) == representative
        assert image is None or SPACE.canonical(image) == representative


def test_classes_are_finer_than_the_benchmarks() -> None:
    table = accuracies("arch_str", "unique_str", "cifar10_params_M")
    table["class"] = table["arch_str"].map(SPACE.canonical)
    assert (table.groupby("class")["cifar10_params_M"].nunique() == 1).all()
    assert (table.groupby("unique_str")["cifar10_params_M"].nunique() > 1).sum() == 578
