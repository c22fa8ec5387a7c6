"""Rank aggregates and the vote against loops that spell their definitions out."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from naslib_zc_plugin.report import aggregates
from naslib_zc_plugin.report.aggregates import Aggregate, rank_product, tenas, vote
from naslib_zc_plugin.report.leaderboards import LeaderboardOptions, leaderboard
from naslib_zc_plugin.table import STATUSES
from tests.report.tables import column, table

Scores = Sequence["float | None"]
maybe = st.one_of(st.integers(-4, 4), st.sampled_from([None, math.nan, math.inf]))


@st.composite
def tables(draw: st.DrawFn, proxies: int | None = None) -> tuple[list[Scores], list[int]]:
    n = draw(st.integers(2, 12))
    count = proxies or draw(st.integers(1, 4))
    scores = [draw(st.lists(maybe, min_size=n, max_size=n)) for _ in range(count)]
    return scores, draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))


def is_defined(score: float | None) -> bool:
    return score is not None and math.isfinite(score)


def loops_vote(scores: Sequence[Scores], truth: Sequence[float]) -> float:
    right = pairs = 0
    for i in range(len(truth)):
        for j in range(len(truth)):
            if truth[i] == truth[j]:
                continue
            votes = [is_defined(s[i]) and is_defined(s[j]) and s[i] - s[j] > 0 for s in scores]  # type: ignore[operator]
            plus = sum(votes) >= len(votes) / 2
            pairs += 1
            right += plus == (truth[i] > truth[j])
    return right / pairs


@given(tables())
def test_vote_is_the_double_loop(case: tuple[list[Scores], list[int]]) -> None:
    scores, truth = case
    if len(set(truth)) == 1:
        with pytest.raises(ValueError, match="all accuracies are equal"):
            vote(scores, truth)
    else:
        assert vote(scores, truth) == loops_vote(scores, truth)


def test_vote_in_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    truth = list(rng.normal(size=50).round(1))
    scores = [list(truth + rng.normal(size=50)) for _ in range(3)]
    monkeypatch.setattr(aggregates, "_CELLS", 130)
    assert vote(scores, truth) == loops_vote(scores, truth)


def test_vote_of_one_proxy_without_ties_is_tau() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=60)
    scores = truth + rng.normal(size=60)
    assert 2 * vote([list(scores)], list(truth)) - 1 == pytest.approx(stats.kendalltau(scores, truth)[0])


def test_vote_of_the_undefined_is_half_right() -> None:
    # Every vote is a minus, which is right for one of the two orders of each pair.
    assert vote([[None] * 4], [1.0, 2.0, 3.0, 4.0]) == 0.5


@given(tables(proxies=2))
def test_tenas_is_the_rank_sum_of_the_defined(case: tuple[list[Scores], list[int]]) -> None:
    ntk, regions = case[0]
    both = [i for i, pair in enumerate(zip(ntk, regions)) if all(map(is_defined, pair))]
    expected: list[float | None] = [None] * len(ntk)
    ranks = stats.rankdata([-ntk[i] for i in both]) + stats.rankdata([regions[i] for i in both])  # type: ignore[operator]
    for i, rank in zip(both, ranks):
        expected[i] = rank
    assert tenas(ntk, regions) == expected


def test_tenas_prefers_small_condition_numbers_and_many_regions() -> None:
    assert tenas([10.0, 1e5, 300.0, math.nan], [16, 1, 16, 16]) == [5.5, 2.0, 4.5, None]


@given(tables())
def test_rank_product(case: tuple[list[Scores], list[int]]) -> None:
    scores = case[0]
    columns = [i for i in range(len(scores[0])) if all(is_defined(s[i]) for s in scores)]
    expected: list[float | None] = [None] * len(scores[0])
    for place, i in enumerate(columns):
        expected[i] = math.prod(stats.rankdata([s[c] for c in columns])[place] for s in scores)
    assert rank_product(*scores) == expected


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="one or more proxies"):
        rank_product()
    with pytest.raises(ValueError, match="one or more proxies"):
        vote([], [1.0])
    with pytest.raises(ValueError, match="per architecture"):
        tenas([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="2 scores and 3 accuracies"):
        vote([[1.0, 2.0]], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"truth\[0\] is inf"):
        vote([[1.0, 2.0]], [math.inf, 2.0])


def test_published_vote_on_nasbench201(shared: Path) -> None:
    """zero-cost-nas found .817 on all cells; these are the 9,445 without dead operations."""
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = shared / "data/nasbench201"
    accuracy = parquet.read_table(folder / "accuracies.parquet")["cifar10_test_200_half_train"].to_pylist()
    with gzip.open(folder / "published_scores_cifar10.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    scores = [[float(row[name]) for row in rows] for name in ("synflow", "jacov", "snip")]
    assert vote(scores, [accuracy[int(row["index"])] for row in rows]) == pytest.approx(0.817, abs=0.015)


def test_the_text_of_an_aggregate() -> None:
    assert Aggregate.parse("tenas") == Aggregate("tenas", ("ntk", "linear_regions"))
    assert Aggregate.parse("vote").members == ("synflow", "jacov", "snip")
    assert Aggregate.parse("rank_product: a, b").label == "rank_product(a, b)"
    assert Aggregate.parse("tenas:ntk,linear_regions").label == "tenas"
    for text, fault in (
        ("mean:a", "^unknown aggregate 'mean'; there are rank_product, tenas, vote$"),
        ("", "unknown aggregate ''"),
        (
            "rank_product",
            "^aggregate 'rank_product' needs one column or more: write rank_product:A,B with their labels",
        ),
        ("rank_product: ,", "needs one column or more"),
        ("tenas:ntk", "needs 2 columns"),
    ):
        with pytest.raises(ValueError, match=fault):
            Aggregate.parse(text)


def test_columns_joined_keep_their_status_and_add_their_seconds() -> None:
    ntk = column([3.0, 1.0, "undefined", "failed", "pending", 2.0], up=False, seconds=[1.0] * 6)
    regions = column([5.0, 5.0, 1.0, "undefined", "failed", 7.0], seconds=[0.5, math.nan, 0.5, 0.5, 0.5, 0.5])
    both = table({"ntk": ntk, "linear_regions": regions})
    for found in (
        Aggregate.parse("tenas").column(both),
        Aggregate.parse("rank_product:ntk,linear_regions").column(both),
    ):
        assert [STATUSES[code] for code in found.status] == ["ok", "ok", "undefined", "failed", "pending", "ok"]
        assert found.higher_is_better
        np.testing.assert_array_equal(found.seconds, [1.5, math.nan, 1.5, 1.5, 1.5, 1.5])
        defined = [0, 1, 5]
        assert np.isnan(np.delete(found.values, defined)).all()
    # Ranks of -ntk: 1, 3, 2; of the regions: 1.5, 1.5, 3.
    assert Aggregate.parse("tenas").column(both).values[defined].tolist() == [2.5, 4.5, 5.0]
    assert found.values[defined].tolist() == [1.5, 4.5, 6.0]


def test_an_aggregate_of_columns_that_are_not_there() -> None:
    scores = table({"ntk": column([1.0, 2.0])})
    with pytest.raises(ValueError, match="trial has no scores called 'linear_regions'; it has ntk"):
        Aggregate.parse("tenas").column(scores)
    with pytest.raises(ValueError, match="the aggregate 'vote' gives no scores"):
        Aggregate.parse("vote:ntk").column(scores)
    with pytest.raises(ValueError, match="the aggregate 'tenas' gives scores"):
        Aggregate.parse("tenas").share([[1.0, 2.0]], np.array([1.0, 2.0]))


CODE = """
import numpy as np
from naslib_zc_plugin.report.aggregates import AggregateKind, oriented

