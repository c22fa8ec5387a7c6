"""A ranking of networks: its rows, how it is shown, and what a gap in it is worth."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from naslib_zc_plugin.aggregates import Aggregate, Floats
from naslib_zc_plugin.files import replacing
from naslib_zc_plugin.scoring import Scores
from naslib_zc_plugin.text_table import TextTable, table_html, table_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SIZES = ("params", "flops")
"""Scored of all candidates, for tables and figures."""
_NAMED = 3  # in a sentence


@dataclass(frozen=True)
class RankedCandidate:
    """A candidate in a ranking.

    Attributes:
        name: its name.
        place: 1 the best; equals share the better place. None: it has no rank, for the ``reason``.
        joint: the joined number, higher better, the mean over draws of weights.
        scores: by label, those that have a part in the rank and ``params`` and ``flops``; the means over draws.
        ranks: by label, 1 the best, the mean over draws.
        seconds: from the candidate to its scores, building included.
        places: its place in each draw of weights.
        kept: share of the draws in which it is ahead of the one that follows it; None for the last, and for one draw.
        reason: why it has no rank.
    """

    name: str
    place: int | None
    joint: float | None
    scores: Scores
    ranks: Mapping[str, float]
    seconds: float
    places: tuple[int, ...] = ()
    kept: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class CandidateRanking:
    """Candidates, the best first; those without a rank last. It prints as a table.

    Attributes:
        rows: the candidates.
        recipe: the aggregate that joins the scores.
        members: labels of the proxies that it joins here.
        dropped: label → reason, of the members that have no part.
        why: why this recipe was taken; empty where it was asked for.
        inputs: ``"images"``, ``"tokens"`` or ``"features"``: what the candidates see.
        notes: what else is to be known, a sentence each.
    """

    rows: Sequence[RankedCandidate]
    recipe: Aggregate
    members: Sequence[str]
    dropped: Mapping[str, str]
    why: str = ""
    inputs: str = ""
    notes: Sequence[str] = ()
    _reread: Callable[[str], dict[str, list[str]]] | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[RankedCandidate]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> RankedCandidate:
        """Return a candidate by its name.

        Raises:
            KeyError: there is none of that name.
        """
        return {row.name: row for row in self.rows}[name]

    @property
    def order(self) -> list[str]:
        """The names of those that have a rank, the best first."""
        return [row.name for row in self.rows if row.place is not None]

    def modules_read(self, name: str) -> dict[str, list[str]]:
        """Return the names of the modules that each member reads of a candidate, which is run once more for that.

        Args:
            name: of the candidate.

        Raises:
            KeyError: there is none of that name.
            ValueError: the network is gone, or cannot be built or run.
        """
        self[name]
        if self._reread is None:
            raise ValueError("this ranking was not made from networks")
        return self._reread(name)

    # Shown --------------------

    def table(self) -> TextTable:
        """Return the ranking as a table: behind each score stands its rank."""
        several = any(len(row.places) > 1 for row in self.rows)
        evidence = [self._evidence(row, below) for row, below in zip(self.rows, [*self.rows[1:], None])]
        columns: dict[str, list[str]] = {
            "candidate": [row.name for row in self.rows],
            "place": ["–" if row.place is None else str(row.place) for row in self.rows],
            "joint": [_digits(row.joint, ".3f") for row in self.rows],
            **{label: [_cell(row, label) for row in self.rows] for label in self.members},
            **{name: [_digits(row.scores[name].value, ".4g") if name in row.scores else "–" for row in self.rows]
               for name in SIZES if name not in self.members},
            "seconds": [f"{row.seconds:.2f}" for row in self.rows],
        }  # fmt: skip
        if several:
            columns["places"] = [_span(row.places) for row in self.rows]
            columns["kept"] = [_digits(row.kept, ".0%") for row in self.rows]
        if any(evidence):
            columns["measured right"] = evidence
        if any(row.reason for row in self.rows):
            columns["no rank because"] = [row.reason for row in self.rows]
        title = f"{len(self.order)} of {len(self.rows)} candidates ranked by {self.recipe.label}"
        words = ["measured right", "no rank because"]
        return TextTable(title, list(columns), list(zip(*columns.values())), words, self._sentences(several, evidence))

    def _sentences(self, several: bool, evidence: Sequence[str]) -> list[str]:
        lines = [f"{self.recipe.label}: {self.why}."] if self.why else []
        lines += [f"{label} has no part: {reason}." for label, reason in self.dropped.items()]
        lines += [f"{note}." for note in self.notes]
        if several:
            stable = [row.kept for row in self.rows if row.kept is not None]
            lines.append(
                "kept: share of the draws of weights in which a candidate is ahead of the next; "
                f"{sum(share == 1 for share in stable)} of {len(stable)} are so in all. It says what is stable, not "
                "what is right."
            )
        if any(evidence):
            lines.append("measured right: how often a gap of that size had the right order among trained networks.")
        return lines

    def _evidence(self, row: RankedCandidate, below: RankedCandidate | None) -> str:
        """Return how often a gap like the one to the next had the right order, where that was measured."""
        if below is None or row.joint is None or below.joint is None or not self.members:
            return ""
        gap = (row.joint - below.joint) / len(self.members)
        entries = [
            each for each in measured_pairs() if (each["recipe"], each["inputs"]) == (self.recipe.kind, self.inputs)
        ]
        found = ((each["benchmark"], _share_at(each, gap)) for each in entries)
        return ", ".join(f"{share:.0%} {benchmark}" for benchmark, share in found if share is not None)

    def __str__(self) -> str:
        """Return the table as text."""
        return table_text(self.table()).rstrip()

    def _repr_html_(self) -> str:
        return table_html(self.table())

    def to_frame(self) -> pd.DataFrame:
        """Return the ranking as a data frame: a row per candidate, for each label its value, status and rank.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("data frames need pandas: pip install 'naslib-zc-plugin[tables]'") from error
        lines = []
        for row in self.rows:
            line: dict[str, Any] = {"place": row.place, "joint": row.joint}
            for label, found in row.scores.items():
                rank = {f"{label}_rank": row.ranks.get(label)} if label in self.members else {}
                line.update({label: found.value, f"{label}_status": found.status, **rank})
            lines.append({**line, "seconds": row.seconds, "kept": row.kept, "reason": row.reason})
        frame = pd.DataFrame(lines, index=pd.Index([row.name for row in self.rows], name="candidate"))
        return frame.astype({"place": "Int64"}) if len(frame) else frame

    def plot(self, size: str = "params", path: str | Path | None = None) -> Figure:
        """Draw the joined number against the size of the candidates.

        Crosses have an undefined score, and rank last by it; what has no rank stands below the others.

        Args:
            size: ``"params"`` or ``"flops"``.
            path: of a file to write, .png, .svg or .pdf.

        Returns:
            The figure, which notebooks show.

        Raises:
            ValueError: another size.
            ImportError: matplotlib is not installed.
        """
        if size not in SIZES:
            raise ValueError(f"size must be {' or '.join(map(repr, SIZES))}, not {size!r}")
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError("figures need matplotlib: pip install 'naslib-zc-plugin[plots]'") from error
        figure = Figure(figsize=(6.0, 4.5), layout="constrained")
        axes = figure.subplots()
        joints = [row.joint for row in self.rows if row.joint is not None]
        below = min(joints, default=0.0) - 0.1 * (max(joints, default=0.0) - min(joints, default=0.0) or 1.0)
        for row in self.rows:
            found = row.scores.get(size)
            if found is None or found.value is None:
                continue
            undefined = any(row.scores[label].value is None for label in self.members if label in row.scores)
            style = ("s", "0.6") if row.joint is None else ("x", "C3") if undefined else ("o", "C0")
            height = below if row.joint is None else row.joint
            axes.plot([found.value], [height], style[0], color=style[1])
            axes.annotate(
                row.name, (found.value, height), (4, 4), textcoords="offset points", fontsize=8, parse_math=False
            )
        if any(row.scores.get(size) and row.scores[size].value for row in self.rows):
            axes.set_xscale("log")
        axes.set_xlabel("parameters" if size == "params" else "multiply-accumulate operations of a sample")
        axes.set_ylabel(f"{self.recipe.label}, higher is better", parse_math=False)
        missing = [row.name for row in self.rows if row.joint is None]
        title = f"no rank (grey): {some_names(missing)}" if missing else ""
        axes.set_title(title, fontsize=8, parse_math=False)
        if path is not None:
            with replacing(Path(path)) as draft:
                figure.savefig(draft, format=Path(path).suffix[1:] or "png")
        return figure


