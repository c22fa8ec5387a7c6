"""The results of searches: the best of each repeat, the course of the best so far, and both as tables.

:func:`collect_results` takes them from a journal. :func:`curve_lines` draws the course, :func:`checkpoint_table` reads
it at some places, :func:`results_table` and :func:`architectures_table` sum up, :func:`method_notes` describe the
method.
"""

from __future__ import annotations

import csv
import fnmatch
import io
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import csv_cell
from naslib_zc_plugin.report.figures import SearchCurve
from naslib_zc_plugin.search import LoadedSearch
from naslib_zc_plugin.search.config import SECONDS, CurveConfig, SearchConfig
from naslib_zc_plugin.search.evaluators.benchmark import read_column
from naslib_zc_plugin.search.fronts import Point, hypervolume, non_dominated
from naslib_zc_plugin.search.journal import Entry
from naslib_zc_plugin.strategies import ProxyAgreement, proxy_agreement, published_settings
from naslib_zc_plugin.text_table import TextTable

Floats = NDArray[np.float64]
_NAMED = 3  # architectures named for each search
_POINTS = 400  # of a curve over seconds


@dataclass(frozen=True, eq=False)
class Repeat:
    """One repeat of a search.

    Attributes:
        number: from 0.
        entries: its evaluations, as far as the budget goes.
        incumbents: by step, the step of the best architecture so far; −1 before there is one.
        values: title of the report → by step, the number of that step's architecture; NaN where there is none.
        scores: key → score by the strategy's proxy, of those that have one.
    """

    number: int
    entries: Sequence[Entry]
    incumbents: NDArray[np.intp]
    values: Mapping[str, Floats]
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def best(self) -> Entry | None:
        """The evaluation that won; None if there is none."""
        return self.entries[self.incumbents[-1]] if len(self.incumbents) and self.incumbents[-1] >= 0 else None

    @property
    def best_after(self) -> int:
        """The number of evaluations up to the one that won; 0 if there is none."""
        return int(self.incumbents[-1]) + 1 if len(self.incumbents) else 0

    @property
    def seconds(self) -> float:
        """The clock at its end."""
        return self.entries[-1].clock if self.entries else 0.0

    def reported(self, title: str) -> float:
        """Return the number of the best architecture under a title of the report; NaN where there is none."""
        return float(self.values[title][self.incumbents[-1]]) if self.best else math.nan


@dataclass(frozen=True, eq=False)
class Result:
    """A search and its repeats; ``repeats`` holds those that were begun."""

    config: SearchConfig
    repeats: Sequence[Repeat]

    def agreement(self) -> ProxyAgreement | None:
        """Return how well the proxy agrees with the fitness, over the architectures of all repeats; None without."""
        return agreement_of(self.repeats) if any(repeat.scores for repeat in self.repeats) else None

    def counts(self) -> tuple[int, int]:
        """Return the number of evaluations of all repeats, and of those without a fitness."""
        entries = [entry for repeat in self.repeats for entry in repeat.entries]
        return len(entries), sum(entry.fitness is None for entry in entries)

    def complete(self) -> bool:
        """Return whether every repeat has used its budget up."""
        allows = self.config.budget.allows
        return len(self.repeats) == self.config.repeats and not any(
            allows(len(repeat.entries), repeat.seconds) for repeat in self.repeats
        )

    def mean_and_deviation(self, title: str) -> tuple[float, float]:
        """Return mean and population standard deviation, as the papers' codes take it, of the repeats' best."""
        found = np.array([repeat.reported(title) for repeat in self.repeats if repeat.best])
        found = found[~np.isnan(found)]
        return (float(found.mean()), float(found.std())) if len(found) else (math.nan, math.nan)

    def published(self, title: str) -> Sequence[float]:
        """Return the published numbers of a title: none, a mean, or a mean and a deviation."""
        stated = self.config.published.get(title, [])
        return stated if isinstance(stated, Sequence) else [stated]


def agreement_of(repeats: Iterable[Repeat]) -> ProxyAgreement:
    """Return how well the proxy agrees with the fitness, over the architectures of some repeats, each once."""
    both: dict[str, tuple[float, float]] = {}
    for repeat in repeats:
        for entry in repeat.entries:
            if entry.fitness is not None and entry.key in repeat.scores:
                both.setdefault(entry.key, (repeat.scores[entry.key], entry.fitness))
    return proxy_agreement([score for score, _ in both.values()], [fitness for _, fitness in both.values()])


