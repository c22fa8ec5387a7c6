"""All score tables at once: proxies and aggregates by benchmark and data set, for one leaderboard page.

:func:`overview` joins the tables that are compared with the same accuracies, chooses for each proxy its largest
measurement there, and compares all of them with each other on the networks that they share.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from naslib_zc_plugin.aggregates import AGGREGATES, Aggregate, oriented
from naslib_zc_plugin.proxies import canonical
from naslib_zc_plugin.report.correlations import Floats, Indices, IntervalEstimate, agreement, partial_agreement
from naslib_zc_plugin.report.leaderboards import is_scored, matched
from naslib_zc_plugin.report.paired import (
    COMPARED,
    FEWEST,
    MEASURES,
    Neighbour,
    Standings,
    networks_compared,
    standings,
)
from naslib_zc_plugin.report.selection import Selected, selected
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

CONTROLS = ("params", "flops")
TRIVIAL = frozenset(
    "params flops layers depth width_depth total_width activations peak_activations l2_norm".split()
)  # fmt: skip
"""Proxies that count: what a score has to beat."""


@dataclass(frozen=True)
class Source:
    """A score table, and what it is compared with.

    Attributes:
        table: the scores.
        truth: accuracy by architecture, higher better.
        truth_name: its name.
        benchmark: whose architectures they are.
        data_set: its name; entries of one benchmark and data set are compared with each other, by the accuracies that
            most of their proxies are compared with.
        sizes: "params" and "flops" by architecture, as far as they are known, for what is said at equal size.
        latencies: milliseconds by architecture, by what was timed.
        clusters: class of identical (or closely related) networks by architecture; those left out are alone.
        families: the same for display, of networks that have families.
        source: where the accuracies come from.
        path: the table's file, as it is named in commands.
        config: the configuration that makes the scores, where it is known; provenance names the command of before.
        reasons: by label how many scores do not exist for each reason, as far as that is known.
        titles: of the benchmark and of the data set, as papers write them; empty ones: their names.
        meaning: of the accuracy.
    """

    table: ScoreTable
    truth: Mapping[str, float]
    truth_name: str
    benchmark: str
    data_set: str
    sizes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    clusters: Mapping[str, str] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    path: str = ""
    config: str = ""
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    titles: tuple[str, str] = ("", "")
    meaning: str = ""
    latencies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command that makes the scores: of the configuration, where it is known; empty if nothing tells."""
        return f"nas-zc score {shlex.quote(self.config)}" if self.config else str(self.table.facts.get("command", ""))


@dataclass(frozen=True)
class Other:
    """A further measurement of the same proxy on the same data set, which is not the one that is shown."""

    entry: int
    label: str
    n: int
    tau: float | None


@dataclass(frozen=True, eq=False)
class BoardCell:
    """One proxy (or aggregate) on one data set.

    Attributes:
        entry: number of the entry of its scores (of the first member's, for aggregates).
        entries: numbers of all entries that have a part in it: of an aggregate those of its members.
        label: of its column there.
        column: its scores of the group's networks.
        n: of them that are defined.
        estimates: by measure ("tau", "rho", "ndcg", "top", and "tau|params" for what holds at equal parameters).
        ranks: by measure of tau's and rho's: rank, and the best and worst one that comparisons allow; 1 the best.
        neighbours: by the same measures, the names of what is next to it in rank and the differences to it.
        among_best: the measures in which it cannot be told from the best.
        pick: the network that it selects; None where it has no score.
        picked: the keys of that network, or of all that share the best score.
        others: further measurements.
    """

    entry: int
    entries: Sequence[int]
    label: str
    column: Column
    n: int
    estimates: Mapping[str, IntervalEstimate]
    ranks: Mapping[str, tuple[int, int, int]]
    neighbours: Mapping[str, Sequence[tuple[str, Neighbour]]]
    among_best: Sequence[str]
    pick: Selected | None
    picked: Sequence[str]
    others: Sequence[Other] = ()


