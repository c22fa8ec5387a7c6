"""Searches as they run: a strategy, an evaluator of its architectures, a budget, and the journal of every step.

One file of YAML is one experiment, of one search or of several that are compared: :func:`.config.load_experiment` reads
it, :func:`load_data` reads the tables and images that it needs, :func:`run_experiment` runs the rest of it.
Everything that happens is recorded in a :class:`.journal.Journal`; an experiment that was stopped is played again from
its journal, and goes on where that ends. :mod:`.results` makes tables and curves of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from naslib_zc_plugin.constraints import HERE, limits_of, machine_of, measure_of
from naslib_zc_plugin.registry import check_options
from naslib_zc_plugin.search.evaluators import load_evaluator
from naslib_zc_plugin.search.evaluators.benchmark import read_column
from naslib_zc_plugin.search.evaluators.proxy import (
    LiveScores,
    ScoredSubset,
    SearchScores,
    TableScores,
    load_scores,
    proxy_label,
)
from naslib_zc_plugin.search.feasible import FeasibleSpace, Infeasible, feasible, values_of
from naslib_zc_plugin.search.fronts import FrontSearch, Number
from naslib_zc_plugin.search.journal import Entry, Journal, ProxyScore
from naslib_zc_plugin.search.loop import FRONT, HOSTS, Diverged, Evaluator, Recorder
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.provenance import changes
from naslib_zc_plugin.strategies import AllFailed, SearchSpace, Strategy, strategy
from naslib_zc_plugin.strategies.warm_up import WarmUp

if TYPE_CHECKING:
    from naslib_zc_plugin.search.config import Experiment, SearchConfig

_PATIENCE = 0.1  # seconds between reports
_FOLLOWS = "what was evaluated"  # the provenance of a population without a number of its own


@dataclass(frozen=True)
class SearchProgress:
    """The progress of an experiment.

    Attributes:
        search: the label of the search that runs; empty at the end.
        repeat: of it, from 0.
        step: evaluations of this repeat.
        clock: its simulated seconds.
        done: repeats of all searches that are done.
        total: repeats of all searches.
    """

    search: str
    repeat: int
    step: int
    clock: float
    done: int
    total: int


Report = Callable[[SearchProgress], None]


@dataclass(frozen=True, eq=False)
class LoadedSearch:
    """A search with its evaluator and its scores.

    Attributes:
        config: its configuration.
        evaluator: gives architectures their fitness.
        scores: the proxies' scores; None if it uses none.
        part: the part of the space that is drawn from, or that is within the limits; None: all of it.
        measure: returns the measure of a key, which should be low; None: the search has none.
        as_before: options of the strategy that follow from what is evaluated have their usual values, as in a journal
            that was begun before they did.
    """

    config: SearchConfig
    evaluator: Evaluator
    scores: SearchScores | None
    part: SearchSpace | None = None
    measure: Number | None = None
    as_before: bool = False

    def provenance(self) -> dict[str, Any]:
        """Return everything that its history depends on, as the journal keeps it; budget and repeats may grow."""
        config = self.config
        plain = {
            "space": config.space,
            "strategy": {name: value for name, value in config.strategy.items() if name != "if_all_fail"},
            "evaluator": {**config.evaluator, **self.evaluator.provenance()},
            "scores": self.scores.provenance() if self.scores else None,
            "seed": config.seed,
            "host": config.host,
            **({"draw": config.draw} if config.draw != "all" else {}),
            **({"constraints": config.constraints} if config.constraints else {}),
            **({"measure": config.measure} if config.measure else {}),
            **self._machine(),
        }
        made = self.strategy(lambda key: None, 0)
        if isinstance(made, WarmUp) and made.follows_evaluated and not self.as_before:
            plain["population"] = _FOLLOWS
        return dict(json.loads(json.dumps(plain)))

    def score(self, key: str) -> ProxyScore:
        """Return the score of a key by the strategy's proxy."""
        assert self.scores is not None  # asked for by strategies with a proxy alone
        return self.scores(proxy_label(self.config.strategy["proxy"]), key)

    def strategy(self, score: Callable[[str], float | None], repeat: int) -> Strategy:
        """Return the strategy at the beginning of a repeat, which has draws of its own."""
        options = {name: value for name, value in self.config.strategy.items() if name != "proxy"}
        asked = score if "proxy" in self.config.strategy else None
        seed, searched = f"{self.config.seed}/{repeat}", self.part or space(self.config.space)
        if options["name"] == FRONT:
            del options["name"]
            check_options(f"strategy {FRONT}", FrontSearch, options, first=1)
            return FrontSearch(searched, score=asked, seed=seed, measure=self.measure, **options)
        made = strategy(options.pop("name"), searched, score=asked, seed=seed, **options)
        if self.as_before and isinstance(made, WarmUp):
            made.use_usual_options()
        return made

    def known_scores(self, keys: Iterable[str], store: str | Path) -> dict[str, float]:
        """Return the scores of architectures by the strategy's proxy that need no scoring; empty without a proxy.

        Args:
            keys: the architectures.
            store: the journal's file, which holds scores that were computed.
        """
        if self.scores is None or "proxy" not in self.config.strategy:
            return {}
        return self.scores.known(proxy_label(self.config.strategy["proxy"]), keys, store)

    def notes(self) -> list[str]:
        """Return lines about what is searched."""
        drawn = ["drawn at random from those that are scored"] if self.config.draw == "scored" and self.scores else []
        return [*drawn, *(self.part.notes() if isinstance(self.part, FeasibleSpace) else [])]

    def _machine(self) -> dict[str, Any]:
        """Return the fingerprints of latencies that are measured, by their limits."""
        measured = [limit for limit in self.config.limits() if limit.name == HERE]
        return {"machine": {limit.label: asdict(machine_of(limit)) for limit in measured}} if measured else {}


