"""Several proxies joined into one ranking: TE-NAS' rank sum, the rank product, the majority vote.

An aggregate is an :class:`AggregateKind` and the columns that it joins, written ``kind`` or ``kind:A,B``. Other
distributions register kinds in the entry-point group ``naslib_zc_plugin.aggregates`` (name = module:object).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

import numpy as np

from naslib_zc_plugin.registry import Registry
from naslib_zc_plugin.report.correlations import Floats, Scores, as_array, finite_truth
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

_CELLS = 2**20  # pairs compared at once


@dataclass(frozen=True)
class AggregateKind:
    """A way to join columns: into scores, or into a share of pairs.

    Attributes:
        join: returns a score per architecture, higher better and None where undefined, given the columns in order.
        share: instead, returns the share of architecture pairs in order, given the columns' scores (higher better) and
            the accuracies.
        members: labels of the columns that are joined where none are named.
        count: number of columns that it takes; None: any.

    >>> import numpy as np
    >>> worst_rank = AggregateKind(join=lambda columns: np.min([oriented(column) for column in columns], axis=0))
    """

    join: Callable[[Sequence[Column]], Sequence[float | None]] | None = None
    share: Callable[[Sequence[Scores], Floats], float] | None = None
    members: tuple[str, ...] = ()
    count: int | None = None


AGGREGATES: Registry[AggregateKind] = Registry(
    "aggregate",
    "",
    "naslib_zc_plugin.aggregates",
    is_entry=lambda name, found: isinstance(found, AggregateKind) and (found.join is None) != (found.share is None),
    requirement="it must be an AggregateKind with either join or share",
    more={name: f"{__name__}:{name.upper()}" for name in ("rank_product", "tenas", "vote")},
)
"""All kinds of aggregates, those of other distributions too."""


@dataclass(frozen=True)
class Aggregate:
    """The name of a kind, and the labels of the columns that it joins."""

    kind: str
    members: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Aggregate:
        """Return the aggregate that is written as ``kind`` or ``kind:label,label``.

        Args:
            text: such as ``"tenas"`` or ``"rank_product:naswot,synflow"``.

        Raises:
            ValueError: the kind is unknown, or labels are missing.
            TypeError: another distribution's kind cannot be loaded, or is none.

        >>> Aggregate.parse("rank_product:naswot, synflow").members
        ('naswot', 'synflow')
        """
        name, _, labels = text.partition(":")
        name = AGGREGATES.canonical(name)
        kind = AGGREGATES.load(name)
        members = tuple(filter(None, map(str.strip, labels.split(",")))) or kind.members
        if not members or (kind.count is not None and len(members) != kind.count):
            number = "one column or more" if kind.count is None else f"{kind.count} columns"
            raise ValueError(f"aggregate {text!r} needs {number}: write {name}:A,B with their labels A, B")
        return cls(name, members)

    @property
    def label(self) -> str:
        """The kind, with the columns where they are not the usual ones."""
        usual = self.members == AGGREGATES.load(self.kind).members
        return self.kind if usual else f"{self.kind}({', '.join(self.members)})"

    @property
    def is_vote(self) -> bool:
        """Whether it gives a share of pairs instead of scores."""
        return AGGREGATES.load(self.kind).join is None

    def column(self, table: ScoreTable) -> Column:
        """Return the columns joined into one, higher better, defined where all of them are.

        Where one column has no score, the aggregate has none for the same reason. Seconds are the sum.

        Args:
            table: the scores.

        Raises:
            ValueError: the table has no such column, or the aggregate is a vote, which gives no scores.
        """
        join = AGGREGATES.load(self.kind).join
        if join is None:
            raise ValueError(f"the aggregate {self.kind!r} gives no scores, but a share of pairs: see its method share")
        columns = [table[label] for label in self.members]
        scores = as_array(join(columns))
        status = np.full(len(table), STATUSES.index("ok"), dtype=np.uint8)
        for code in map(STATUSES.index, ("undefined", "failed", "pending")):
            status[np.any([column.status == code for column in columns], axis=0)] = code
        seconds = np.sum([c.seconds for c in columns], axis=0)
        return Column(self.kind, 1, True, scores, status, seconds, {"members": self.members})

    def share(self, scores: Sequence[Scores], truth: Floats) -> float:
        """Return the share of architecture pairs that a vote orders as the accuracies do.

        Args:
            scores: one sequence per member, oriented so that higher is better.
            truth: the accuracies, finite, higher better.

        Raises:
            ValueError: the aggregate gives scores, not a share.
        """
        share = AGGREGATES.load(self.kind).share
        if share is None:
            raise ValueError(f"the aggregate {self.kind!r} gives scores, not a share of pairs: see its method column")
        return share(scores, truth)


def oriented(column: Column) -> Floats:
    """Return a column's scores, negated where lower is better."""
    return column.values if column.higher_is_better else -column.values