@dataclass(frozen=True, eq=False)
class Group:
    """The proxies of one benchmark and data set.

    Attributes:
        of: an entry with the accuracies that all are compared with.
        keys: the networks that have it and that some proxy scored.
        truth: their accuracies.
        sizes: "params" and "flops" of them, NaN where not known; a name that is not known at all is left out.
        latencies: milliseconds of them by what was timed, NaN where not known.
        families: of the networks; empty where there are none.
        classes: the number of classes of identical or related networks among those compared.
        plotted: places of the networks that pictures show.
        cells: by name of the row.
        wins: by measure, of the rows in ``ranked``: 1 where the row's is better than the column's, −1 worse, else 0.
        ranked: names of the rows that are compared with each other.
        alike: Spearman's rho between them, the same order; NaN where they share fewer than ten networks.
    """

    of: Source
    keys: Sequence[str]
    truth: Floats
    sizes: Mapping[str, Floats]
    latencies: Mapping[str, Floats]
    families: Sequence[str]
    classes: int
    plotted: Indices
    cells: Mapping[str, BoardCell]
    wins: Mapping[str, npt.NDArray[np.int8]]
    ranked: Sequence[str]
    alike: Floats


@dataclass(frozen=True)
class BoardRow:
    """A line of the overview.

    Attributes:
        name: of the proxy as it is usually called, with the label of a variant behind it.
        proxy: the proxy's name, or the aggregate's kind.
        kind: "proxy", "variant" (a proxy under another label than its own) or "aggregate".
        members: of an aggregate.
        chosen_on: benchmarks whose accuracies helped to choose its members.
    """

    name: str
    proxy: str
    kind: str
    members: Sequence[str] = ()
    chosen_on: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Overview:
    """Rows, groups in the order of the entries, and the entries themselves."""

    rows: Sequence[BoardRow]
    groups: Sequence[Group]
    entries: Sequence[Source]


_Found = tuple[Sequence[int], str, Column]  # numbers of entries, the label and the column, of the group's networks


def row_of(label: str, column: Column) -> BoardRow:
    """Return the row that a column belongs to: its proxy's, or one of its own where the label names a variant.

    >>> column = Column("meco", 1, True, np.zeros(1), np.ones(1, np.uint8), np.zeros(1), {"channels": 8})
    >>> row_of("meco_opt", column).name, row_of("8 channels", column).name
    ('meco_opt', 'meco: 8 channels')
    """
    try:
        proxy, options = canonical(label)
    except ValueError:
        proxy, options = label, {}
    if proxy != column.proxy:
        return BoardRow(f"{column.proxy}: {label}", column.proxy, "variant")
    return BoardRow(label if options else proxy, proxy, "proxy")


def overview(entries: Sequence[Source], aggregates: Sequence[Aggregate] = (), seed: int = 0) -> Overview:
    """Join tables into one overview.

    Args:
        entries: the tables, each with what it is compared with.
        aggregates: joined where a data set has scores of all members.
        seed: of what is drawn: the networks compared where there are many, and the resamples of shares of the best.

    Raises:
        ValueError: there is no entry, or no architecture of one has an accuracy.
    """
    if not entries:
        raise ValueError("a leaderboard needs one table of scores or more")
    places: dict[tuple[str, str], list[int]] = {}
    for number, entry in enumerate(entries):
        places.setdefault((entry.benchmark, entry.data_set), []).append(number)
    rows: dict[str, BoardRow] = {}
    groups = [_group(entries, numbers, aggregates, rows, seed) for numbers in places.values()]
    return Overview(list(rows.values()), groups, entries)