def _part(config: SearchConfig, scores: SearchScores | None, data: str | Path | None) -> SearchSpace | None:
    """Return the part of its space that a search draws from; None for all of it."""
    part: SearchSpace | None = None
    if config.draw == "scored" and isinstance(scores, TableScores):
        part = ScoredSubset(space(config.space), scores.scored_keys())
    limits = limits_of(config.constraints)
    return feasible(part or space(config.space), limits, config, scores, data) if limits else part


def _measure(config: SearchConfig, scores: SearchScores | None, data: str | Path | None) -> Number | None:
    """Return the measure of a search: of an interval that was measured the middle."""
    if not config.measure:
        return None
    limit = measure_of(config.measure)
    value = values_of([limit], config, scores, data)

    def measure(key: str) -> float | None:
        known = value(limit, key)
        return None if known.low is None or known.high is None else (known.low + known.high) / 2

    return measure


def load_data(experiment: Experiment, data: str | Path | None = None) -> list[LoadedSearch]:
    """Read the tables and images that the searches need, and check that each can begin.

    Args:
        experiment: the searches.
        data: the data directory.

    Raises:
        ValueError, TypeError: an impossible option; the message names the search.
        DataError, StoreError: a file that cannot be read.
    """
    found: list[LoadedSearch] = []
    sources: dict[str, SearchScores | None] = {}
    for config in experiment.searches:
        same = json.dumps([config.scores.model_dump(), config.proxies(), config.space], sort_keys=True)
        try:
            if same not in sources:
                sources[same] = load_scores(config)
            part = _part(config, sources[same], data)
            measure = _measure(config, sources[same], data)
            search = LoadedSearch(config, load_evaluator(config, data, sources[same]), sources[same], part, measure)
            search.strategy(lambda key: None, 0)
            for name in set(config.report.values()) - set(search.evaluator.metric_names):
                read_column(name, config.space, data)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{config.label}: {error}") if len(error.args) == 1 else error from error
        found.append(search)
    return found


def run_experiment(searches: list[LoadedSearch], journal: Journal, report: Report = lambda progress: None) -> None:
    """Run the rest of each search, repeat by repeat; steps in the journal are played again.

    Args:
        searches: the searches, one after the other.
        journal: the record, of these searches with the same or smaller budgets and repeats, or new.
        report: called from time to time, and at the end.

    Raises:
        ValueError: the journal holds one of them with another provenance; the message lists the differences.
        Diverged: the journal was written by another version of a strategy.
        AllFailed: no architecture of many has a score that should have, or none has a fitness.
        KeyboardInterrupt: it was stopped; at most the evaluation in flight is lost.
    """
    searches = _declare(searches, journal)
    total, done = sum(each.config.repeats for each in searches), 0
    for each in searches:
        if isinstance(each.scores, LiveScores):
            each.scores.journal = journal
        if isinstance(each.part, FeasibleSpace):  # results say it, also of a search that is done
            _check_feasible(each.config.label, each.part)
        for repeat in range(each.config.repeats):
            _run_repeat(each, repeat, journal, report, SearchProgress(each.config.label, repeat, 0, 0.0, done, total))
            done += 1
    report(SearchProgress("", 0, 0, 0.0, done, total))


def _declare(searches: list[LoadedSearch], journal: Journal) -> list[LoadedSearch]:
    """Record the searches in the journal, or check that it holds the same; return them as they are to be continued."""
    there = journal.provenance()
    labels = {label for label, made in there.items() if "population" not in made}
    searches = [replace(each, as_before=each.config.label in labels) for each in searches]
    now = {each.config.label: each.provenance() for each in searches}
    for label, made in now.items():
        differences = changes(there.get(label, made), made)
        if differences:
            raise ValueError(
                f"{journal.path} holds {label!r} made otherwise ({'; '.join(differences.values())}): "
                "give it another label, or another store, or begin anew with --restart"
            )
    journal.declare(now)
    return searches


def _run_repeat(search: LoadedSearch, repeat: int, journal: Journal, report: Report, start: SearchProgress) -> None:
    config = search.config
    known = journal.history(config.label, repeat)
    if known and not config.budget.allows(len(known), known[-1].clock):
        return
    last = 0.0

    def write(step: int, entry: Entry) -> None:
        nonlocal last
        journal.add(config.label, repeat, step, entry, at_once=search.evaluator.costly)
        if time.monotonic() - last > _PATIENCE:
            report(replace(start, step=step + 1, clock=entry.clock))
            last = time.monotonic()

    if_all_fail = str(config.strategy.get("if_all_fail", "stop"))
    upfront = search.scores.upfront(map(proxy_label, config.proxies())) if search.scores else 0.0
    recorder = Recorder(search.evaluator, search.score, known, write, config.budget.allows, if_all_fail, upfront)
    asks = search.strategy(recorder.score, repeat)
    try:
        HOSTS.load(config.host)(asks, recorder.evaluate, recorder.within_budget, config.space)
    except Diverged as error:
        raise Diverged(
            f"{journal.path}: {config.label}, repeat {repeat}: {error}; it was written by another version: give "
            "another store, or begin anew with --restart"
        ) from error
    except AllFailed as error:
        raise AllFailed(f"{config.label}, run {repeat + 1}: {error}") from error
    finally:
        journal.flush()


def _check_feasible(label: str, searched: FeasibleSpace) -> None:
    """Check that something is within the limits before anything is scored.

    Raises:
        Infeasible: nothing is; the message names the search.
    """
    try:
        assert searched.share.inside
    except Infeasible as error:
        raise Infeasible(f"{label}: {error}") from error
