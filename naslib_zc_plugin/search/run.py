"""An experiment as it runs: its searches one after the other, each as often as it is to be repeated."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Callable

from naslib_zc_plugin.campaign.identity import changes
from naslib_zc_plugin.hosts import drive
from naslib_zc_plugin.search.columns import column
from naslib_zc_plugin.search.config import Experiment, Search
from naslib_zc_plugin.search.drawn import Drawn
from naslib_zc_plugin.search.evaluators import Evaluator, evaluator
from naslib_zc_plugin.search.journal import Entry, Journal
from naslib_zc_plugin.search.recorder import Diverged, Recorder, goes_on
from naslib_zc_plugin.search.scores import LiveScores, Scored, Scores, TableScores, label, options, scores
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.strategies import Domain, Strategy, strategy

_PATIENCE = 0.1  # seconds between reports


@dataclass(frozen=True)
class Progress:
    """Where an experiment stands.

    Attributes:
        search: the label of what runs.
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


Report = Callable[[Progress], None]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A search with all that it needs; ``facts`` is what its history depends on."""

    search: Search
    evaluator: Evaluator
    scores: Scores | None
    facts: dict[str, Any]

    def score(self, key: str) -> Scored:
        """The score of a key by the strategy's proxy."""
        assert self.scores is not None  # asked for by strategies with a proxy alone
        return self.scores(label(self.search.strategy["proxy"]), key)

    def strategy(self, score: Callable[[str], float | None], repeat: int) -> Strategy:
        """A fresh strategy, whose draws are those of the repeat."""
        own = options(self.search.strategy)
        asked = score if "proxy" in self.search.strategy else None
        seed = f"{self.search.seed}/{repeat}"
        return strategy(self.search.strategy["name"], self._domain, score=asked, seed=seed, **own)

    @cached_property
    def _domain(self) -> Domain:
        whole = space(self.search.space)
        if self.search.draw == "scored" and isinstance(self.scores, TableScores):
            return Drawn(whole, self.scores.judged())
        return whole


def prepare(experiment: Experiment, data: str | Path | None = None) -> list[Prepared]:
    """Read what the searches need.

    Raises:
        ValueError, TypeError: an option that cannot be; the message names the search.
        DataError, StoreError: a file that cannot be read.
    """
    found: list[Prepared] = []
    tables: dict[str, Scores | None] = {}
    for search in experiment.searches:
        same = json.dumps([search.scores, search.proxies(), search.space], sort_keys=True)
        try:
            if same not in tables:
                tables[same] = scores(search)
            source = tables[same]
            prepared = Prepared(search, evaluator(search, data, source), source, {})
            prepared.strategy(lambda key: None, 0)
            for name in set(search.report.values()) - set(prepared.evaluator.tells):
                column(name, search.space, data)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{search.label}: {error}") if len(error.args) == 1 else error from error
        prepared.facts.update(_facts(prepared))
        found.append(prepared)
    return found


def _facts(prepared: Prepared) -> dict[str, Any]:
    search = prepared.search
    plain = {
        "space": search.space,
        "strategy": dict(search.strategy),
        "evaluator": {**search.evaluator, **prepared.evaluator.facts()},
        "scores": prepared.scores.facts() if prepared.scores else None,
        "seed": search.seed,
        "host": search.host,
        **({"draw": search.draw} if search.draw != "all" else {}),
    }
    same: dict[str, Any] = json.loads(json.dumps(plain))
    return same


def declare(searches: list[Prepared], journal: Journal) -> None:
    """Note the searches in the journal, which may hold some of them; budgets and repeats may have grown.

    Raises:
        ValueError: the journal holds one of them made otherwise; the message tells what changed.
    """
    there = journal.facts()
    for each in searches:
        differences = changes(there.get(each.search.label, each.facts), each.facts)
        if differences:
            raise ValueError(
                f"{journal.path} holds {each.search.label!r} made otherwise ({'; '.join(differences.values())}): "
                "give it another label, or another store, or begin anew with --restart"
            )
    journal.declare({each.search.label: each.facts for each in searches})


def run(searches: list[Prepared], journal: Journal, report: Report = lambda progress: None) -> None:
    """Run what is left of each search, repeat by repeat; what the journal holds is played again.

    Raises:
        Diverged: the journal was written by another version of a strategy.
        KeyboardInterrupt: it was stopped; at most the evaluation in flight is lost.
    """
    total, done = sum(each.search.repeats for each in searches), 0
    for each in searches:
        if isinstance(each.scores, LiveScores):
            each.scores.memory = journal
        for repeat in range(each.search.repeats):
            _repeat(each, repeat, journal, report, Progress(each.search.label, repeat, 0, 0.0, done, total))
            done += 1
    report(Progress("", 0, 0, 0.0, done, total))


def _repeat(prepared: Prepared, repeat: int, journal: Journal, report: Report, start: Progress) -> None:
    search = prepared.search
    known = journal.history(search.label, repeat)
    if known and not goes_on(search.budget, len(known), known[-1].clock):
        return
    last = [0.0]

    def write(step: int, entry: Entry) -> None:
        journal.add(search.label, repeat, step, entry, at_once=prepared.evaluator.costly)
        if time.monotonic() - last[0] > _PATIENCE:
            report(replace(start, step=step + 1, clock=entry.clock))
            last[0] = time.monotonic()

    recorder = Recorder(prepared.evaluator, prepared.score, known, write, search.budget)
    try:
        drive(search.host)(prepared.strategy(recorder.score, repeat), recorder.evaluate, recorder.goes_on, search.space)
    except Diverged as error:
        raise Diverged(
            f"{journal.path}: {search.label}, repeat {repeat}: {error}; it was written by another version: give "
            "another store, or begin anew with --restart"
        ) from error
    finally:
        journal.flush()
