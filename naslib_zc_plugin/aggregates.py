"""Several proxies joined into one number for networks that are compared: rank sums, log-rank sums, the majority vote.

An aggregate is an :class:`AggregateKind` and the proxies that it joins, written ``kind`` or ``kind:A,B``. The recipes
that have names are data at the end of this file. Other distributions register kinds in the entry-point group
``naslib_zc_plugin.aggregates`` (name = module:object).

A rank is that in a sample of networks. Within a set that is the set itself, so that another network changes all ranks;
strategies and single networks are ranked in a fixed sample (:class:`Reference`). An undefined score ranks last, as the
references' −∞ does. A member that is undefined for all networks says nothing of them, and is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from naslib_zc_plugin.proxies import proxy
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.registry import Registry
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

Floats = npt.NDArray[np.float64]
Join = Callable[[Floats, Floats], Floats]
Share = Callable[[Floats, Floats], float]
_CELLS = 2**20  # pairs compared at once


@dataclass(frozen=True)
class AggregateKind:
    """A way to join the scores of several proxies.

    Attributes:
        join: returns a number per network, (n,), higher is better, given the members' scores, (members, n), and those
            of the sample that they are ranked in, (members, m). Scores are higher where better, −∞ where undefined.
        members: the proxies that are joined where none are named.
        count: number of members that it takes; None: any.
        share: returns the share of pairs of networks in order, given scores, (members, n), and accuracies, (n,); of
            kinds that papers report by that number.
        chosen_on: benchmarks whose accuracies helped to choose the members, for a mark on what is measured there.

    >>> import numpy as np
    >>> worst_rank = AggregateKind(join=lambda scores, sample: places(scores, sample).min(axis=0))
    """

    join: Join
    members: tuple[ProxyRequest, ...] = ()
    count: int | None = None
    share: Share | None = None
    chosen_on: tuple[str, ...] = ()


def places(scores: Floats, sample: Floats) -> Floats:
    r"""Return the ranks of scores in a sample, 1 the worst, ties averaged.

    For scores of the sample itself these are its average ranks, 1 to m. A score that it does not hold lies between the
    ranks of its neighbours, in proportion on the scale of arsinh; beyond the highest it approaches m + ½, below the
    lowest ½ more than there are undefined ones. So ranks rise strictly with scores, and never leave (0, m + ½].

    Args:
        scores: shape (members, n), higher better, −∞ where undefined.
        sample: shape (members, m), m > 0, likewise.

    >>> import numpy as np
    >>> places(np.array([[3.0, 1.0, 3.0, -np.inf, 2.0, 9.0]]), np.array([[1.0, 3.0, 3.0]])).round(2).tolist()
    [[2.5, 1.0, 2.5, 0.5, 1.9, 3.03]]
    """
    return np.stack([_places(mine, np.sort(theirs)) for mine, theirs in zip(scores, sample)])


def _places(values: Floats, ordered: Floats) -> Floats:
    left, right = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    found: Floats = (left + right + 1) / 2
    finite = np.arcsinh(ordered[np.isfinite(ordered)])
    undefined = len(ordered) - len(finite)
    between = (left == right) & np.isfinite(values)
    if not len(finite) or not between.any():
        return found
    known, counts = np.unique(finite, return_counts=True)
    ranks = undefined + np.cumsum(counts) - (counts - 1) / 2
    step = (known[-1] - known[0]) / (len(known) - 1) if len(known) > 1 else 1.0
    inside = np.arcsinh(values[between])
    made = np.interp(inside, known, ranks)
    for beyond, end, sign, limit in ((inside < known[0], 0, -1, undefined), (inside > known[-1], -1, 1, len(ordered))):
        distance = sign * (inside[beyond] - known[end])
        made[beyond] = ranks[end] + (limit + 0.5 - ranks[end]) * distance / (distance + step)
    found[between] = made
    return found


def rank_sum(scores: Floats, sample: Floats) -> Floats:
    r"""Return :math:`\sum_k r_k`, the members' ranks in the sample added, as TE-NAS does.

    TE-NAS itself (Chen et al., ICLR 2021) scores no architecture: it prunes a supernet by the change of both ranks that
    each operation makes. The sum per architecture is the reading of AZ-NAS and GradAlign.

    >>> import numpy as np
    >>> scores = np.array([[-10.0, -20.0], [7.0, 5.0]])
    >>> rank_sum(scores, scores).tolist()
    [4.0, 2.0]
    """
    return np.asarray(places(scores, sample).sum(axis=0))


def log_rank_sum(scores: Floats, sample: Floats) -> Floats:
    r"""Return :math:`\sum_k \log(r_k / m)`, r the members' ranks in the sample of m networks (AZ-NAS, CVPR 2024).

    >>> import numpy as np
    >>> scores = np.array([[1.0, 2.0], [1.0, 2.0]])
    >>> log_rank_sum(scores, scores).round(3).tolist()
    [-1.386, 0.0]
    """
    return np.asarray(np.log(places(scores, sample) / sample.shape[1]).sum(axis=0))


def vote(scores: Floats, sample: Floats) -> Floats:
    r"""Return for each network the share of the sample that at least half of the members put below it.

    zero-cost-nas' vote (Abdelfattah et al., ICLR 2021) compares pairs: ties and undefined scores vote against. It need
    not be transitive; the share makes an order of it.

    >>> import numpy as np
    >>> scores = np.array([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]])
    >>> vote(scores, scores).round(2).tolist()
    [0.0, 0.67, 0.67]
    """
    found = np.zeros(scores.shape[1])
    for block in _blocks(scores.shape[1], sample.shape[1]):
        wins = sum((mine[block, None] > theirs).astype(np.int16) for mine, theirs in zip(scores, sample))
        found[block] = (2 * wins >= len(scores)).mean(axis=1)
    return found


def vote_share(scores: Floats, truth: Floats) -> float:
    r"""Compute the share of pairs of networks that a majority of proxies orders correctly: zero-cost-nas' vote.

    Over ordered pairs (i, j) of unequal accuracy each proxy votes plus if :math:`S_i > S_j` and minus
    otherwise, ties and undefined scores included; at least half of the votes make a plus, which is correct if
    i is the more accurate. Published values (Abdelfattah et al., ICLR 2021: .82 on CIFAR-10 for synflow, jacob_cov and
    snip) stand among Spearman coefficients but are such shares p; 2p - 1 compares with tau.

    Args:
        scores: shape (proxies, n), higher better, −∞ (or NaN) where undefined.
        truth: the accuracies, shape (n,), finite.

    Raises:
        ValueError: there is no proxy, lengths differ, or all accuracies are equal.

    >>> import numpy as np
    >>> vote_share(np.array([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0]]), np.array([0.7, 0.8, 0.9]))
    1.0
    """
    if not len(scores) or scores.shape[1:] != truth.shape:
        raise ValueError(f"scores of the shape {scores.shape} and {len(truth)} accuracies: give one for each network")
    correct = pairs = 0
    for block in _blocks(len(truth), len(truth)):
        plus = 2 * sum((mine[block, None] > mine).astype(np.int16) for mine in scores) >= len(scores)
        better, worse = truth[block, None] > truth, truth[block, None] < truth
        correct += int(np.count_nonzero(np.where(plus, better, worse)))
        pairs += int(np.count_nonzero(better | worse))
    if not pairs:
        raise ValueError("all accuracies are equal: a vote needs architectures that differ")
    return correct / pairs


def _blocks(count: int, others: int) -> Iterable[slice]:
    rows = max(1, _CELLS // max(1, others))
    return (slice(start, start + rows) for start in range(0, count, rows))


@dataclass(frozen=True)
class Aggregate:
    """The name of a kind, and the proxies that it joins, each by a label of its own."""

    kind: str
    members: tuple[ProxyRequest, ...]

    @classmethod
    def parse(cls, text: str) -> Aggregate:
        """Return the aggregate that is written as ``kind`` or ``kind:A,B``.

        Args:
            text: such as ``"recommended"``, or ``"log_rank_sum:naswot,synflow"`` with the names of proxies, or labels
                of columns.

        Raises:
            ValueError: the kind is unknown, or members are missing.
            TypeError: another distribution's kind cannot be loaded, or is none.

        >>> Aggregate.parse("log_rank_sum:naswot, synflow").labels
        ('naswot', 'synflow')
        """
        name, _, labels = text.partition(":")
        name = AGGREGATES.canonical(name)
        kind = AGGREGATES.load(name)
        given = dict.fromkeys(filter(None, map(str.strip, labels.split(","))))
        members = tuple(map(ProxyRequest, given)) or kind.members
        if not members or (kind.count is not None and len(members) != kind.count):
            number = "one proxy or more" if kind.count is None else f"{kind.count} proxies"
            raise ValueError(f"aggregate {text!r} needs {number}: write {name}:A,B with their labels A, B")
        return cls(name, members)

    @property
    def labels(self) -> tuple[str, ...]:
        """The members' labels."""
        return tuple(member.label for member in self.members)

    @property
    def label(self) -> str:
        """The kind, with the members where they are not the usual ones."""
        usual = self.members == AGGREGATES.load(self.kind).members
        return self.kind if usual else f"{self.kind}({', '.join(self.labels)})"

    @property
    def text(self) -> str:
        """The text that :meth:`parse` makes it of."""
        usual = self.members == AGGREGATES.load(self.kind).members
        return self.kind if usual else f"{self.kind}:{','.join(self.labels)}"

    def requests(self) -> list[ProxyRequest]:
        """Return the members as proxies that can be scored.

        Raises:
            ValueError, TypeError: one is no proxy, or does not take its options.
        """
        return [proxy(each.name, label=each.label, **each.options) for each in self.members]

    def join(self, scores: Floats, sample: Floats) -> Floats:
        """Return the joint number of each network, see :class:`AggregateKind`."""
        return AGGREGATES.load(self.kind).join(scores, sample)

    def column(self, table: ScoreTable) -> Column:
        """Return the columns joined into one, higher better.

        An undefined score ranks last, and a column without any score is left out (``left_out`` among the options).
        Where another column's score failed or is pending, so is the aggregate. Seconds are the sum.

        Args:
            table: the scores; each architecture is ranked among those that have all of them.

        Raises:
            ValueError: the table has no such column.
        """
        columns = {label: table[label] for label in self.labels}
        used = {label: c for label, c in columns.items() if c.count("ok") + c.count("pending")} or columns
        scores = np.stack([ranked_scores(column) for column in used.values()])
        status = np.full(len(table), STATUSES.index("ok"), dtype=np.uint8)
        for code in map(STATUSES.index, ("failed", "pending")):
            status[np.any([column.status == code for column in used.values()], axis=0)] = code
        made = status == STATUSES.index("ok")
        values = np.full(len(table), np.nan)
        if made.any():
            values[made] = self.join(scores[:, made], scores[:, made])
        seconds = np.sum([column.seconds for column in columns.values()], axis=0)
        options: dict[str, Any] = {"members": self.labels}
        if left_out := [label for label in columns if label not in used]:
            options["left_out"] = left_out
        return Column(self.kind, 1, True, values, status, seconds, options)

    @property
    def share(self) -> Share | None:
        """The kind's measure of agreement with accuracies, see :class:`AggregateKind`."""
        return AGGREGATES.load(self.kind).share