def _group(
    entries: Sequence[Source],
    numbers: Sequence[int],
    aggregates: Sequence[Aggregate],
    rows: dict[str, BoardRow],
    seed: int,
) -> Group:
    """Compare the proxies of one data set, and add their rows to those that are known."""
    truth_of = _usual_truth([entries[number] for number in numbers])
    tables = {number: matched(entries[number].table, truth_of.truth, truth_of.truth_name)[0] for number in numbers}
    keys = list(dict.fromkeys(key for table in tables.values() for key in table.keys))
    found: dict[str, list[_Found]] = {}
    for number, table in tables.items():
        for label, column in _spread(table, keys).items():
            row = row_of(label, column)
            rows.setdefault(row.name, row)
            found.setdefault(row.name, []).append(([number], label, column))
    for each in found.values():
        each.sort(key=lambda one: -int(np.count_nonzero(is_scored(one[2]))))
    for aggregate in aggregates:
        made = _aggregated(aggregate, found, keys)
        if made is not None:
            kind = AGGREGATES.load(aggregate.kind)
            row = BoardRow(aggregate.label, aggregate.kind, "aggregate", aggregate.labels, kind.chosen_on)
            rows.setdefault(row.name, row)
            found[row.name] = [made]
    return _compared(entries, numbers, truth_of, keys, found, rows, seed)


def _usual_truth(entries: Sequence[Source]) -> Source:
    """Return an entry with the accuracies that most proxies are compared with, variants aside."""
    proxies: dict[str, set[str]] = {}
    for entry in entries:
        names = {column.proxy for column in entry.table.columns.values()}
        proxies[entry.truth_name] = proxies.get(entry.truth_name, set()) | names
    name = max(proxies, key=lambda each: len(proxies[each]))
    return next(entry for entry in entries if entry.truth_name == name)


def _spread(table: ScoreTable, keys: Sequence[str]) -> dict[str, Column]:
    """Return a table's columns over more keys: what it does not have is pending."""
    places = {key: place for place, key in enumerate(table.keys)}
    at = np.array([places.get(key, -1) for key in keys], dtype=np.intp)
    there = at >= 0

    def spread(values: npt.NDArray[Any], missing: float) -> npt.NDArray[Any]:
        return np.where(there, values[at], np.array(missing, dtype=values.dtype))

    return {
        label: replace(
            each,
            values=spread(each.values, math.nan),
            status=spread(each.status, STATUSES.index("pending")),
            seconds=spread(each.seconds, math.nan),
        )
        for label, each in table.columns.items()
    }


def _aggregated(aggregate: Aggregate, found: Mapping[str, Sequence[_Found]], keys: Sequence[str]) -> _Found | None:
    """Join the members' scores; of several measurements of a member, that which shares most networks with the rest."""
    labels = aggregate.labels
    if not set(labels) <= set(found):
        return None
    fewest = min(labels, key=lambda label: len(found[label]))
    shared = is_scored(found[fewest][0][2])
    columns, entries = {}, list(found[fewest][0][0])
    for label in labels:
        chosen = max(found[label], key=lambda one: np.count_nonzero(is_scored(one[2]) & shared))
        columns[label] = chosen[2]
        entries += chosen[0]
        shared = shared & is_scored(chosen[2])
    if np.count_nonzero(shared) < FEWEST:
        return None
    return list(dict.fromkeys(entries)), aggregate.text, aggregate.column(ScoreTable(aggregate.label, keys, columns))


