"""Scores and trained accuracies of a printed row: stored exports, scores in the package, or campaigns that run now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Callable

import numpy as np
import numpy.typing as npt

from naslib_zc_plugin.aggregates import Aggregate, aggregate_named, oriented
from naslib_zc_plugin.benchmarks import Benchmark, benchmark
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.reproduce.printed import PrintedRow
from naslib_zc_plugin.spaces import list_spaces, space
from naslib_zc_plugin.store.embedded import PREFIX, list_embedded
from naslib_zc_plugin.table import STATUSES, ScoreTable

Floats = npt.NDArray[np.float64]
Campaign = Callable[[str], ScoreTable]
"""Runs the campaign of a name, and returns its scores."""
_BEST, _FIRST = 64, 8  # architectures that must be known where a few are nominated, and where the first alone counts


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores beside what training gave, of the architectures that have both.

    Attributes:
        source: where the scores come from.
        space: the search space.
        keys: the architectures.
        values: the scores, higher better; NaN where they are undefined.
        truth: what training gave, higher better unless the row's option ``loss`` keeps it as it is.
        untrained: how many more have a score and no accuracy.
        noise: standard deviation of a score from draw to draw of weights and batch, as a share of it; 0 if not known.
    """

    source: str
    space: str
    keys: list[str]
    values: Floats
    truth: Floats
    untrained: int = 0
    noise: float = 0.0

    @property
    def drawn(self) -> int:
        """How many architectures were scored."""
        return len(self.keys) + self.untrained

    def where(self, kept: npt.NDArray[np.bool_]) -> Scored:
        """Return the part of some architectures."""
        keys = [key for key, is_kept in zip(self.keys, kept.tolist()) if is_kept]
        share = len(keys) / len(self.keys) if self.keys else 0.0
        values, truth = self.values[kept], self.truth[kept]
        return replace(self, keys=keys, values=values, truth=truth, untrained=round(self.untrained * share))


class Sources:
    """Scores by row.

    Args:
        data: the directory of benchmark tables; that of the environment, or what the package has, unless given.
        stored: a folder of campaigns' exports and stores, called like their configurations; None to use none.
        campaign: runs a campaign; None to use stored scores alone.
        number: of architectures at most, a random sample of each row's; 0 for all.
    """

    def __init__(
        self,
        data: Path | None = None,
        stored: Path | None = None,
        campaign: Campaign | None = None,
        number: int = 0,
    ) -> None:
        self._data, self._campaign, self._number = data, campaign, number
        self._files: dict[str, str] = {}
        if stored is not None:
            self._files = {name[len(PREFIX) :]: name for name in list_embedded()}
            self._files.update({path.stem: str(path) for end in ("db", "parquet") for path in stored.glob(f"*.{end}")})
        self.benchmark = lru_cache(None)(self._benchmark)
        self._stored = lru_cache(None)(self._read)
        self._run = lru_cache(None)(lambda name: self._of_all(campaign(name))) if campaign else None

    def _benchmark(self, name: str) -> Benchmark:
        return benchmark(name, self._data)

    def _read(self, file: str) -> ScoreTable:
        return self._of_all(read_table(file))

    def _of_all(self, table: ScoreTable) -> ScoreTable:
        """Return scores of one network of each class of identical ones as those of the whole space."""
        found = self.benchmark(str(table.facts["space"]))
        return table.of_all(found.keys, found.class_of)

    def truth(self, name: str, column: str, as_it_is: bool = False) -> Mapping[str, float]:
        """Return a column of a benchmark by architecture, higher better unless it is wanted as it is."""
        found = self.benchmark(name)
        sign = -1.0 if found.columns[column].higher_is_better is False and not as_it_is else 1.0
        return {key: sign * value for key, value in found.column(column).items()}

    def candidates(self, row: PrintedRow) -> list[list[ScoreTable]]:
        """Return the tables that have a row's scores, the campaign of most scores first.

        Campaigns that are joined by ``+`` follow one protocol, and count as one.
        """
        found = []
        for joined in row.campaigns[-1:] if self._run else row.campaigns:
            tables = [table for pattern in joined.split("+") for table in self._tables(pattern)]
            tables = [table for table in tables if _scored(table, row.label)]
            if tables:
                found.append(tables)
        return sorted(found, key=lambda tables: -sum(_scored(table, row.label) for table in tables))

    def _tables(self, pattern: str) -> list[ScoreTable]:
        if self._run:
            return [self._run(pattern.rstrip("*"))]
        return [self._stored(file) for file in self._matching(pattern)]

    def _matching(self, pattern: str) -> list[str]:
        return [file for name, file in sorted(self._files.items()) if fnmatchcase(name, pattern)]

    def scored(self, row: PrintedRow, truth: str = "") -> Scored | None:
        """Return a row's scores beside a column of the benchmark.

        Args:
            row: the row.
            truth: another column than the row's.

        Returns:
            None where nobody has such scores.
        """
        name = self.space_of(row)
        accuracies = self.truth(name, truth or row.truth, "loss" in row.options)
        if not row.campaigns:
            return self._limited(_beside(row.label, name, self.truth(name, row.label), accuracies), row)
        tables = next(iter(self.candidates(row)), None)
        if tables is None:
            return None
        scores = _scores(tables, row.label)
        if nominating := row.options.get("nominated"):
            if nominating in self.benchmark(name).columns:
                by = self.truth(name, nominating, as_it_is=True)
            elif others := self._tables(nominating):
                by = _scores(others, row.label)
            else:
                return None
            if class_of := self.benchmark(name).class_of:  # identical networks share the scores of one
                made = {class_of(key): value for key, value in scores.items()}
                scores = {key: made[class_of(key)] for key in by if class_of(key) in made}
            scores = nominated(scores, by, _FIRST if set(row.printed) == {"selected"} else _BEST)
        noise = 0.0
        if again := row.options.get("redrawn"):
            noise = spread_of_draws(scores, _scores(self._tables(again), row.label))
        how = "made now" if self._run else "stored"
        if not self._run and all(table.name in self._packed() for table in tables):
            how = "in the package"
        source = " and ".join(table.name for table in tables)
        if ran := row.options.get("ran"):  # an architecture that nobody tried to train is in no paper's sample
            runs = [self.truth(name, column) for column in ran.split("+")]
            scores = {key: value for key, value in scores.items() if any(each.get(key, 0) > 0 for each in runs)}
        return self._limited(replace(_beside(f"{source}, {how}", name, scores, accuracies), noise=noise), row)

    def space_of(self, row: PrintedRow) -> str:
        """Return the search space of a row, by the names of its campaigns or of its truth."""
        text = row.campaigns[0] if row.campaigns else "nasbench201"
        return max((name for name in list_spaces() if text.startswith(name)), key=len)

    def _packed(self) -> set[str]:
        return {name for name, file in self._files.items() if file.startswith(PREFIX)}

    def _limited(self, found: Scored, row: PrintedRow) -> Scored:
        """Return the population of a row: those above zero, the first by index, or a sample, as options say."""
        if "positive" in row.options:
            found = replace(found, values=np.where(found.values > 0, found.values, np.nan))
        if first := int(row.options.get("first", 0)):
            index = space(found.space).index
            found = found.where(np.array([index(key) < first for key in found.keys], dtype=bool))
        if self._number and len(found.keys) > self._number:
            chosen = np.zeros(len(found.keys), dtype=bool)
            chosen[Random(0).sample(range(len(found.keys)), self._number)] = True
            found = found.where(chosen)
        return found