def collect_results(
    searches: Sequence[SearchConfig],
    histories: Mapping[str, Mapping[int, Sequence[Entry]]],
    data: str | Path | None,
    scores: Mapping[str, Mapping[str, float]] | None = None,
) -> list[Result]:
    """Return the results of searches from their recorded evaluations.

    Args:
        searches: the searches.
        histories: their evaluations by label and repeat, of :func:`.journal.histories`.
        data: the data directory.
        scores: label → key → score by the search's proxy.

    Raises:
        ValueError: a column of a report that the benchmark does not have.
        DataError: the benchmark cannot be read.
    """
    found = []
    for config in searches:
        recorded = histories.get(config.label, {})
        repeats = []
        for number in range(config.repeats):
            entries = _within_budget(config, recorded.get(number, ()))
            if entries:
                values = {title: _values(config, name, entries, data) for title, name in config.report.items()}
                known = (scores or {}).get(config.label, {})
                repeats.append(Repeat(number, entries, _incumbents(entries, _start(config)), values, known))
        found.append(Result(config, repeats))
    return found


def _within_budget(config: SearchConfig, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries as far as the budget goes; the journal may hold more, of a larger one."""
    clocks = [0.0, *(entry.clock for entry in entries)]
    return [entry for step, entry in enumerate(entries) if config.budget.allows(step, clocks[step])]


def _start(config: SearchConfig) -> float:
    """Return the number that a fitness must exceed to be the best."""
    name, preset = config.strategy["name"], config.strategy.get("preset")
    usual = published_settings(preset).get(name, {}) if preset else {}
    start = {**usual, **config.strategy}.get("start")
    return -math.inf if start is None else float(start)


def _incumbents(entries: Sequence[Entry], start: float) -> NDArray[np.intp]:
    """Return by step the step of the highest fitness so far; −1 before one exceeds ``start``."""
    fitness = np.array([start, *(-math.inf if entry.fitness is None else entry.fitness for entry in entries)])
    better = fitness[1:] > np.maximum.accumulate(fitness)[:-1]
    return np.maximum.accumulate(np.where(better, np.arange(len(entries)), -1))


def _values(config: SearchConfig, name: str, entries: Sequence[Entry], data: str | Path | None) -> Floats:
    """Return by step the evaluator's metric of that name, or else the number in the benchmark's column."""
    if any(name in entry.metrics for entry in entries):
        return np.array([entry.metrics.get(name, math.nan) for entry in entries])
    numbers = read_column(name, config.space, data)
    return np.array([numbers.get(entry.key, math.nan) for entry in entries])


# The best so far, on the way --------------------


def curve_lines(results: Sequence[Result], curve: CurveConfig) -> list[SearchCurve]:
    """Return a line for each search that has evaluations, and the number that the curve shows."""
    found = []
    for panel, result in _panels(results, curve):
        places, table = _course(result.repeats, curve)
        found.append(SearchCurve(result.config.label, places, *centre_and_band(table, curve.centre), panel))
    return found


def checkpoints(results: Sequence[Result], curve: CurveConfig) -> list[tuple[str, Floats, NDArray[np.intp]]]:
    """Return for each search its label, its numbers at the places ``curve.at``, and how many repeats have one there.

    The numbers are of shape (places, 3): the middle and the ends of the band.
    """
    found = []
    for _, result in _panels(results, curve.model_copy(update={"panels": {}})):
        table = np.array([_at_places(repeat, curve) for repeat in result.repeats])
        band = np.array(centre_and_band(table, curve.centre)).T
        found.append((result.config.label, band, (~np.isnan(table)).sum(axis=0)))
    return found


def best_so_far(repeat: Repeat, curve: CurveConfig) -> Floats:
    """Return by step the number of the best architecture so far; NaN before there is one."""
    fitness = np.array([np.nan if entry.fitness is None else entry.fitness for entry in repeat.entries])
    values = repeat.values[curve.of] if curve.of else fitness
    if curve.best == "highest":
        return np.fmax.accumulate(values)
    return np.where(repeat.incumbents >= 0, values[repeat.incumbents], np.nan)


def centre_and_band(table: Floats, centre: str) -> tuple[Floats, Floats, Floats]:
    """Return the middle and the ends of the band, over the repeats (rows) that have a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # places that no repeat has reached stay empty
        if centre == "median":
            low, middle, high = np.nanquantile(table, [0.25, 0.5, 0.75], axis=0)
            return middle, low, high
        middle, spread = np.nanmean(table, axis=0), np.nanstd(table, axis=0)
    return middle, middle - spread, middle + spread


def _panels(results: Sequence[Result], curve: CurveConfig) -> Iterator[tuple[str, Result]]:
    """Yield the title of a panel and a search that is drawn in it."""
    there = {r.config.label: r for r in results if not curve.of or curve.of in r.config.report}
    for title, patterns in curve.panels.items() or [("", ["*"])]:
        for label, result in there.items():
            if result.repeats and any(fnmatch.fnmatchcase(label, pattern) for pattern in patterns):
                yield title, result


def _course(repeats: Sequence[Repeat], curve: CurveConfig) -> tuple[Floats, Floats]:
    """Return places on the axis, and the numbers there: repeats × places."""
    values = [best_so_far(repeat, curve) for repeat in repeats]
    if curve.over == "evaluations":
        length = min(map(len, values))
        return np.arange(1.0, length + 1), np.array([each[:length] for each in values])
    places = np.linspace(0, max(repeat.seconds for repeat in repeats), _POINTS)
    steps = [_last_steps(repeat, places) for repeat in repeats]
    return places, np.array([np.where(at >= 0, each[at], np.nan) for each, at in zip(values, steps)])


def _at_places(repeat: Repeat, curve: CurveConfig) -> Floats:
    """Return the number of the best so far at each of ``curve.at``; NaN where the repeat did not get there."""
    values = best_so_far(repeat, curve)
    if curve.over == "evaluations":
        return np.array([values[int(at) - 1] if at <= len(values) else np.nan for at in curve.at])
    places = np.array(curve.at)
    steps = _last_steps(repeat, places)
    return np.where((steps >= 0) & (places <= repeat.seconds), values[steps], np.nan)


def _last_steps(repeat: Repeat, places: Floats) -> NDArray[np.intp]:
    """Return the last step that was done at each place on the clock; −1 before the first."""
    clock = np.array([entry.clock for entry in repeat.entries])
    return np.searchsorted(clock, places, side="right") - 1


# Fitness and a measure --------------------


def hypervolumes(results: Sequence[Result], measures: Mapping[str, Mapping[str, float]]) -> dict[str, Floats]:
    """Return by search the hypervolume of what was evaluated so far: repeats × evaluations, a share of the pooled one.

    The pooled one is that of all that the searches evaluated; the point up to which it counts is the lowest fitness and
    the largest measure among it.

    Args:
        results: the results.
        measures: label → key → measure, of the searches that have one.
    """
    points: dict[str, list[list[Point | None]]] = {}
    for result in results:
        known = measures.get(result.config.label)
        if known is not None and result.repeats:
            points[result.config.label] = [[_point(entry, known) for entry in each.entries] for each in result.repeats]
    every = [point for repeats in points.values() for run in repeats for point in run if point]
    if not every:
        return {}
    ends = min(each.value for each in every), max(each.measure for each in every)
    whole, found = hypervolume(every, *ends), {}
    for label, repeats in points.items():
        table = np.full((len(repeats), max(map(len, repeats))), np.nan)
        for row, run in zip(table, repeats):
            front: list[Point] = []
            for place, point in enumerate(run):
                front = non_dominated([*front, point]) if point else front
                row[place] = hypervolume(front, *ends) / whole if whole else np.nan
            row[len(run) :] = row[len(run) - 1]  # an exhausted front adds nothing
        found[label] = table
    return found


def _point(entry: Entry, measures: Mapping[str, float]) -> Point | None:
    if entry.fitness is None or entry.key not in measures:
        return None
    return Point(entry.key, entry.fitness, measures[entry.key])


def hypervolume_table(found: Mapping[str, Floats], curve: CurveConfig) -> TextTable:
    """Return what :func:`hypervolumes` found at the curve's evaluations, or at quarters of the longest search."""
    longest = max(table.shape[1] for table in found.values())
    at = [int(each) for each in curve.at] if curve.over == "evaluations" else []
    at = at or sorted({max(1, round(longest * share)) for share in (0.25, 0.5, 0.75, 1.0)})
    body = []
    for label, table in found.items():
        middle, low, high = centre_and_band(100 * table, "median")
        cells = ((middle[n - 1], low[n - 1], high[n - 1]) if n <= len(middle) else None for n in at)
        body.append([label, *("–" if c is None else "{:.1f} [{:.1f}, {:.1f}]".format(*c) for c in cells)])
    note = (
        "Hypervolume of fitness (above the lowest) and measure (below the largest), % of that of all that these "
        "searches evaluated: median [quartiles] over the runs."
    )
    return TextTable("Fitness and measure", ["search", *(f"{n:,}" for n in at)], body, notes=[note])


def hypervolume_lines(found: Mapping[str, Floats]) -> list[SearchCurve]:
    """Return a line for each search of :func:`hypervolumes`, median and quartiles over its repeats."""
    return [
        SearchCurve(label, np.arange(1.0, table.shape[1] + 1), *centre_and_band(100 * table, "median"), "")
        for label, table in found.items()
    ]


# Tables --------------------


def results_table(results: Sequence[Result], searches: Sequence[LoadedSearch], command: str) -> TextTable:
    """Return a row for each search, mean ± standard deviation over the repeats, beside the published numbers.

    Args:
        results: the results.
        searches: the searches; the notes describe their methods.
        command: the command that makes the table again.
    """
    titles = list(dict.fromkeys(title for result in results for title in result.config.report))
    printed = {title for result in results for title in result.config.published}
    header = ["search", "runs", "evaluations", "without fitness"]
    for title in titles:
        header += [title, *(("published", "difference") if title in printed else ())]
    header += ["best after", "seconds", *(("published", "ratio") if SECONDS in printed else ())]
    body = [list(_row(result, titles, printed)) for result in results]
    notes = method_notes(searches)
    if any(result.agreement() for result in results):
        header.append("proxy’s τ")
        for row, result in zip(body, results):
            row.append(str(result.agreement() or "–"))
        notes.append(
            "Proxy’s τ: Kendall’s of score and fitness with its 95 % interval, and the number of evaluated "
            "architectures that have both; among those that a proxy prefers it is lower than in the whole space."
        )
    return TextTable("What was found", header, body, notes=[*notes, f"Made again by `{command}`."])


def architectures_table(results: Sequence[Result]) -> TextTable:
    """Return the architectures that most repeats of each search found."""
    body = []
    for result in results:
        found = Counter(repeat.best.key for repeat in result.repeats if repeat.best)
        for key, times in found.most_common(_NAMED):
            repeat = next(each for each in result.repeats if each.best and each.best.key == key)
            assert repeat.best is not None and repeat.best.fitness is not None
            numbers = "; ".join(f"{title} {repeat.reported(title):.2f}" for title in result.config.report)
            share = f"{times} of {len(result.repeats)}"
            body.append([result.config.label, share, f"{repeat.best.fitness:.6g}", numbers, key])
    header = ["search", "found by", "fitness", "reported", "architecture"]
    return TextTable("The best architectures", header, body, words=["reported", "architecture"])


def checkpoint_table(results: Sequence[Result], curve: CurveConfig) -> TextTable:
    """Return the number of the best so far at the places that a curve names: budgets compared in one run."""
    runs = {result.config.label: len(result.repeats) for result in results}
    body = [
        [label, *(_checkpoint(row, count, runs[label], curve) for row, count in zip(table, counts))]
        for label, table, counts in checkpoints(results, curve)
    ]
    what = f"{curve.of or 'fitness'}, {'the highest so far' if curve.best == 'highest' else 'of the best so far'}"
    band = "median [quartiles]" if curve.centre == "median" else "mean ± population standard deviation"
    note = f"{what[0].upper()}{what[1:]}: {band} over the runs."
    return TextTable(f"After so many {curve.over}", ["search", *(f"{at:,}" for at in curve.at)], body, notes=[note])


def results_csv(results: Sequence[Result]) -> str:
    """Return a line per repeat, in full precision."""
    titles = list(dict.fromkeys(title for result in results for title in result.config.report))
    file = io.StringIO()
    header = ["search", "repeat", "evaluations", "without_fitness", "seconds", "best_after", "fitness", "architecture"]
    if any(result.agreement() for result in results):
        header += [f"proxy_{name}" for name in ("tau", "tau_low", "tau_high", "pairs")]
    writer = csv.DictWriter(file, [*header, *titles], lineterminator="\n")
    writer.writeheader()
    for result in results:
        for repeat in result.repeats:
            best = repeat.best
            line = {
                "search": result.config.label, "repeat": repeat.number, "evaluations": len(repeat.entries),
                "without_fitness": sum(entry.fitness is None for entry in repeat.entries),
                "seconds": repeat.seconds, "best_after": repeat.best_after if best else None,
                "fitness": best.fitness if best else None, "architecture": best.key if best else None,
            }  # fmt: skip
            if repeat.scores:
                shown = agreement_of([repeat])
                line.update(
                    proxy_tau=shown.tau, proxy_tau_low=shown.low, proxy_tau_high=shown.high, proxy_pairs=shown.n
                )
            found = {title: repeat.reported(title) for title in result.config.report} if best else {}
            writer.writerow({name: csv_cell(value) for name, value in {**line, **found}.items()})
    return file.getvalue()


def method_notes(searches: Sequence[LoadedSearch]) -> list[str]:
    """Return the method of the searches, a line each: first the common ones, then the others with their labels."""
    lines = {each.config.label: list(_method(each)) for each in searches}
    labels_of = {
        line: [label for label, own in lines.items() if line in own] for each in lines.values() for line in each
    }
    common = [f"{line[0].upper()}{line[1:]}." for line, labels in labels_of.items() if len(labels) == len(lines)]
    own = [f"{', '.join(labels)}: {line}." for line, labels in labels_of.items() if len(labels) < len(lines)]
    deviation = "Mean ± population standard deviation over the runs, of the fittest; best after: median evaluation."
    return [deviation, *common, *own]


def _method(search: LoadedSearch) -> Iterator[str]:
    """Yield the method of a search, a line each."""
    config = search.config
    yield f"strategy {_strategy_text(config.strategy)}"
    yield from search.evaluator.notes()
    yield from search.scores.notes() if search.scores else ()
    yield from search.notes()
    budget = config.budget.model_dump(exclude_none=True)
    yield "budget: " + ", ".join(f"{value:,} {name}" for name, value in budget.items())
    if config.report:
        yield "reported: " + ", ".join(f"{title} is {column}" for title, column in config.report.items())
    loop = "" if config.host == "none" else f", in the loop of {config.host}"
    yield f"{config.space}, {config.repeats} runs, seed {config.seed}{loop}"


def _strategy_text(given: Any) -> str:
    """Return the text of a strategy, and in it perhaps another, with settings and options."""
    if not isinstance(given, Mapping):
        return str(given)
    own = [f"{name} {_strategy_text(value)}" for name, value in given.items() if name not in ("name", "preset")]
    settings = f", settings of {given['preset']}" if "preset" in given else ""
    options = f" ({', '.join(own)})" if own else ""
    return f"{given.get('name', '')}{settings}{options}"


def _row(result: Result, titles: Sequence[str], printed: set[str]) -> Iterator[str]:
    """Yield the cells of a search: runs, the numbers under each title, and the clock, beside published numbers."""
    evaluations, without = result.counts()
    begun, asked = len(result.repeats), result.config.repeats
    yield result.config.label
    if begun < asked:
        yield f"{begun} of {asked}, stopped"
    else:  # the space may be exhausted before the budget is
        yield f"{begun}" if result.complete() else f"{begun}, budget not used up"
    yield from (f"{evaluations:,}", f"{without:,}")
    for title in titles:
        there = title in result.config.report
        mean, deviation = result.mean_and_deviation(title) if there else (math.nan, math.nan)
        yield "–" if math.isnan(mean) else f"{mean:.2f} ± {deviation:.2f}"
        if title in printed:
            numbers = result.published(title)
            yield " ± ".join(f"{number:.2f}" for number in numbers) or "–"
            yield f"{mean - numbers[0]:+.2f}" if numbers and not math.isnan(mean) else "–"
    found = [repeat.best_after for repeat in result.repeats if repeat.best]
    clocks = [repeat.seconds for repeat in result.repeats]
    yield f"{np.median(found):,.0f}" if found else "–"
    yield f"{np.mean(clocks):,.1f}" if clocks else "–"
    if SECONDS in printed:
        numbers = result.published(SECONDS)
        yield " ± ".join(f"{number:,.1f}" for number in numbers) or "–"
        yield f"{np.mean(clocks) / numbers[0]:.3g}" if numbers and clocks else "–"


def _checkpoint(row: Floats, count: int, runs: int, curve: CurveConfig) -> str:
    """Return the cell of a checkpoint, with the number of runs that have one if not all do."""
    middle, low, high = row
    if not count:
        return "–"
    of = f" ({count} of {runs} runs)" if count < runs else ""
    if curve.centre == "median":
        return f"{middle:.2f} [{low:.2f}, {high:.2f}]{of}"
    return f"{middle:.2f} ± {high - middle:.2f}{of}"