def oriented(column: Column) -> Floats:
    """Return a column's scores, negated where lower is better."""
    return column.values if column.higher_is_better else -column.values


def ranked_scores(column: Column) -> Floats:
    """Return a column's scores, higher better, −∞ where they are undefined and NaN where there are none."""
    return np.where(column.status == STATUSES.index("undefined"), -np.inf, oriented(column))


# Single networks, in a fixed sample --------------------

SAMPLE = 100
"""Networks in a reference, unless another number is asked for."""
Known = Mapping[str, Optional[float]]
"""A network's scores by the members' labels, higher better; None: undefined; NaN: there is none, for scoring failed."""


@dataclass(frozen=True)
class Reference:
    """An aggregate's members on a sample of networks, in which single networks are ranked.

    The number of a network depends on it and the sample alone: it is the same whatever else is scored, and those of the
    sample itself have the numbers that they have within it.

    Args:
        aggregate: the aggregate.
        sample: the scores of each network of the sample; those of which one failed are left out.

    Attributes:
        used: labels of the members that have a score of some network of the sample; the others have no part.

    Raises:
        ValueError: no network of the sample has a score by any member.

    >>> found = Reference(Aggregate.parse("log_rank_sum:a,b"), [{"a": 1.0, "b": None}, {"a": 2.0, "b": 5.0}])
    >>> round(found.value({"a": 2.0, "b": None}), 3)
    -0.693
    """

    aggregate: Aggregate
    sample: Sequence[Known]
    used: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Find out which members say something."""
        labels = self.aggregate.labels
        used = tuple(label for label in labels if any(_is_number(each[label]) for each in self.sample))
        whole = [each for each in self.sample if not any(_is_missing(each[label]) for label in used)]
        if not used or not whole:
            raise ValueError(
                f"{self.aggregate.label} says nothing of these networks: of a sample of {len(self.sample)}, none has a "
                f"score by {' and '.join(used or labels)}"
            )
        shown = [{label: each[label] if label in used else None for label in labels} for each in whole]
        for name, value in (("used", used), ("sample", shown)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_matrix", self._matrix_of(shown))

    def value(self, scores: Known) -> float:
        """Return the number of a network, higher better; NaN where a member failed that has a part."""
        if any(_is_missing(scores[label]) for label in self.used):
            return math.nan
        matrix: Floats = self.__dict__["_matrix"]
        return float(self.aggregate.join(self._matrix_of([scores]), matrix)[0])

    def _matrix_of(self, networks: Sequence[Known]) -> Floats:
        rows = [[-math.inf if each[label] is None else each[label] for each in networks] for label in self.used]
        return np.array(rows, dtype=np.float64)

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON knows; :meth:`of` is the inverse."""
        rows = {label: [each[label] for each in self.sample] for label in self.aggregate.labels}
        return {"aggregate": self.aggregate.kind, "scores": rows}

    @classmethod
    def of(cls, aggregate: Aggregate, plain: Mapping[str, Any]) -> Reference:
        """Return the reference of which :meth:`plain` made these values.

        Raises:
            ValueError: they are another aggregate's, or damaged.
        """
        try:
            rows = {label: [None if v is None else float(v) for v in each] for label, each in plain["scores"].items()}
            sample = [dict(zip(rows, each)) for each in zip(*rows.values())]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"a damaged reference: {type(error).__name__}: {error}") from error
        if plain.get("aggregate") != aggregate.kind or tuple(rows) != aggregate.labels:
            raise ValueError(f"a reference of {plain.get('aggregate')}({', '.join(rows)}), not of {aggregate.label}")
        return cls(aggregate, sample)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _is_missing(value: float | None) -> bool:
    return value is not None and math.isnan(value)


