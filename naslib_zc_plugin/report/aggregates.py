"""Several proxies joined into one ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

from .bootstrap import Floats
from .statistics import Scores, as_array, finite_truth

MEMBERS = {"tenas": ("ntk", "linear_regions"), "vote": ("synflow", "jacov", "snip"), "rank_product": ()}
"""The columns that each kind of aggregate joins where none are named: TE-NAS' and zero-cost-nas'."""

_CELLS = 2**20  # pairs compared at once


@dataclass(frozen=True)
class Aggregate:
    """A kind of :data:`MEMBERS`, and the labels of the columns that it joins."""

    kind: str
    members: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Aggregate:
        """``kind`` or ``kind:label,label``.

        Raises:
            ValueError: another kind, or labels missing.
        """
        kind, _, labels = text.partition(":")
        members = tuple(filter(None, map(str.strip, labels.split(",")))) or MEMBERS.get(kind, ())
        if kind not in MEMBERS or not members or (kind == "tenas" and len(members) != 2):
            raise ValueError(f"aggregate {text!r}: write tenas, vote:A,B,C or rank_product:A,B, with columns A, B, C")
        return cls(kind, members)

    @property
    def label(self) -> str:
        """Its kind, with the columns where they are others than usual."""
        return self.kind if self.members == MEMBERS[self.kind] else f"{self.kind}({', '.join(self.members)})"

    def column(self, table: ScoreTable) -> Column:
        """The ranks of the columns joined into one, higher better, defined where all of them are.

        What one column lacks the aggregate lacks for the same reason. Seconds are the sum.

        Raises:
            ValueError: the table lacks a column, or for a vote, which gives no scores.
        """
        if self.kind == "vote":
            raise ValueError("a vote gives no scores: see naslib_zc_plugin.report.aggregates.vote")
        columns = [table[label] for label in self.members]
        scores = tenas(*(c.values for c in columns)) if self.kind == "tenas" else rank_product(*map(upward, columns))
        status = np.full(len(table), STATUSES.index("ok"), dtype=np.uint8)
        for code in map(STATUSES.index, ("undefined", "failed", "left")):
            status[np.any([column.status == code for column in columns], axis=0)] = code
        seconds = np.sum([c.seconds for c in columns], axis=0)
        return Column(self.kind, 1, True, as_array(scores), status, seconds, {"members": self.members})


def upward(column: Column) -> Floats:
    """A column's scores, negated where lower is better."""
    return column.values if column.higher_is_better else -column.values


def tenas(ntk: Scores, regions: Scores) -> list[float | None]:
    r"""TE-NAS' two criteria joined, :math:`\mathrm{rank}(-\kappa) + \mathrm{rank}(R)`; higher is better.

    TE-NAS itself (Chen et al., ICLR 2021) scores no architecture: it prunes a supernet by how much each operation
    changes both ranks. The sum per architecture is the reading of AZ-NAS and GradAlign. It is relative to the networks
    given: adding one changes the others' scores.

    Args:
        ntk: condition numbers of the neural tangent kernel, lower better.
        regions: numbers of linear regions, higher better.

    Returns:
        Sums of average ranks (1 = worst) among the networks that have both; None where either is undefined.
    """
    return _optional(_ranks(-as_array(ntk), as_array(regions)).sum(axis=0))


def rank_product(*scores: Scores) -> list[float | None]:
    """Product of each architecture's ranks under several proxies; higher is better.

    It orders architectures as AZ-NAS' sum of log ranks does, and likewise is relative to the networks given.

    Args:
        scores: one sequence per proxy, oriented so that higher is better (negate the others).

    Returns:
        Products of average ranks (1 = worst) among the networks that all proxies score; None where any is undefined.

    Raises:
        ValueError: without a proxy, or for lengths that differ.
    """
    return _optional(_ranks(*map(as_array, scores)).prod(axis=0))


def vote(scores: Sequence[Scores], truth: Sequence[float] | Floats) -> float:
    r"""Share of architecture pairs that a majority of the proxies orders correctly: zero-cost-nas' vote.

    Over ordered pairs (i, j) of unequal accuracy each proxy votes plus if :math:`S_i > S_j` and minus
    otherwise, ties and undefined scores included; at least half of the votes make a plus, which is correct if
    i is the more accurate. A vote gives no score and need not be transitive. Published values (Abdelfattah et
    al., ICLR 2021: .82 on CIFAR-10 for synflow, jacob_cov and snip) stand among Spearman coefficients but are
    such shares p; 2p - 1 compares with tau.

    Args:
        scores: one sequence per proxy, oriented so that higher is better (negate the others).
        truth: the accuracies, finite, higher better.

    Raises:
        ValueError: without a proxy, for lengths that differ, or if all accuracies are equal.
    """
    values = _table(*map(as_array, scores))
    accuracies = finite_truth(truth, values.shape[1])
    correct = pairs = 0
    rows = max(1, _CELLS // max(1, len(accuracies)))
    for start in range(0, len(accuracies), rows):
        block = slice(start, start + rows)
        plus = 2 * sum((v[block, None] > v).astype(np.int16) for v in values) >= len(values)
        better, worse = accuracies[block, None] > accuracies, accuracies[block, None] < accuracies
        correct += int(np.count_nonzero(np.where(plus, better, worse)))
        pairs += int(np.count_nonzero(better | worse))
    if not pairs:
        raise ValueError("all accuracies are equal: a vote needs architectures that differ")
    return correct / pairs


def _table(*scores: Floats) -> Floats:
    if not scores or len({len(values) for values in scores}) > 1:
        raise ValueError("give one or more proxies, each with one score (or None) per architecture")
    return np.stack(scores)


def _ranks(*scores: Floats) -> Floats:
    """Average ranks per proxy, shape (proxies, n), among the columns without NaN; NaN elsewhere."""
    table = _table(*scores)
    scored = ~np.isnan(table).any(axis=0)
    ranks = np.full_like(table, np.nan)
    ranks[:, scored] = rankdata(table[:, scored], axis=1)
    return ranks


def _optional(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
