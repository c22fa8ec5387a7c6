"""The architectures that a campaign scores, streamed in a random order; each beginning of it is a random sample."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import TypeVar, Union

from naslib_zc_plugin.files import DataError, existing
from naslib_zc_plugin.spaces import Space

Architectures = Union[int, str, Sequence[str]]
Item = TypeVar("Item")
KEYS = "a number, 'all', a list of keys, or a text file with a key per line"
"""The values of :data:`Architectures`, for messages."""
_ROUNDS = 6


def count(architectures: Architectures, space: Space) -> int:
    """Return the number of keys that :func:`stream` yields.

    Raises:
        ValueError: more are asked for than the space holds, or all of one that is not counted; or there is no such file
            of keys.
    """
    if architectures == "all":
        if space.size is None:
            raise ValueError(f"architectures: all: those of {space.name} are not counted; ask for a number")
        return space.size
    if isinstance(architectures, int):
        if architectures < 1 or (space.size is not None and architectures > space.size):
            there = "more than can be counted" if space.size is None else f"{space.size:,}"
            raise ValueError(f"architectures: {architectures}: {space.name} has {there}; ask for 1 to that many")
        return architectures
    if isinstance(architectures, str):
        return sum(1 for _ in _lines(architectures))
    return len(architectures)


def stream(architectures: Architectures, space: Space, seed: int) -> Iterator[str]:
    """Yield the keys, one after the other; memory does not grow with their number, unless the space is not counted.

    Args:
        architectures: a number, for a random sample without replacement, of which a larger number gives a longer
            one; ``"all"``, the whole space in the same random order; the path of a text file with a key per line; or
            the keys themselves. The last two keep their order.
        space: their search space.
        seed: of the order.

    Raises:
        ValueError: as in :func:`count`, or a key that is not of the space.
    """
    if architectures == "all" or isinstance(architectures, int):
        number = count(architectures, space)
        if space.size is None:
            yield from islice(_drawn(space, seed), number)
        else:
            yield from map(space.key, islice(permuted(space.size, seed), number))
        return
    keys = _lines(architectures) if isinstance(architectures, str) else architectures
    for number, key in enumerate(keys, 1):
        try:
            space.canonical(key)
        except ValueError as error:
            source = architectures if isinstance(architectures, str) else "the list"
            raise ValueError(f"architecture {number} of {source}: {error}") from error
        yield key


def _drawn(space: Space, seed: int) -> Iterator[str]:
    """Yield random keys, none of them twice."""
    rng, before = Random(repr((seed, "architectures"))), set()
    while True:
        key = space.sample(rng)
        if key not in before:
            before.add(key)
            yield key


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of ``size`` items; the last may be shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def permuted(size: int, seed: int) -> Iterator[int]:
    """Yield 0 … size − 1, each once, in a pseudorandom order that needs no memory: a Feistel network, walked in cycles.

    Black & Rogaway, "Ciphers with arbitrary finite domains" (CT-RSA 2002): a permutation of the next power of four;
    numbers outside of the domain are permuted again until they fall inside.
    """
    bits = max(1, ((size - 1).bit_length() + 1) // 2)
    for start in range(size):
        number = _feistel(start, bits, seed)
        while number >= size:
            number = _feistel(number, bits, seed)
        yield number


def _feistel(number: int, bits: int, seed: int) -> int:
    mask = (1 << bits) - 1
    left, right = number >> bits, number & mask
    for turn in range(_ROUNDS):
        digest = hashlib.blake2b(b"%d %d %d" % (seed, turn, right), digest_size=max(8, (bits + 7) // 8)).digest()
        left, right = right, left ^ (int.from_bytes(digest, "little") & mask)
    return left << bits | right


def _lines(path: str) -> Iterator[str]:
    try:
        with existing(path, KEYS).open(encoding="utf-8-sig") as file:
            yield from filter(None, map(str.strip, file))
    except UnicodeDecodeError as error:
        raise DataError(path, KEYS, str(error)) from error
