"""TransNAS-Bench-101's networks of whole modules in NASLib: four to six modules of four kinds.

A spec is six numbers: a module's kind, 1 + 2 if it doubles the channels + 1 if it halves the image, and 0 for the
modules that lack. One to four modules double, one to three halve.
"""

from __future__ import annotations

from random import Random
from typing import Any

_LENGTHS, _DOUBLING, _HALVING = range(4, 7), range(1, 5), range(1, 4)
_LONGEST = 6


def check(spec: Any) -> None:
    """Nothing, for a spec.

    Raises:
        ValueError: not four to six numbers from 1 to 4 and zeros behind them up to six, or too few or too many modules
            that double or halve.
    """
    kinds = [number for number in spec if number] if isinstance(spec, tuple) else []
    fits = spec == (*kinds, *[0] * (_LONGEST - len(kinds))) and set(kinds) <= {1, 2, 3, 4}
    if not fits or not all(count in each for count, each in zip(_counts(kinds), (_LENGTHS, _DOUBLING, _HALVING))):
        raise ValueError(
            "a spec of TransNAS-Bench-101 (macro) is 4 to 6 modules of the kinds 1 to 4 and zeros up to 6 numbers, "
            f"1 to 4 of which double the channels (3, 4) and 1 to 3 halve the image (2, 4); found {spec!r}"
        )


def mutate(spec: tuple[int, ...], rng: Random) -> tuple[int, ...]:
    """A spec of another length, of another number of doublings or of another number of halvings, in random order.

    That is what NASLib's code means to do; as it stands it ends with an error.
    """
    counts = list(_counts([number for number in spec if number]))
    which = rng.randrange(3)
    counts[which] = rng.choice([each for each in (_LENGTHS, _DOUBLING, _HALVING)[which] if each != counts[which]])
    length, doubling, halving = counts
    kinds = [1 + 2 * (place < doubling) + (place < halving) for place in range(length)]
    rng.shuffle(kinds)
    return (*kinds, *[0] * (_LONGEST - length))


def neighbours(spec: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Not to be listed: a mutation draws the order of all modules anew.

    Raises:
        ValueError: always.
    """
    raise ValueError("the neighbours of TransNAS-Bench-101's macro networks cannot be listed: use mutate()")


def _counts(kinds: list[int]) -> tuple[int, int, int]:
    return len(kinds), sum(kind > 2 for kind in kinds), sum(kind in (2, 4) for kind in kinds)
