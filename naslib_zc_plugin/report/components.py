"""How many directions the columns of a table vary in: principal components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from naslib_zc_plugin.table import ScoreTable

from .bootstrap import Floats
from .statistics import CONFIDENCE, Estimate


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of columns, over the architectures that all of them define.

    Attributes:
        labels: of the columns.
        standardised: whether each column was brought to variance 1; otherwise the widest ones count most.
        n: architectures that count.
        left_out: architectures that some column does not define.
        shares: of the variance, descending, one per component; they sum to 1.
        loadings: shape (components, labels), unit rows whose entry of largest magnitude is positive.
        first: share of the first component, with its bootstrap percentile interval.
    """

    labels: Sequence[str]
    standardised: bool
    n: int
    left_out: int
    shares: Floats
    loadings: Floats
    first: Estimate


def components(
    table: ScoreTable,
    labels: Sequence[str] | None = None,
    *,
    standardised: bool = True,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> Components:
    r"""Principal component analysis of columns, as "ReLU is all you need for NASWOT" does it of activation features.

    The shares are the eigenvalues of the columns' correlation matrix (``standardised``) or covariance matrix over their
    sum. The paper does not say which it took. Intervals are over architectures, drawn with replacement; a resample in
    which a column is constant has no correlation matrix and is left out.

    Args:
        table: the scores; signs of columns do not matter to the shares.
        labels: of two columns or more; all of the table unless given.
        standardised: see there.
        resamples: of the interval; 0 for none.
        seed: of the resamples.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: a label that the table lacks, fewer than two columns or three architectures, a column that does not
            vary, or options out of range.
    """
    names = list(table) if labels is None else list(labels)
    if len(names) < 2 or resamples < 0 or not 0 < confidence < 1:
        raise ValueError("give two columns or more, 0 resamples or more, and a confidence between 0 and 1")
    columns = np.stack([table[name].values for name in names], axis=1)
    rows = columns[np.isfinite(columns).all(axis=1)]
    if len(rows) < 3:
        raise ValueError(f"{table.name}: all of {', '.join(names)} are defined for {len(rows)} architectures: too few")
    flat = [name for name, spread in zip(names, np.ptp(rows, axis=0)) if spread == 0]
    if flat:
        raise ValueError(f"{table.name}: {flat[0]!r} is the same for all architectures: leave it out")
    rows = (rows - rows.mean(axis=0)) / (
        rows.std(axis=0) if standardised else np.abs(rows).max()
    )  # so nothing overflows
    values, vectors = np.linalg.eigh(_matrix(rows, standardised))
    loadings = vectors[:, ::-1].T
    largest = np.take_along_axis(loadings, np.abs(loadings).argmax(axis=1)[:, None], axis=1)
    shares = np.maximum(values[::-1], 0) / np.maximum(values, 0).sum()
    drawn = _resampled(rows, standardised, resamples, np.random.default_rng(seed))
    low, high = (
        np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist() if len(drawn) else (None, None)
    )
    first = Estimate(float(shares[0]), low, high)
    return Components(
        names, standardised, len(rows), len(columns) - len(rows), shares, loadings * np.sign(largest), first
    )


def _matrix(rows: Floats, standardised: bool) -> Floats:
    """Correlations or covariances of the columns; NaN where a column does not vary."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.corrcoef(rows, rowvar=False) if standardised else np.cov(rows, rowvar=False))


def _resampled(rows: Floats, standardised: bool, resamples: int, rng: np.random.Generator) -> Floats:
    """The first component's share in each resample."""
    matrices = (_matrix(rows[rng.integers(len(rows), size=len(rows))], standardised) for _ in range(resamples))
    values = [np.linalg.eigvalsh(matrix) for matrix in matrices if np.isfinite(matrix).all() and matrix.any()]
    return np.array([each[-1] / each.sum() for each in values])
