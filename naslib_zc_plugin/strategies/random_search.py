"""Random search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from naslib_zc_plugin.strategies._strategy import Exhausted, SearchSpace, Strategy, checked_texts

_PATIENCE = 10_000  # draws without a new key, in a space of unknown size
_ROUNDS = 50  # draws per key, in a space of known size: e^-50 is the chance to miss the last key


@dataclass(eq=False)
class RandomSearch(Strategy):
    """Random search: architectures are drawn as the search space samples them; the best one is the result.

    Args:
        space, score, seed, start, if_all_fail, trust: as for every strategy (no score is used).
        distinct: never return a key twice, nor one that another strategy has returned. NASWOT draws with replacement,
            Lightweight NAS without.
    """

    distinct: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._asked: dict[str, None] = {}

    def ask(self) -> str:
        """Return a random key."""
        return unseen(self.space, self._rng, self._asked) if self.distinct else self.space.sample(self._rng)

    def on_external_ask(self, key: str) -> None:
        """Note a key that another strategy asked for."""
        if self.distinct:
            self._asked[key] = None

    def _state(self) -> dict[str, Any]:
        return {"asked": list(self._asked)}

    def _load(self, state: Mapping[str, Any]) -> None:
        self._asked = dict.fromkeys(checked_texts(state["asked"]))


def unseen(space: SearchSpace, rng: Random, seen: dict[str, None]) -> str:
    """Return a random key that is not among those seen, and add it to them.

    Raises:
        Exhausted: there is none, or drawing does not find it.
    """
    size = getattr(space, "size", None)
    if size is not None and len(seen) >= size:
        raise Exhausted(f"all {size:,} architectures were asked for")
    draws = max(_PATIENCE, _ROUNDS * (size or 0))
    for _ in range(draws):
        key = space.sample(rng)
        if key not in seen:
            seen[key] = None
            return key
    raise Exhausted(f"{draws:,} draws gave no architecture that had not been asked for")


STRATEGY = RandomSearch
