"""Agreement of a score with the fitness that followed, and whether a search still follows the score."""

from __future__ import annotations

import logging
import math
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import groupby
from typing import Any

ENOUGH = 20
"""Evaluated architectures with a score, from which on a score can lose its trust."""
_NORMAL = 1.959964  # 97.5 % of the normal distribution
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProxyAgreement:
    r"""How a proxy orders what was evaluated: Kendall's :math:`\tau_b` of score and fitness.

    The 95 % interval is that of Fisher's transformation, :math:`\tanh(\mathrm{artanh}\,\tau \pm 1.96 \sqrt{.437 / (n -
    4)})` (Fieller, Hartley and Pearson, 1957). A search evaluates what its proxy prefers, and among the best the
    agreement is lower than in the whole space: of synflow on NAS-Bench-201 .54 there, .11 among the best 20 of 500.

    Attributes:
        n: number of architectures with a score and a fitness.
        tau: None for fewer than three, or where all scores or all fitnesses are equal.
        low, high: ends of the interval; None where ``tau`` is, and for fewer than five.
    """

    n: int
    tau: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        """Return it as text, such as ``0.41 [0.12, 0.63] (20)``."""
        if self.tau is None:
            return f"– ({self.n})"
        interval = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.tau:.2f}{interval} ({self.n})"

    def sentence(self) -> str:
        """Return a sentence for the end of a search."""
        if self.tau is None:
            return f"how well the proxy agrees with the results is unknown: {self.n} architectures have both"
        interval = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        found = f"Kendall's tau of the proxy and the results is {self.tau:.2f}{interval}, of {self.n} architectures"
        if self.low is not None and self.low > 0:
            return found
        return f"{found}: whether the proxy agrees with the results is not shown"


def proxy_agreement(scores: Sequence[float], fitness: Sequence[float]) -> ProxyAgreement:
    """Return the agreement of scores and fitnesses, one each per architecture, finite, higher better.

    >>> str(proxy_agreement([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.2, 0.1, 0.4, 0.3, 0.5, 0.6]))
    '0.73 [0.02, 0.95] (6)'
    """
    n, pairs = len(scores), sorted(zip(scores, fitness))
    count, difference = n * (n - 1) // 2, 0
    before: list[float] = []
    for _, group in groupby(pairs, key=lambda pair: pair[0]):
        values = [value for _, value in group]
        difference += sum(bisect_left(before, y) + bisect_right(before, y) - len(before) for y in values)
        for y in values:
            insort(before, y)
    tied = [sum(each * (each - 1) // 2 for each in Counter(values).values()) for values in (scores, fitness)]
    spread = math.sqrt((count - tied[0]) * (count - tied[1]))
    if n < 3 or not spread:
        return ProxyAgreement(n)
    tau = max(-1.0, min(1.0, difference / spread))
    if n < 5:
        return ProxyAgreement(n, tau)
    within = 1 - 1 / count  # artanh(1) is infinite
    middle, width = math.atanh(max(-within, min(within, tau))), _NORMAL * math.sqrt(0.437 / (n - 4))
    return ProxyAgreement(n, tau, min(tau, math.tanh(middle - width)), max(tau, math.tanh(middle + width)))


class Trust:
    """Whether a search follows its score: always, or until their agreement with the fitness is not shown.

    Among the best of a pool even a good proxy often loses it: in 9 of 10 warm-ups by the best 20 of 500 on
    NAS-Bench-201, for synflow and naswot, whose agreement is much lower there than in the whole space.

    Args:
        automatic: lose it once :data:`ENOUGH` or more evaluated architectures have a score, and the interval of their
            agreement does not lie above 0. It does not come back.

    Attributes:
        lost: the agreement by which it was lost; None: it was not.
    """

    def __init__(self, automatic: bool) -> None:
        self.automatic = automatic
        self.lost: ProxyAgreement | None = None
        self._scores: dict[str, float] = {}
        self._fitness: dict[str, float] = {}

    def score(self, key: str, value: float) -> None:
        """Take in the score of a key."""
        if self.automatic and math.isfinite(value):
            self._scores[key] = value

    def tell(self, key: str, value: float) -> None:
        """Take in the fitness of a key; the first one counts."""
        if self.automatic and math.isfinite(value):
            self._fitness.setdefault(key, value)

    def follows(self) -> bool:
        """Return whether the score is followed; say so in the log when it is no longer."""
        if not self.automatic or self.lost:
            return not self.lost
        both = [key for key in self._fitness if key in self._scores]
        if len(both) >= ENOUGH:
            found = proxy_agreement([self._scores[key] for key in both], [self._fitness[key] for key in both])
            if found.low is None or found.low <= 0:
                self.lost = found
                logger.warning("the proxy is no longer followed: %s", found.sentence())
        return not self.lost

    def state_dict(self) -> dict[str, Any]:
        """Return the state, as values that JSON knows."""
        lost = list(astuple(self.lost)) if self.lost else None
        return {"scores": dict(self._scores), "fitness": dict(self._fitness), "lost": lost}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state; an error leaves everything as it was."""
        read = [{str(key): float(value) for key, value in dict(state[name]).items()} for name in ("scores", "fitness")]
        lost = None
        if state["lost"] is not None:
            n, *numbers = state["lost"]
            lost = ProxyAgreement(int(n), *(None if number is None else float(number) for number in numbers))
        (self._scores, self._fitness), self.lost = read, lost