WORST = AggregateKind(join=lambda columns: np.min([oriented(column) for column in columns], axis=0))
SHARE = AggregateKind(share=lambda scores, truth: 0.25, members=("a",), count=1)
BOTH = AggregateKind()
"""


def test_another_distributions_kinds_are_rows_and_votes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy_aggregates.py").write_text(CODE, encoding="utf-8")
    information = tmp_path / "toy-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1\n", encoding="utf-8")
    entries = "\n".join(f"{name} = toy_aggregates:{name.upper()}" for name in ("worst", "share", "both"))
    (information / "entry_points.txt").write_text(f"[naslib_zc_plugin.aggregates]\n{entries}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    scores = table({"a": column([1.0, 5.0, 3.0]), "b": column([-2.0, -1.0, "undefined"], up=False)})
    assert Aggregate.parse("worst:a,b").column(scores).values.tolist()[:2] == [1.0, 1.0]
    truth = dict(zip(scores.keys, (0.1, 0.2, 0.3)))
    options = LeaderboardOptions([Aggregate.parse("worst:a,b"), Aggregate.parse("share")], resamples=0)
    found = leaderboard(scores, truth, options=options)
    assert {row.label for row in found.rows} == {"a", "b", "worst(a, b)"}
    assert [(vote.label, vote.share) for vote in found.votes] == [("share", 0.25)]
    with pytest.raises(TypeError, match="an AggregateKind with either join or share"):
        Aggregate.parse("both:a")
