"""The plan: every prefix of the order is a fair sample, and walking it needs no memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.campaign.plan import chunks, count, permuted, stream
from naslib_zc_plugin.spaces import space
from tests.campaign.toy import SIZE, SPACE

BORDERS = sorted({max(1, 4**power + step) for power in range(7) for step in (-1, 0, 1)} | {2, 15_625})


@pytest.mark.parametrize("size", BORDERS)
def test_a_permutation_at_the_borders(size: int) -> None:
    assert sorted(permuted(size, 0)) == list(range(size))


@given(st.integers(1, 3000), st.integers(-(2**70), 2**70))
def test_a_permutation(size: int, seed: int) -> None:
    assert sorted(permuted(size, seed)) == list(range(size))


def test_the_order_is_the_same_everywhere() -> None:
    # A store is continued after an update of the package: the order is part of the format.
    assert list(islice(permuted(15_625, 0), 8)) == [7825, 15624, 1665, 13793, 15120, 11804, 5633, 1530]
    assert list(permuted(0, 0)) == []


def test_seeds_differ() -> None:
    orders = {tuple(islice(permuted(15_625, seed), 5)) for seed in range(200)}
    assert len(orders) == 200


@pytest.mark.parametrize("size", [5, 1000, 15_625])
def test_prefixes_are_fair(size: int) -> None:
    """Over many seeds each tenth of the space gets its share of the first elements: chi-squared, 1 in 10,000."""
    draws, seeds = min(size, 20), 1000 if size > 5 else 4000
    bins = min(10, size)
    drawn = np.array([number for seed in range(seeds) for number in islice(permuted(size, seed), draws // 4 or 1)])
    seen = np.bincount(drawn * bins // size, minlength=bins)
    share = np.bincount(np.arange(size) * bins // size, minlength=bins) * len(drawn) / size
    assert ((seen - share) ** 2 / share).sum() < {5: 23.5, 10: 33.7}[bins]


@pytest.mark.parametrize("place", [0, 1, 7])
def test_each_place_of_the_order_is_fair(place: int) -> None:
    seen = np.bincount([next(islice(permuted(12, seed), place, None)) for seed in range(6000)], minlength=12)
    assert ((seen - 500) ** 2 / 500).sum() < 37.4  # chi-squared with 11 degrees of freedom, 1 in 10,000


def test_neighbours_in_the_order_are_independent() -> None:
    order = np.array(list(permuted(15_625, 3)), dtype=float)
    for lag in (1, 2, 3, 16, 125, 128):
        assert abs(np.corrcoef(order[:-lag], order[lag:])[0, 1]) < 4 / len(order) ** 0.5


@given(st.integers(1, SIZE), st.integers(1, SIZE), st.integers(0, 3))
def test_a_sample_is_a_prefix_of_a_larger_one(one: int, other: int, seed: int) -> None:
    small, large = sorted((one, other))
    small, large = min(small, 300), min(large, 600)
    assert list(stream(small, SPACE, seed)) == list(islice(stream(large, SPACE, seed), small))
    assert list(stream(small, SPACE, seed)) == list(islice(stream("all", SPACE, seed), small))


def test_all_is_the_whole_space_once() -> None:
    keys = list(stream("all", SPACE, 5))
    assert len(set(keys)) == len(keys) == SIZE == count("all", SPACE)


@pytest.mark.parametrize("name", ["nasbench201"])
def test_a_real_space(name: str) -> None:
    real = space(name)
    keys = list(stream(50, real, 0))
    assert len(set(keys)) == 50
    assert all(real.key(real.index(key)) == key for key in keys)


class Uncounted:
    """A space whose keys have no position: one of 50 words."""

    name, size = "uncounted", None

    def sample(self, rng: Random) -> str:
        return f"word-{rng.randrange(50)}"


def test_a_space_that_is_not_counted_gives_random_keys_none_of_them_twice() -> None:
    uncounted: Any = Uncounted()
    keys = list(stream(40, uncounted, 0))
    assert len(set(keys)) == 40 == count(40, uncounted)
    assert list(stream(10, uncounted, 0)) == keys[:10]
    assert list(stream(40, uncounted, 1)) != keys
    for wrong, message in (("all", "uncounted are not counted; ask for a number"), (0, "more than can be counted")):
        with pytest.raises(ValueError, match=message):
            count(wrong, uncounted)  # type: ignore[arg-type]


def test_a_space_that_is_not_counted_and_has_fewer_keys_than_asked_for_ends() -> None:
    uncounted: Any = Uncounted()
    assert sorted(stream(50, uncounted, 0)) == sorted(f"word-{number}" for number in range(50))
    for ask in (count, lambda number, space: list(stream(number, space, 0))):
        with pytest.raises(ValueError, match=r"architectures: 51: uncounted has no more than 50, it seems: none of"):
            ask(51, uncounted)


def test_a_key_that_stands_twice_counts_once(tmp_path: Path) -> None:
    lines = [f"net-{number}" for number in (*range(700), 7, 7, 699)]
    (tmp_path / "keys.txt").write_text("\n".join(lines), encoding="utf-8")
    for keys in (lines, str(tmp_path / "keys.txt")):
        assert list(stream(keys, SPACE, 0)) == lines[:700] and count(keys, SPACE) == 700


@pytest.mark.parametrize("bits", [100, 200, 300])
def test_a_permutation_of_more_than_fits_into_words(bits: int) -> None:
    """Distinct, inside, and spread over all of the domain, also where halves have more than 64 bits."""
    found = list(islice(permuted(2**bits, 0), 500))
    assert len(set(found)) == 500 and all(0 <= number < 2**bits for number in found)
    eighths = np.bincount([number >> (bits - 3) for number in found], minlength=8)
    low = np.bincount([(number >> (bits // 2 - 3)) & 7 for number in found], minlength=8)
    assert min(*eighths, *low) > 30


class Endless:
    """A space of any size whose keys are numbers."""

    def __init__(self, size: int) -> None:
        self.name, self.size = "endless", size

    def key(self, index: int) -> str:
        return str(index)

    def canonical(self, key: str) -> str:
        return str(int(key))


def _peak(number: int, architectures: object) -> int:
    tracemalloc.start()
    try:
        walked = sum(1 for keys in chunks(stream(architectures, Endless(10**9), 0), 500) for _ in keys)  # type: ignore[arg-type]
        assert walked == number
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _peaks(*cases: tuple[int, object]) -> list[int]:
    """Peaks in a process of its own: here, threads of other tests would count as well."""
    code = f"from tests.campaign.test_plan import _peak; print(*(_peak(*case) for case in {cases!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [int(peak) for peak in done.stdout.split()]


def test_memory_does_not_grow_with_the_number() -> None:
    _, few, many = _peaks((10, 10), (2_000, 2_000), (20_000, 20_000))
    assert many < 1.2 * few


def test_memory_does_not_grow_with_a_file(tmp_path: Path) -> None:
    paths = {number: str(tmp_path / f"{number}.txt") for number in (2_000, 200_000)}
    for number, path in paths.items():
        Path(path).write_text("".join(f"{key}\n" for key in range(number)))
    _, few, many = _peaks(*((number, paths[number]) for number in (2_000, 2_000, 200_000)))
    assert many < 1.2 * few


@pytest.mark.parametrize("number", [0, -1, SIZE + 1])
def test_numbers_that_the_space_does_not_hold(number: int) -> None:
    with pytest.raises(ValueError, match=f"architectures: {number}: toy has 10,000; ask for 1 to that many"):
        list(stream(number, SPACE, 0))
    with pytest.raises(ValueError, match="ask for 1"):
        count(number, SPACE)


# Files and lists of keys --------------------


@pytest.mark.parametrize("text", ["net-3\nnet-1\n", "\n net-3 \r\n\n\tnet-1", "\ufeffnet-3\r\nnet-1\r\n\r\n"])
def test_a_file_of_keys(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.txt"
    path.write_bytes(text.encode("utf-8"))
    assert list(stream(str(path), SPACE, 0)) == ["net-3", "net-1"]
    assert count(str(path), SPACE) == 2


def test_a_list_keeps_its_order() -> None:
    keys = ["net-9", "net-2", "net-5"]
    assert list(stream(keys, SPACE, 0)) == keys and count(keys, SPACE) == 3


def test_a_wrong_key_is_named_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("net-1\n\nnet-2\nnat-3\n")
    with pytest.raises(ValueError, match=r"architecture 3 of .*keys\.txt: 'nat-3' is no toy"):
        list(stream(str(path), SPACE, 0))
    with pytest.raises(ValueError, match="architecture 2 of the list: 'net-10000' is no toy"):
        list(stream(["net-1", "net-10000"], SPACE, 0))


def test_a_key_of_megabytes_is_named_by_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("nat-" + "1" * 1_000_000)
    with pytest.raises(ValueError, match=r"architecture 1 of .*keys\.txt: 'nat-111") as caught:
        list(stream(str(path), SPACE, 0))
    assert len(str(caught.value)) < 1000


def _missing(path: Path) -> None:
    """Leave nothing there."""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_missing, "a text file with a key per line; found no such file"),
        (Path.mkdir, "a text file with a key per line; found a folder"),
        (lambda path: path.write_bytes(b"\x89PNG\xff\xfe\n"), "a text file with a key per line; found .*utf-8"),
        (lambda path: path.write_text("net-1 " * 2_000_000), "lines of at most 4,194,304 characters; found a longer"),
    ],
)
def test_what_is_no_file_of_keys(tmp_path: Path, make: object, message: str) -> None:
    path = tmp_path / "keys"
    make(path)  # type: ignore[operator]
    for use in (lambda: list(stream(str(path), SPACE, 0)), lambda: count(str(path), SPACE)):
        with pytest.raises(ValueError, match=message):
            use()


@given(st.lists(st.integers()), st.integers(1, 7))
def test_chunks_are_the_items(items: list[int], size: int) -> None:
    made = list(chunks(iter(items), size))
    assert [item for chunk in made for item in chunk] == items
    assert all(len(chunk) == size for chunk in made[:-1]) and all(made)