def aggregate_named(asked: Any) -> Aggregate | None:
    """Return the aggregate of a name, as it is written; None where it is no aggregate's.

    >>> aggregate_named("az_nas").labels[-1], aggregate_named("synflow")
    ('flops', None)
    """
    if not isinstance(asked, str) or asked.partition(":")[0] not in AGGREGATES.names():
        return None
    return Aggregate.parse(asked)


# Kinds, and the recipes by name --------------------

AGGREGATES: Registry[AggregateKind] = Registry(
    "aggregate",
    "",
    "naslib_zc_plugin.aggregates",
    is_entry=lambda name, found: isinstance(found, AggregateKind),
    requirement="it must be an AggregateKind",
    more={
        name: f"{__name__}:{name.upper()}"
        for name in (
            "rank_sum", "log_rank_sum", "vote", "tenas", "az_nas", "vkdnw_agg",
            "recommended", "recommended_models", "recommended_with_data",
        )
    },
)  # fmt: skip
"""All kinds of aggregates, those of other distributions too."""


def _recipe(join: Join, *members: str, **more: Any) -> AggregateKind:
    return AggregateKind(join, tuple(map(ProxyRequest, members)), **more)


RANK_SUM, LOG_RANK_SUM = AggregateKind(rank_sum), AggregateKind(log_rank_sum)
TENAS = _recipe(rank_sum, "ntk", "linear_regions", count=2)
VOTE = _recipe(vote, "synflow", "jacov", "snip", share=vote_share)

_log_ranks = partial(_recipe, log_rank_sum)
AZ_NAS = _log_ranks("az_expressivity", "az_progressivity", "az_trainability", "flops")
VKDNW_AGG = _log_ranks("vkdnw", "jacov", "az_expressivity", "az_trainability", "flops")

RECOMMENDED = _log_ranks(
    "az_expressivity", "az_trainability", "meco", "meco_opt", "params", chosen_on=("nasbench201", "nasbench101")
)
"""For networks of one search space; without images and without labels. docs/results/frontier.md: how it was chosen."""
RECOMMENDED_MODELS = _log_ranks("params", "total_width", "activations", chosen_on=("timm",))
"""For networks that are unlike each other: three counts, for all else says less of them; without images and labels."""
RECOMMENDED_WITH_DATA = _log_ranks(
    "jacov", "synflow", "az_expressivity", "az_trainability", "meco", "meco_opt",
    chosen_on=("nasbench201", "nasbench101"),
)  # fmt: skip
"""For networks of one search space, with a batch of images; without labels."""
