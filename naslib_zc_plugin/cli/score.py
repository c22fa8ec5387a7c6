"""``nas-zc score``: a campaign, from its configuration to its store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from naslib_zc_plugin.cli._console import (
    RESUMABLE,
    ConfigArgument,
    DataOption,
    StoreOption,
    asked_to_stop,
    complain,
    live,
    say,
    show_table,
)

if TYPE_CHECKING:
    from naslib_zc_plugin.campaign.config import Config
    from naslib_zc_plugin.campaign.engines import Row
    from naslib_zc_plugin.campaign.run import Progress
    from naslib_zc_plugin.table import ScoreTable


def score(
    config: ConfigArgument,
    data: DataOption = None,
    workers: Annotated[Optional[int], typer.Option(min=1, help="Instead of the configuration's number.")] = None,
    store: StoreOption = None,
    arch: Annotated[
        Optional[str], typer.Option(metavar="KEY", help="Score this one alone; show where it stands in the store.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count, measure a few, estimate, and score nothing.")
    ] = False,
    extend: Annotated[bool, typer.Option("--extend", help="Add architectures or proxies to what is there.")] = False,
    fork_: Annotated[bool, typer.Option("--fork", help="Start another store beside one made otherwise.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Score again what failed.")] = False,
) -> None:
    """Score many architectures, and go on where it was stopped.

    The same command continues: kill it at any moment, and at most the architectures in flight are lost. Exit code 0:
    all is done; 75: stopped, to be continued.
    """
    from naslib_zc_plugin.campaign.config import load_campaign

    campaign = load_campaign(config, data)
    changes: dict[str, Any] = {"store": str(store)} if store else {}
    if workers:
        changes["engine"] = {**campaign.engine, "workers": workers}
    campaign = campaign.replace(**changes)
    if dry_run:
        return _estimate(campaign)
    if arch:
        return _score_one(campaign, arch)
    path = Path(campaign.store)
    if fork_:
        numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
        path = next(other for other in numbered if not other.exists())
    # A path of this machine is of no use to others.
    command = f"nas-zc score {config.name if config.is_absolute() else config}"
    done = run_campaign(campaign, path, extend, command, retry)
    say(f"{done.total:,} architectures in {path}: {done.undefined:,} scores undefined, {done.failed:,} failed.")


def run_campaign(config: Config, path: Path, extend: bool, command: str = "", retry: bool = False) -> Progress:
    """Score the missing architectures of a store, and show the progress.

    Args:
        config: the campaign.
        path: its store.
        extend: allow that architectures and proxies are added.
        command: the command that runs it, for readers of the results.
        retry: score again those that failed.

    Raises:
        typer.Exit: it was stopped; with the code of commands that go on.
    """
    from naslib_zc_plugin.campaign.config import provenance
    from naslib_zc_plugin.campaign.engines import engine
    from naslib_zc_plugin.campaign.run import prepare, run
    from naslib_zc_plugin.campaign.store import Store

    # Errors of the configuration come before a file is made, those far down in a file of keys as well.
    provenance(config)
    config.total()
    with asked_to_stop() as stop, closing(engine(config)) as started, Store(path) as store, live(_line) as report:
        prepare(config, store, extend, command)
        if retry:
            say(f"{store.forget_failures()} failed scores are made again.")
        done = run(config, store, started, report, lambda: bool(stop))
        counts, reason = store.counts(), store.most_frequent_reason()
    if done.pending:
        complain(f"stopped with {done.done:,} of {done.total:,} done in {path}; the same command goes on from there")
        raise typer.Exit(RESUMABLE)
    if counts.failed:
        every = "" if counts.ok + counts.undefined else "all "
        complain(f"{every}{counts.failed:,} scores failed; most often: {reason}")
    return done


def _line(progress: Progress) -> str:
    """Return the line of a campaign's progress."""
    text = (
        f"{progress.done:,} of {progress.total:,} done, {progress.undefined:,} undefined, {progress.failed:,} failed, "
        f"{progress.pending:,} pending"
    )
    if progress.remaining is None:
        return text
    pace = f"{progress.rate:.1f} a second" if progress.rate >= 1 else f"{60 * progress.rate:.1f} a minute"
    return f"{text}; {pace}, {_duration(progress.remaining)} to go"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes} min" if minutes < 120 else f"{seconds / 3600:.0f} h"