def _scores(tables: list[ScoreTable], label: str) -> dict[str, float]:
    """Return scores by architecture, higher better, NaN where they are undefined; the first table's count."""
    scores: dict[str, float] = {}
    for table in tables:
        found = Aggregate.parse(label).column(table) if label not in table else table[label]
        made = np.isin(found.status, [STATUSES.index("ok"), STATUSES.index("undefined")])
        values = np.where(np.isfinite(found.values), oriented(found), np.nan)
        for key, value, is_made in zip(table.keys, values.tolist(), made.tolist()):
            if is_made:
                scores.setdefault(key, value)
    return scores


def nominated(scores: Mapping[str, float], others: Mapping[str, float], number: int = _BEST) -> dict[str, float]:
    """Put the scores of a few architectures above a whole space that is ordered by other scores of it.

    Where two data sets (or a score and a count) order a space nearly alike, the best by one are among the many best by
    the other, which nominate them. So the order at the top is that of the scores; below it, where no best one can be,
    that of others.

    Args:
        scores: of the nominated.
        others: of the whole space.
        number: of the best, which must be known.

    Raises:
        ValueError: one of the best is not among the first three quarters of the nominated, so others may be missing.

    >>> nominated({"a": 5.0, "b": 7.0}, {"b": 0.2, "a": 0.3, "c": 0.1, "d": float("nan")})
    {'c': 4.0, 'a': 5.0, 'b': 7.0, 'd': nan}
    """
    order = sorted((key for key, value in others.items() if value == value), key=lambda key: -others[key])
    place = {key: number for number, key in enumerate(order)}
    taken = next((number for number, key in enumerate(order) if key not in scores), len(order))
    best = sorted((key for key, value in scores.items() if value == value), key=lambda key: -scores[key])
    last = max((place.get(key, len(order)) for key in best[:number]), default=0)
    if taken < len(order) and len(best) > number and last >= 0.75 * taken:
        text = f"place {last} of the other scores is among the {number} best, of {taken} nominated"
        raise ValueError(f"{text}: nominate more")
    lowest = scores[best[-1]]
    rest = [key for key in order if key not in scores]
    below = {key: lowest - 1 - number for number, key in enumerate(rest)}
    left = {key: np.nan for key in others if key not in place}
    return {**below, **{key: scores[key] for key in reversed(best)}, **left}


def spread_of_draws(scores: Mapping[str, float], again: Mapping[str, float]) -> float:
    """Return a score's relative standard deviation from draw to draw, by networks scored twice; 0 without two.

    Relative differences have twice the variance. What they have in common (of a batch, say) changes no order, and is
    left out.

    >>> round(spread_of_draws({"a": 10.0, "b": 20.0}, {"a": 11.0, "b": 18.0}), 4)
    0.1
    """
    both = [key for key, value in again.items() if np.isfinite(value) and np.isfinite(scores.get(key, np.nan))]
    if len(both) < 2:
        return 0.0
    return float(np.std([again[key] / scores[key] for key in both], ddof=1) / np.sqrt(2))


def _scored(table: ScoreTable, label: str) -> int:
    """Count the architectures that have a score, or whose score is undefined."""
    if label in table:
        return table[label].count("ok") + table[label].count("undefined")
    if aggregate_named(label) and all(member in table for member in Aggregate.parse(label).labels):
        return len(table)
    return 0


def _beside(source: str, name: str, scores: Mapping[str, float], truth: Mapping[str, float]) -> Scored:
    keys = [key for key in scores if np.isfinite(truth.get(key, np.nan))]
    values, accuracies = (np.array([mapping[key] for key in keys], dtype=np.float64) for mapping in (scores, truth))
    return Scored(source, name, keys, values, accuracies, len(scores) - len(keys))
