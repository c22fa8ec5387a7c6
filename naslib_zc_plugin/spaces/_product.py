"""A search space whose choices are free of each other: its order, drawing, mutation and neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from random import Random
from typing import Any


class Product:
    """Base of such spaces, which say what is chosen and how a key is written.

    The first choice varies slowest in the space's order.
    """

    name: str
    choices: Sequence[Sequence[Any]]
    """The values of each choice."""

    def values(self, key: str) -> list[Any]:
        """The value of each choice in ``key``; raises ``ValueError`` for one that is not of this space."""
        raise NotImplementedError

    def text(self, values: Sequence[Any]) -> str:
        """The key of a value for each choice."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Number of keys."""
        return prod(map(len, self.choices))

    def key(self, index: int) -> str:
        """The key at a position of the space's order.

        Raises:
            ValueError: no such position.
        """
        if not 0 <= index < self.size:
            raise ValueError(f"{self.name} has the indices 0 to {self.size - 1}, found {index}")
        found = []
        for values in reversed(self.choices):
            index, digit = divmod(index, len(values))
            found.append(values[digit])
        return self.text(found[::-1])

    def index(self, key: str) -> int:
        """Position of ``key``; inverse of :meth:`key`.

        Raises:
            ValueError: it is not of this space.
        """
        found = 0
        for value, values in zip(self.values(key), self.choices):
            if value not in values:
                raise ValueError(f"{key!r} has no place in {self.name}: {value!r} is none of {tuple(values)}")
            found = found * len(values) + values.index(value)
        return found

    def sample(self, rng: Random) -> str:
        """A key drawn uniformly."""
        return self.text([rng.choice(values) for values in self.choices])

    def neighbours(self, key: str) -> list[str]:
        """The keys with another value of one choice, in the order of :meth:`key`."""
        before = self.values(key)
        return [
            self.text([*before[:place], value, *before[place + 1 :]])
            for place, values in enumerate(self.choices)
            for value in values
            if value != before[place]
        ]

    def _redrawn(self, key: str, places: Sequence[int], rng: Random) -> str:
        """``key`` with another value of one of the choices ``places``; both are drawn uniformly."""
        before = self.values(key)
        place = rng.choice([place for place in places if set(self.choices[place]) - {before[place]}])
        value = rng.choice([value for value in self.choices[place] if value != before[place]])
        return self.text([*before[:place], value, *before[place + 1 :]])
