"""Agreement of a score with the fitness that followed, and whether a search still follows the score."""

from __future__ import annotations

import logging
import math
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from itertools import groupby
from typing import Any

CONTROLS = 5
"""Under ``trust="auto"`` one of so many architectures is chosen without the score."""
PLATEAU = 3
"""After so many results in a row that are no better than the best before, all but one of so many are."""
_PRIOR = 0.3, 0.3  # mean and standard deviation of artanh(tau) of a proxy that somebody has chosen
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
    middle, width = _transformed(tau, n), _NORMAL * math.sqrt(_variance(n))
    return ProxyAgreement(n, tau, min(tau, math.tanh(middle - width)), max(tau, math.tanh(middle + width)))


def _transformed(tau: float, n: int) -> float:
    """Return artanh of tau, as if one pair of n were undecided where it is infinite."""
    within = 1 - 2 / (n * (n - 1))
    return math.atanh(max(-within, min(within, tau)))


def _variance(n: int) -> float:
    return 0.437 / (n - 4)


def trusted_share(found: ProxyAgreement) -> float:
    r"""Return how far a search follows a score of such an agreement: 1 as at its beginning, 0 not at all.

    The posterior of :math:`\mathrm{artanh}\,\tau` is normal: of a prior with mean and deviation .3, in favour of a
    proxy that somebody has chosen, and of the variance :math:`.437 / (n - 4)`. With :math:`p` the probability that
    :math:`\tau > 0`, the share is :math:`(p - 1/2) / (\Phi(1) - 1/2)`, between 0 and 1: 1 while the results make it no
    less probable than the prior does, 0 once tau is as probably below 0 as above.

    >>> [trusted_share(ProxyAgreement(n)) for n in (0, 2)]
    [1.0, 1.0]
    >>> [round(trusted_share(ProxyAgreement(20, tau, tau - 0.3, tau + 0.3)), 2) for tau in (-0.2, -0.1, 0.0, 0.1, 0.3)]
    [0.0, 0.0, 0.54, 1.0, 1.0]
    """
    mean, deviation = _PRIOR
    precision = deviation**-2
    if found.tau is not None and found.low is not None:
        more = 1 / _variance(found.n)
        mean = (mean * precision + _transformed(found.tau, found.n) * more) / (precision + more)
        precision += more
    prior = math.erf(_PRIOR[0] / _PRIOR[1] / math.sqrt(2))
    return max(0.0, min(1.0, math.erf(mean * math.sqrt(precision / 2)) / prior))


def is_control(number: int, since: int = 0) -> bool:
    """Return whether ``trust="auto"`` chooses the architecture of a number, from 0, without the score.

    Args:
        number: one in :data:`CONTROLS` is.
        since: so many results came since the best one; from :data:`PLATEAU` on two of three are.

    >>> [number for number in range(9) if is_control(number)], [number for number in range(9) if is_control(number, 3)]
    ([4], [1, 2, 4, 5, 7, 8])
    """
    return number % CONTROLS == CONTROLS - 1 or (since >= PLATEAU and number % PLATEAU > 0)


class Trust:
    """How far a search follows its score: always wholly, or as far as its agreement with the fitness lets it hope.

    A search trains what its score prefers, and among the best of a pool even a good score orders little. So one of
    :data:`CONTROLS` architectures is chosen without it, and scored: what the score prefers is compared with what it
    does not. A score that says nothing costs nothing by that, and one that prefers bad networks is found out early.

    One that is right on the whole and wrong among the best is not: it leads to a plateau, above the mean of what is
    chosen without it and below its best. So where results do not get better, more controls are taken, until one is.

    Args:
        automatic: follow it by :func:`trusted_share`, with controls. Once the share is 0 it is lost, and does not come
            back: nothing is chosen or scored by it any more.

    Attributes:
        lost: the agreement by which it was lost; None: it was not.
        share: how far the question that is being answered follows it; 0 for a control.
    """

    def __init__(self, automatic: bool) -> None:
        self.automatic = automatic
        self.lost: ProxyAgreement | None = None
        self.share = 1.0
        self._scores: dict[str, float] = {}
        self._fitness: dict[str, float] = {}
        self._questions = 0
        self._is_asked = False

    def score(self, key: str, value: float) -> None:
        """Take in the score of a key."""
        if self.automatic and math.isfinite(value):
            self._scores[key] = value

    def tell(self, key: str, value: float) -> None:
        """Take in the fitness of a key; the first one counts."""
        if self.automatic and math.isfinite(value):
            self._fitness.setdefault(key, value)

    def follows(self) -> float:
        """Return how far the score is followed, controls apart; say so in the log when it is no longer."""
        if not self.automatic or self.lost:
            return float(not self.lost)
        both = [key for key in self._fitness if key in self._scores]
        found = proxy_agreement([self._scores[key] for key in both], [self._fitness[key] for key in both])
        share = trusted_share(found)
        if not share:
            self.lost = found
            logger.warning("the proxy is no longer followed: %s", found.sentence())
        return share

    @property
    def since(self) -> int:
        """The number of results since the best one, the first of equals."""
        values = list(self._fitness.values())
        return len(values) - 1 - values.index(max(values)) if values else 0

    @contextmanager
    def question(self, is_warm_up: bool = False) -> Iterator[float]:
        """Count a question for the next architecture, and give the share by which it is answered.

        A strategy inside another answers the same question, by the same share. A warm-up takes no more controls on a
        plateau: what follows it has too few results yet to choose by.
        """
        if self._is_asked or not self.automatic:
            yield self.share
            return
        since = 0 if is_warm_up else self.since
        self.share = 0.0 if is_control(self._questions, since) and not self.lost else self.follows()
        self._questions, self._is_asked = self._questions + 1, True
        try:
            yield self.share
        finally:
            self._is_asked = False

    def state_dict(self) -> dict[str, Any]:
        """Return the state, as values that JSON knows."""
        lost = list(astuple(self.lost)) if self.lost else None
        known = {"scores": dict(self._scores), "fitness": dict(self._fitness)}
        return {**known, "lost": lost, "questions": self._questions}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state; an error leaves everything as it was."""
        read = [{str(key): float(value) for key, value in dict(state[name]).items()} for name in ("scores", "fitness")]
        lost, questions = None, int(state["questions"])
        if state["lost"] is not None:
            n, *numbers = state["lost"]
            lost = ProxyAgreement(int(n), *(None if number is None else float(number) for number in numbers))
        (self._scores, self._fitness), self.lost, self._questions = read, lost, questions
