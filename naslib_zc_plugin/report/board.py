"""What a leaderboard holds: its options, a row per proxy, votes, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from naslib_zc_plugin.table import Column

from .aggregates import Aggregate
from .statistics import Agreement, Undefined
from .top import SHARE, Selected, Top


@dataclass(frozen=True)
class Options:
    """How a board is computed.

    Attributes:
        aggregates: what joins columns, as rows or votes of their own.
        undefined: where undefined scores rank. Failed ones, and architectures that are left, never do.
        positive: count scores that are not above zero as undefined, as epsilon's evaluation does on NAS-Bench-101 and
            NAS-Bench-NLP (and not on NAS-Bench-201).
        share: what the best are.
        resamples: of the 95 % intervals; 0 for none.
        seed: of the resamples.
    """

    aggregates: Sequence[Aggregate] = ()
    undefined: Undefined = "drop"
    positive: bool = False
    share: float = SHARE
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """One proxy.

    Attributes:
        label: of its column.
        column: its scores of the board's architectures.
        agreement: with all accuracies.
        top: the same among the best.
        selected: the network of its best score; None where none is defined.
        networks: the key of that network, or the keys of all that share the best score.
        seconds: median of the scores whose cost is known; None where none is.
        units: cost of one score in a unit of the caller's choice.
    """

    label: str
    column: Column
    agreement: Agreement
    top: Top
    selected: Selected | None
    networks: tuple[str, ...]
    seconds: float | None
    units: float | None = None


@dataclass(frozen=True)
class Vote:
    """A majority of proxies: the share of pairs that it orders correctly, over ``n`` architectures.

    ``undefined`` of them lack a member's score, which then votes minus; ``unscored`` more failed or are left.
    """

    label: str
    share: float
    n: int
    undefined: int
    unscored: int


@dataclass(frozen=True)
class Board:
    """A leaderboard.

    Attributes:
        name: the score table's.
        truth: what the accuracy is.
        rows: proxies and aggregates, best Spearman's rho first and those without one last.
        votes: aggregates that give no scores.
        architectures: how many of the table have an accuracy, and are compared.
        untrained: how many have none, and are left out.
        accuracies: the lowest and the highest.
        options: how it was computed.
        facts: how the scores were made; see :class:`~naslib_zc_plugin.table.ScoreTable`.
        command: what makes this board again; empty: not known.
    """

    name: str
    truth: str
    rows: Sequence[Row]
    votes: Sequence[Vote]
    architectures: int
    untrained: int
    accuracies: tuple[float, float]
    options: Options
    facts: Mapping[str, Any]
    command: str = ""
