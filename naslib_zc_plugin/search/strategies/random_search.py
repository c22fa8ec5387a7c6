"""Random search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from naslib_zc_plugin.search.base import Domain, Exhausted, Fitness, Seed, Strategy

_PATIENCE = 10_000  # draws without a new key, in a space whose size is not known


class RandomSearch(Strategy):
    """Draws architectures as the search space samples them; the best one told is the result.

    Args:
        domain, score, seed, start: as for every strategy (no score is used).
        distinct: never ask for a key twice. NASWOT draws with replacement, Lightweight NAS without.
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
        if len(self._asked) >= getattr(self.domain, "size", len(self._asked) + 1):
            raise Exhausted(f"all {len(self._asked):,} architectures were asked for")
        for _ in range(_PATIENCE):
            key = self.domain.sample(self._rng)
            if key not in self._asked:
                self._asked[key] = None
                return key
        if hasattr(self.domain, "size"):
            return self.ask()
        raise Exhausted(f"{_PATIENCE:,} draws gave no architecture that had not been asked for")

    def _state(self) -> dict[str, Any]:
        return {"asked": list(self._asked)}

    def _load(self, state: Mapping[str, Any]) -> None:
        self._asked = dict.fromkeys(state["asked"])


STRATEGY = RandomSearch
