"""Several proxies joined into one ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from .statistics import Floats, as_array, finite_truth

_CELLS = 2**20  # pairs compared at once


def tenas(ntk: Sequence[float | None], regions: Sequence[float | None]) -> list[float | None]:
    r"""TE-NAS' two criteria joined, :math:`\mathrm{rank}(-\kappa) + \mathrm{rank}(R)`; higher is better.

    TE-NAS itself (Chen et al., ICLR 2021) scores no architecture: it prunes a supernet by how much each
    operation changes both ranks. The sum per architecture is the reading of AZ-NAS and GradAlign. It is
    relative to the networks given: adding one changes the others' scores.

    Args:
        ntk: condition numbers of the neural tangent kernel, lower better.
        regions: numbers of linear regions, higher better.

    Returns:
        Sums of average ranks (1 = worst) among the networks that have both; None where either is undefined.
    """
    return _optional(_ranks(-as_array(ntk), as_array(regions)).sum(axis=0))


def rank_product(*scores: Sequence[float | None]) -> list[float | None]:
    """Product of each architecture's ranks under several proxies; higher is better.

    It orders architectures as AZ-NAS' sum of log ranks does, and likewise is relative to the networks given.

    Args:
        scores: one sequence per proxy, oriented so that higher is better (negate the others).

    Returns:
        Products of average ranks (1 = worst) among the networks that all proxies score; None where any is
        undefined.

    Raises:
        ValueError: without a proxy, or for lengths that differ.
    """
    return _optional(_ranks(*map(as_array, scores)).prod(axis=0))


def vote(scores: Sequence[Sequence[float | None]], truth: Sequence[float]) -> float:
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
