"""Fitness without training: a proxy's score (Lightweight NAS, NASWOT's random search)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from naslib_zc_plugin.search.config import Asked, Search
from naslib_zc_plugin.search.evaluators.base import Evaluation
from naslib_zc_plugin.search.scores import Scores, label


class ProxyEvaluator:
    """The score is the fitness; an undefined one never wins. Each evaluation is charged, repeated ones as well.

    Args:
        scores: where the scores come from.
        proxy: label of the proxy.
        live: whether they are made when they are asked for.
    """

    tells = ()

    def __init__(self, scores: Scores, proxy: str, live: bool) -> None:
        self._scores, self._proxy = scores, proxy
        self.costly = live

    def __call__(self, key: str) -> Evaluation:
        """The score."""
        found = self._scores(self._proxy, key)
        return Evaluation(found.worth, found.seconds, found.reason)

    def facts(self) -> dict[str, Any]:
        """The proxy; what the scores depend on is told by the search."""
        return {"proxy": self._proxy}

    def notes(self) -> list[str]:
        """That nothing is trained."""
        return [f"fitness: the score of {self._proxy}; nothing is trained, an evaluation is charged its seconds"]


def evaluator(search: Search, data: str | Path | None, scores: Scores | None, *, proxy: Asked) -> ProxyEvaluator:
    """Take the score of ``proxy`` for the fitness."""
    assert scores is not None  # a search with a proxy has scores
    return ProxyEvaluator(scores, label(proxy), live="table" not in search.scores)