def _cell(row: RankedCandidate, label: str) -> str:
    found = row.scores.get(label)
    if found is None:
        return "–"
    value = found.status if found.value is None else f"{found.value:.4g}"
    return f"{value} ({row.ranks[label]:.3g})" if label in row.ranks else value


def _digits(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _span(found: Sequence[int]) -> str:
    return "–" if not found else f"{min(found)}" if min(found) == max(found) else f"{min(found)} to {max(found)}"


def some_names(names: Sequence[str]) -> str:
    """Return the first few names as text, and how many more there are.

    >>> some_names(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


# What a gap is worth --------------------


@cache
def measured_pairs() -> list[dict[str, Any]]:
    """Return how often gaps of a joined number had the right order among trained networks.

    Each entry is a mapping: ``recipe``, the aggregate's name; ``inputs``, what the networks see (``"images"``,
    ``"tokens"`` or ``"features"``); ``benchmark``, what they are of, as it is to be shown; ``networks``, how many;
    ``edges`` of the gaps, n + 1 ascending numbers, the last None for no end; ``right``, n numbers of pairs in the right
    order (ties by half); ``pairs``, n numbers of all pairs. :func:`pairs_in_order` counts them. A gap is the difference
    of two joined numbers over the number of members. There is no entry for what was not measured.
    """
    text = Path(__file__).with_name("measured_pairs.json").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = json.loads(text)["entries"]
    return entries


def pairs_in_order(
    joint: Floats, truth: Floats, members: int, edges: Sequence[float | None]
) -> tuple[list[float], list[int]]:
    """Count the pairs that a joined number orders as the accuracies do, by the gap between them.

    Args:
        joint: joined numbers of the networks, (n,).
        truth: their accuracies, (n,); pairs of equal ones are left out.
        members: how many proxies were joined.
        edges: of the gaps, ascending; None at the end: no end.

    Returns:
        Pairs in the right order (equal joined numbers count half), and all pairs, for each interval.

    >>> pairs_in_order(np.array([0.0, 1.0, 3.0]), np.array([1.0, 3.0, 2.0]), 1, [0, 1.5, None])
    ([1.0, 1.0], [1, 2])
    """
    bounds = np.array([math.inf if edge is None else edge for edge in edges])
    right, pairs = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1, dtype=int)
    for place in range(len(joint)):
        differ = truth[:place] != truth[place]
        gaps = (joint[:place][differ] - joint[place]) * np.sign(truth[:place][differ] - truth[place]) / members
        bins = np.searchsorted(bounds, np.abs(gaps), "right") - 1
        inside = (bins >= 0) & (bins < len(right))
        np.add.at(pairs, bins[inside], 1)
        np.add.at(right, bins[inside], np.where(gaps[inside] > 0, 1.0, np.where(gaps[inside] == 0, 0.5, 0.0)))
    return right.tolist(), pairs.tolist()


def _share_at(entry: Mapping[str, Any], gap: float) -> float | None:
    edges = [math.inf if edge is None else edge for edge in entry["edges"]]
    for low, high, right, pairs in zip(edges, edges[1:], entry["right"], entry["pairs"]):
        if low <= gap < high and pairs:
            return float(right / pairs)
    return None
