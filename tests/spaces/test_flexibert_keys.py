"""Keys of FlexiBERT's encoders: text, order, drawing, what is one change away."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naslib_zc_plugin.spaces import Space, list_spaces, space
from naslib_zc_plugin.spaces.flexibert import SPACE, keys
from naslib_zc_plugin.spaces.flexibert.keys import Architecture, Layer

EXAMPLE = "256|SA-WMA-4-1024x3|LT-DCT-2-512x1"
layers = st.builds(Layer, *map(st.sampled_from, keys.CHOICES.values()))
architectures = st.builds(
    Architecture,
    st.sampled_from(keys.HIDDEN_SIZES),
    st.sampled_from(keys.DEPTHS).flatmap(lambda depth: st.tuples(*[layers] * depth)),
)


def test_the_space_is_found_by_name() -> None:
    assert "flexibert" in list_spaces() and space("flexibert") is SPACE and isinstance(SPACE, Space)
    assert SPACE.size == 2 * (48**2 + 48**4) == 10_621_440


def test_keys_need_no_torch() -> None:
    code = (
        "import random, sys; from naslib_zc_plugin.spaces import space; s = space('flexibert');"
        "r = random.Random(0); k = s.sample(r); s.neighbours(s.canonical(k)); s.mutate(k, r); s.index(k);"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[2])


@given(architectures)
def test_text_order_and_architecture_name_each_other(architecture: Architecture) -> None:
    key = keys.format(architecture)
    assert keys.parse(key) == architecture and SPACE.canonical(key) == key
    assert SPACE.key(SPACE.index(key)) == key and 0 <= SPACE.index(key) < SPACE.size


def test_the_order_is_a_numbering() -> None:
    short = [SPACE.key(index) for index in range(2 * 48**2)]
    assert len(set(short)) == len(short) and {len(keys.parse(key).layers) for key in short} == {2}
    ends = [2 * 48**2, SPACE.size // 2, SPACE.size - 1]
    assert [SPACE.index(SPACE.key(index)) for index in ends] == ends
    for outside in (-1, SPACE.size):
        with pytest.raises(ValueError, match="flexibert has the indices 0 to 10621439"):
            SPACE.key(outside)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "begin with the hidden size, one of 128, 256"),
        ("512" + EXAMPLE[3:], "found '512'"),
        (EXAMPLE + "|SA-SDP-2-512x1", "expected 2, 4 layers.*found 3"),
        (EXAMPLE.replace("512x1", "512"), "expected a layer such as.*found 'LT-DCT-2-512'"),
        (EXAMPLE.replace("DCT", "SDP"), "no operation 'LT-SDP'; there is SA-SDP, SA-WMA"),
        (EXAMPLE.replace("-4-", "-3-"), "no heads 3; there is 2, 4"),
        (EXAMPLE.replace("512", "768"), "no width 768"),
        (EXAMPLE.replace("x3", "x2"), "no count 2"),
        (EXAMPLE + " ", "expected a layer"),
        (EXAMPLE.replace("-4-", "-\u0664-"), "expected a layer"),
        (EXAMPLE.replace("-4-", "-04-"), "expected a layer"),
        (EXAMPLE.replace("-4-", f"-{'4' * 5_000}-"), "expected a layer"),
    ],
)
def test_a_malformed_key_is_told_its_fault(text: str, fault: str) -> None:
    for use in (keys.parse, SPACE.canonical, SPACE.neighbours, SPACE.index, SPACE.build):
        with pytest.raises(ValueError, match=fault):
            use(text)


def test_a_dictionary_that_is_no_layer_is_told_its_fault() -> None:
    layer = {"operation_type": "DSC", "operation_parameter": 5, "num_operation_heads": 2, "feed_forward_dimension": 512}
    with pytest.raises(ValueError, match="is no layer: 'num_feed_forward' is missing"):
        SPACE.of_layers(128, [layer, layer])
    whole = {**layer, "num_feed_forward": 1}
    assert SPACE.of_layers(128, [whole, whole]) == "128|DSC-5-2-512x1|DSC-5-2-512x1"
    with pytest.raises(ValueError, match="no operation 'DSC-7'"):
        SPACE.of_layers(128, [{**whole, "operation_parameter": 7}, whole])


def distance(left: Architecture, right: Architecture) -> int:
    """Choices in which they differ, layers of a further depth counted as one."""
    pairs = zip(left.layers, right.layers)
    within: int = sum(getattr(a, name) != getattr(b, name) for a, b in pairs for name in keys.CHOICES)
    return (left.hidden != right.hidden) + (len(left.layers) != len(right.layers)) + within


@settings(max_examples=15)
@given(architectures, st.integers(0, 1_000))
def test_neighbours_are_one_change_away_and_mutations_are_neighbours(architecture: Architecture, seed: int) -> None:
    key = keys.format(architecture)
    neighbours = SPACE.neighbours(key)
    assert len(neighbours) == len(set(neighbours)) == (34 if len(architecture.layers) == 4 else 2_321)
    other = Random(seed).choice(neighbours)
    assert distance(architecture, keys.parse(other)) == 1 and key in SPACE.neighbours(other)
    assert SPACE.mutate(key, Random(seed)) in neighbours
    with pytest.raises(ValueError, match="unknown mutation rule 'edge'"):
        SPACE.mutate(key, Random(seed), "edge")


def test_mutations_draw_every_choice_alike() -> None:
    rng, found = Random(0), Counter[str]()
    parent = keys.parse(EXAMPLE)
    for _ in range(5_000):
        child = keys.parse(SPACE.mutate(EXAMPLE, rng))
        found["hidden"] += child.hidden != parent.hidden
        found["depth"] += len(child.layers) != 2
        for place, (a, b) in enumerate(zip(parent.layers, child.layers)):
            found.update(f"{name}{place}" for name in keys.CHOICES if getattr(a, name) != getattr(b, name))
    assert len(found) == 10 and all(abs(count - 500) < 5 * 450**0.5 for count in found.values())  # 5 sigma


def test_drawing_as_the_makers_did_gives_their_architectures(shared: Path) -> None:
    draw = Random(0)
    with gzip.open(shared / "data/flexibert/architectures.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            assert SPACE.of_layers(row["hidden_size"], row["layers"]) == SPACE.sample(draw)


def test_both_depths_are_equally_likely() -> None:
    rng = Random(3)
    depths = Counter(len(keys.parse(SPACE.sample(rng)).layers) for _ in range(1_000))
    assert abs(depths[2] - 500) < 80
