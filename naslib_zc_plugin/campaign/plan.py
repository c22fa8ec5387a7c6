"""The architectures that a campaign scores, streamed in a random order; each beginning of it is a random sample."""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from random import Random
from typing import TypeVar, Union

from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.files.texts import lines_of
from naslib_zc_plugin.spaces import Space

Architectures = Union[int, str, Sequence[str]]
Item = TypeVar("Item")
KEYS = "a number, 'all', a list of keys, or a text file with a key per line"
"""The values of :data:`Architectures`, for messages."""
_ROUNDS, _DRAWS = 6, 100
_LIMITS = Limits(rows=20_000_000, seconds=math.inf)  # read while the campaign scores, which takes time


def count(architectures: Architectures, space: Space, seed: int = 0) -> int:
    """Return the number of keys that :func:`stream` yields, after a look at each of those that are written down.

    Args:
        architectures: see :func:`stream`.
        space: their search space.
        seed: of the order.

    Raises:
        ValueError: more are asked for than the space holds, or all of one that is not counted; there is no such file
            of keys, or a key in it is not of the space.
    """
    if architectures == "all":
        if space.size is None:
            raise ValueError(f"architectures: all: those of {space.name} are not counted; ask for a number")
        return space.size
    if isinstance(architectures, int):
        if architectures < 1 or (space.size is not None and architectures > space.size):
            there = "more than can be counted" if space.size is None else f"{space.size:,}"
            raise ValueError(f"architectures: {architectures}: {space.name} has {there}; ask for 1 to that many")
        if space.size is not None:
            return architectures
    return sum(1 for _ in stream(architectures, space, seed))


def stream(architectures: Architectures, space: Space, seed: int) -> Iterator[str]:
    """Yield the keys, one after the other; memory does not grow with the number of those that the space counts.

    Args:
        architectures: a number, for a random sample without replacement, of which a larger number gives a longer
            one; ``"all"``, the whole space in the same random order; the path of a text file with a key per line; or
            the keys themselves. The last two keep their order; a key that stands there again is passed over.
        space: their search space.
        seed: of the order.

    Raises:
        ValueError: as in :func:`count`; or a key that is not of the space.
    """
    if isinstance(architectures, int) and space.size is None and architectures > 0:
        yield from islice(_drawn(space, seed, architectures), architectures)
        return
    if architectures == "all" or isinstance(architectures, int):
        number = count(architectures, space)
        yield from map(space.key, islice(permuted(space.size or 0, seed), number))
        return
    yield from _once(_checked(architectures, space))


def _checked(architectures: str | Sequence[str], space: Space) -> Iterator[str]:
    """Yield the keys that are written down, each of which is one of the space."""
    keys = _lines(architectures) if isinstance(architectures, str) else architectures
    for number, key in enumerate(keys, 1):
        try:
            space.canonical(key)
        except ValueError as error:
            source = architectures if isinstance(architectures, str) else "the list"
            raise ValueError(f"architecture {number} of {source}: {error!s:.400}") from error
        yield key


def _once(keys: Iterable[str]) -> Iterator[str]:
    """Yield each key where it stands first; those before it are kept on the disk, if there are many."""
    with closing(sqlite3.connect("", isolation_level=None)) as before:
        before.execute("CREATE TABLE key (name TEXT PRIMARY KEY) WITHOUT ROWID")
        before.execute("BEGIN")
        for key in keys:
            if before.execute("INSERT OR IGNORE INTO key VALUES (?)", (key,)).rowcount:
                yield key


def _drawn(space: Space, seed: int, number: int) -> Iterator[str]:
    """Yield random keys, none of them twice, until the space seems to have no more."""
    rng, draws = Random(repr((seed, "architectures"))), 0
    before: set[str] = set()
    while draws < _DRAWS * (1 + len(before)):  # the last of n equally probable ones is missed with exp(-_DRAWS)
        key, draws = space.sample(rng), draws + 1
        if key not in before:
            before.add(key)
            draws = 0
            yield key
    raise ValueError(
        f"architectures: {number}: {space.name} has no more than {len(before):,}, it seems: none of the last {draws:,} "
        "that were drawn is another; ask for 1 to that many"
    )


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
    yield from filter(None, map(str.strip, lines_of(path, KEYS, Meter(path, _LIMITS))))
