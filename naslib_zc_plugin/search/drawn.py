"""A search space of which only some architectures are drawn at random."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from naslib_zc_plugin.strategies import Domain


class Drawn:
    """Draws from some keys alone; changes of a key lead wherever they lead in the whole space.

    Where a campaign has scored a random part of a space, random search and pools that draw from this part find what
    they would find in the whole, but for the part's own chance.

    Args:
        whole: the space.
        keys: what is drawn.

    Raises:
        ValueError: there are none.
    """

    def __init__(self, whole: Domain, keys: Iterable[str]) -> None:
        self._whole, self._keys = whole, sorted(keys)
        self.size = len(self._keys)
        if not self._keys:
            raise ValueError("draw: scored: there is no architecture with a score")

    def sample(self, rng: Random) -> str:
        """A random one of the keys."""
        return rng.choice(self._keys)

    def mutate(self, key: str, rng: Random, rule: str = "") -> str:
        """As in the whole space."""
        return self._whole.mutate(key, rng, rule) if rule else self._whole.mutate(key, rng)

    def neighbours(self, key: str) -> list[str]:
        """As in the whole space."""
        return self._whole.neighbours(key)