def _estimate(config: Config) -> None:
    """Print the number of architectures and their estimated cost, from a measured sample."""
    from naslib_zc_plugin.campaign.run import estimate

    found = estimate(config)
    workers = config.engine.get("workers", 1) or 1
    say(f"{found.architectures:,} architectures, {len(config.requests())} proxies.")
    say(f"Measured on {found.measured} in one worker: {found.seconds:.2f} s each (deviation {found.spread:.2f} s).")
    total = found.seconds * found.architectures / workers
    say(f"With {workers} worker(s) that are not in each other's way: about {_duration(total)}.")
    if found.memory is not None:
        size = found.memory * workers / 2**30
        say(f"A worker's memory went up to {found.memory / 2**30:.2f} GiB: {size:.1f} GiB for all.")
    for key, reason in found.failed.items():
        say(f"Failed: {key}: {reason}")


# One architecture --------------------


def _score_one(config: Config, key: str) -> None:
    """Score an architecture as a campaign would, and print it; with percentiles if the campaign's store is there.

    Raises:
        ValueError: the key is not of the space.
        Changed: the store was made with another configuration, so that its scores do not compare.
    """
    from naslib_zc_plugin.aggregates import aggregate_named
    from naslib_zc_plugin.campaign.engines import Task
    from naslib_zc_plugin.campaign.scorer import Scorer
    from naslib_zc_plugin.spaces import space

    key = space(config.space).canonical(key)
    others = _others(config)
    outcome = Scorer(config)(Task(key, tuple(config.requests())))
    rows = [[row.label, f"{row.value:.6g}" if row.value is not None else row.status, *_place(row, others)]
            for row in outcome.rows]  # fmt: skip
    rows += [_joined(name, outcome.rows, others) for name in config.proxies if others and aggregate_named(name)]
    show_table(["proxy", "score", "percentile", "among"], rows, numbers=["score", "percentile"])
    if others is None:
        say(f"A score by itself tells little: without --arch this makes {config.store}, to compare it with.")
    else:
        say("Percentile: the share of the scored architectures that the proxy thinks worse, ties counted by half.")


def _others(config: Config) -> ScoreTable | None:
    """Return the table of the campaign's store; None if there is no such file."""
    from naslib_zc_plugin.campaign.config import provenance
    from naslib_zc_plugin.campaign.run import Changed
    from naslib_zc_plugin.campaign.store import read_table
    from naslib_zc_plugin.store.provenance import contradictions

    if not Path(config.store).exists():
        return None
    found = read_table(config.store)
    if differences := contradictions(found.facts, provenance(config)):
        raise Changed(config.store, differences)
    return found


def _joined(name: Any, rows: Sequence[Row], others: ScoreTable) -> list[str]:
    """Return the line of an aggregate: the architecture's number among those of the store, and where that stands."""
    from naslib_zc_plugin.aggregates import Aggregate, Reference, ranked_scores
    from naslib_zc_plugin.campaign.engines import Row
    from naslib_zc_plugin.table import STATUSES, ScoreTable

    aggregate = Aggregate.parse(name)
    columns = {label: others[label] for label in aggregate.labels}
    scored = {label: [None if v == -math.inf else v for v in ranked_scores(c).tolist()] for label, c in columns.items()}
    signs = {label: 1 if column.higher_is_better else -1 for label, column in columns.items()}
    mine = {
        row.label: math.nan if row.status == "failed" else None if row.value is None else row.value * signs[row.label]
        for row in rows if row.label in columns
    }  # fmt: skip
    try:
        value = Reference(aggregate, [dict(zip(scored, each)) for each in zip(*scored.values())]).value(mine)
    except ValueError as error:
        return [name, "–", "–", str(error)]
    status = "failed" if math.isnan(value) else STATUSES[1]
    found = Row(name, None if math.isnan(value) else value, status, "a member failed" if math.isnan(value) else "")
    table = ScoreTable(others.name, others.keys, {name: aggregate.column(others)})
    return [name, status if found.value is None else f"{value:.6g}", *_place(found, table)]


def _place(row: Row, others: ScoreTable | None) -> tuple[str, str]:
    """Return the cells of a score's percentile, and of the scores that it is compared with."""
    from naslib_zc_plugin.report.selection import percentile

    if others is None or row.label not in others.columns:
        return "–", ""
    if row.value is None:
        return "–", row.reason
    place = percentile(row.value, others[row.label])
    percent = "–" if place.percentile is None else f"{place.percentile:.1f}"
    return percent, f"{place.n:,} scored, {place.undefined:,} undefined, {place.failed:,} failed"