def _compared(
    entries: Sequence[Source],
    numbers: Sequence[int],
    truth_of: Source,
    keys: Sequence[str],
    found: Mapping[str, Sequence[_Found]],
    rows: Mapping[str, BoardRow],
    seed: int,
) -> Group:
    """Return a group with all cells."""
    truth = np.array([truth_of.truth[key] for key in keys])
    scores = np.stack([oriented(each[0][2]) for each in found.values()])
    sizes = _sizes([entries[number] for number in numbers], keys, found)
    clusters = np.unique([truth_of.clusters.get(key, f"\0{key}") for key in keys], return_inverse=True)[1].reshape(-1)
    chosen = networks_compared(scores, COMPARED, seed)
    names = list(found)
    ranked = [place for place, name in enumerate(names) if rows[name].kind != "variant"]
    made = standings(
        scores[:, chosen], truth[chosen], {k: v[chosen] for k, v in sizes.items()}, clusters[chosen], ranked, seed
    )
    _over_all(made, scores, truth, sizes, chosen)
    cells = {}
    for place, name in enumerate(names):
        entries_of, label, column = found[name][0]
        pick = selected(oriented(column), truth)
        cells[name] = BoardCell(
            entries_of[0], entries_of, label, column, int(np.isfinite(scores[place]).sum()),
            made.estimates[place], made.ranks[place],
            {key: [(names[each.place], each) for each in beside] for key, beside in made.neighbours[place].items()},
            made.among_best[place], pick,
            [keys[i] for i in pick.positions] if pick else [], [_other(one, truth) for one in found[name][1:]],
        )  # fmt: skip
    families = [truth_of.families.get(key, "") for key in keys] if truth_of.families else []
    return Group(
        truth_of, keys, truth, sizes, _over(truth_of.latencies, keys), families, len(np.unique(clusters[chosen])),
        chosen, cells, made.wins, [names[place] for place in ranked], _alike(scores[ranked][:, chosen]),
    )  # fmt: skip


def _over(measures: Mapping[str, Mapping[str, float]], keys: Sequence[str]) -> dict[str, Floats]:
    return {name: np.array([found.get(key, math.nan) for key in keys]) for name, found in measures.items()}


def _sizes(entries: Iterable[Source], keys: Sequence[str], found: Mapping[str, Sequence[_Found]]) -> dict[str, Floats]:
    """Return parameters and FLOPs: those of the benchmark, or else of the proxies that count them."""
    sizes = {}
    for name in CONTROLS:
        given = next((entry.sizes[name] for entry in entries if entry.sizes.get(name)), {})
        counted = _over({name: given}, keys)[name]
        for _, _, column in found.get(name, ()):
            counted = np.where(np.isfinite(counted), counted, column.values)
        if np.isfinite(counted).sum() >= FEWEST:
            sizes[name] = counted
    return sizes


def _over_all(made: Standings, scores: Floats, truth: Floats, sizes: Mapping[str, Floats], chosen: Indices) -> None:
    """Put coefficients over all networks in the place of those over the chosen ones; intervals are as much narrower."""
    for place, score in enumerate(scores):
        defined = np.isfinite(score)
        all_of_them, few = int(defined.sum()), int(defined[chosen].sum())
        if all_of_them == few or few < FEWEST:
            continue
        shrink = math.sqrt(few / all_of_them)
        for control in ("", *sizes):
            found = partial_agreement(score, truth, [sizes[control]] if control else [], resamples=0)
            for measure, coefficient in MEASURES.items():
                name = f"{measure}|{control}" if control else measure
                old, value = made.estimates[place][name], getattr(found, coefficient).value
                if value is not None and old.value is not None and old.high is not None and old.low is not None:
                    half = (old.high - old.low) / 2 * shrink
                    new = IntervalEstimate(value, max(-1.0, value - half), min(1.0, value + half))
                    made.estimates[place][name] = new


def _other(one: _Found, truth: Floats) -> Other:
    (entry, *_), label, column = one
    values = oriented(column)
    there = np.isfinite(values)
    tau = agreement(values[there], truth[there], resamples=0).kendall.value
    return Other(entry, label, int(there.sum()), tau)


def _alike(scores: Floats) -> Floats:
    """Return Spearman's rho between scores, each over the networks that both define."""
    from scipy.stats import rankdata

    found = np.full((len(scores),) * 2, np.nan)
    for i, one in enumerate(scores):
        for j, other in enumerate(scores[:i]):
            both = np.isfinite(one) & np.isfinite(other)
            if both.sum() >= FEWEST:
                x, y = rankdata(one[both]), rankdata(other[both])
                if np.ptp(x) and np.ptp(y):
                    found[i, j] = found[j, i] = np.corrcoef(x, y)[0, 1]
    np.fill_diagonal(found, 1.0)
    return found
