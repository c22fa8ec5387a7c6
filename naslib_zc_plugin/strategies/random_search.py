"""Random search."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from random import Random
from typing import Any

from naslib_zc_plugin.strategies.base import Domain, Exhausted, Fitness, Seed, Strategy
from naslib_zc_plugin.strategies.checks import texts

_PATIENCE = 10_000  # draws without a new key, in a space whose size is not known
_ROUNDS = 50  # draws per key, in one whose size is known: e^-50 is the chance to miss the last key


class RandomSearch(Strategy):
    """Draws architectures as the search space samples them; the best one told is the result.

    Args:
        domain, score, seed, start: as for every strategy (no score is used).
        distinct: never ask for a key twice, nor for one that it was told to expect. NASWOT draws with replacement,
            Lightweight NAS without.
    """

    def __init__(
        self,
        domain: Domain,
        *,
        score: Fitness | None = None,
        seed: Seed = 0,
        start: float | None = None,
        distinct: bool = False,
    ) -> None:
        super().__init__(domain, score=score, seed=seed, start=start)
        self._distinct = distinct
        self._asked: dict[str, None] = {}

    def ask(self) -> str:
        """A random key."""
        if not self._distinct:
            return self.domain.sample(self._rng)
        key = unseen(self.domain, self._rng, self._asked)
        self._asked[key] = None
        return key

    def expect(self, key: str) -> None:
        if self._distinct:
            self._asked[key] = None

    def _state(self) -> dict[str, Any]:
        return {"asked": list(self._asked)}

    def _load(self, state: Mapping[str, Any]) -> None:
        self._asked = dict.fromkeys(texts(state["asked"]))


def unseen(domain: Domain, rng: Random, seen: Collection[str]) -> str:
    """A random key that is not among those seen.

    Raises:
        Exhausted: there is none, or drawing does not find it.
    """
    size = getattr(domain, "size", None)
    if size is not None and len(seen) >= size:
        raise Exhausted(f"all {size:,} architectures were asked for")
    draws = max(_PATIENCE, _ROUNDS * (size or 0))
    for _ in range(draws):
        key = domain.sample(rng)
        if key not in seen:
            return key
    raise Exhausted(f"{draws:,} draws gave no architecture that had not been asked for")


STRATEGY = RandomSearch