def tenas(ntk: Scores, regions: Scores) -> list[float | None]:
    r"""Join TE-NAS' two criteria, :math:`\mathrm{rank}(-\kappa) + \mathrm{rank}(R)`; higher is better.

    TE-NAS itself (Chen et al., ICLR 2021) scores no architecture: it prunes a supernet by the change of both ranks that
    each operation makes. The sum per architecture is the reading of AZ-NAS and GradAlign. It is relative to the given
    networks: adding one changes the others' scores.

    Args:
        ntk: condition numbers of the neural tangent kernel, lower better.
        regions: numbers of linear regions, higher better.

    Returns:
        Sums of average ranks (1 = worst) among the networks that have both; None where either is undefined.

    >>> tenas([10.0, 20.0, None], [7, 5, 9])
    [4.0, 2.0, None]
    """
    return _optional(_ranks(-as_array(ntk), as_array(regions)).sum(axis=0))


def rank_product(*scores: Scores) -> list[float | None]:
    """Multiply each architecture's ranks under several proxies; higher is better.

    It orders architectures as AZ-NAS' sum of log ranks does, and likewise is relative to the networks given.

    Args:
        scores: one sequence per proxy, oriented so that higher is better (negate the others).

    Returns:
        Products of average ranks (1 = worst) among the networks that all proxies score; None where any is undefined.

    Raises:
        ValueError: there is no proxy, or lengths differ.

    >>> rank_product([1, 2, 3], [5, 9, 7])
    [1.0, 6.0, 6.0]
    """
    return _optional(_ranks(*map(as_array, scores)).prod(axis=0))


def vote(scores: Sequence[Scores], truth: Sequence[float] | Floats) -> float:
    r"""Compute the share of architecture pairs that a majority of proxies orders correctly: zero-cost-nas' vote.

    Over ordered pairs (i, j) of unequal accuracy each proxy votes plus if :math:`S_i > S_j` and minus
    otherwise, ties and undefined scores included; at least half of the votes make a plus, which is correct if
    i is the more accurate. A vote gives no score and need not be transitive. Published values (Abdelfattah et
    al., ICLR 2021: .82 on CIFAR-10 for synflow, jacob_cov and snip) stand among Spearman coefficients but are
    such shares p; 2p - 1 compares with tau.

    Args:
        scores: one sequence per proxy, oriented so that higher is better (negate the others).
        truth: the accuracies, finite, higher better.

    Raises:
        ValueError: there is no proxy, lengths differ, or all accuracies are equal.

    >>> vote([[1, 2, 3], [1, 3, 2], [1, 2, 3]], [0.7, 0.8, 0.9])
    1.0
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
    """Compute average ranks per proxy, shape (proxies, n), among the columns without NaN; NaN elsewhere."""
    from scipy.stats import rankdata

    table = _table(*scores)
    scored = ~np.isnan(table).any(axis=0)
    ranks = np.full_like(table, np.nan)
    ranks[:, scored] = rankdata(table[:, scored], axis=1)
    return ranks


def _optional(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


TENAS = AggregateKind(
    lambda columns: tenas(columns[0].values, columns[1].values), members=("ntk", "linear_regions"), count=2
)
RANK_PRODUCT = AggregateKind(lambda columns: rank_product(*map(oriented, columns)))
VOTE = AggregateKind(share=vote, members=("synflow", "jacov", "snip"))
