"""Aggregates against loops that spell their definitions out, and the rank of single networks in a sample."""

from __future__ import annotations

import csv
import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from naslib_zc_plugin import aggregates
from naslib_zc_plugin.aggregates import (
    AGGREGATES,
    Aggregate,
    Reference,
    log_rank_sum,
    places,
    rank_sum,
    vote,
    vote_share,
)
from naslib_zc_plugin.proxies import list_proxies
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.report.leaderboards import LeaderboardOptions, leaderboard
from naslib_zc_plugin.table import STATUSES
from tests.report.tables import column, table

maybe = st.one_of(st.integers(-4, 4).map(float), st.just(-math.inf))
NAN = math.nan


@st.composite
def matrices(draw: st.DrawFn, members: int | None = None) -> np.ndarray:
    n, count = draw(st.integers(1, 12)), members or draw(st.integers(1, 4))
    return np.array([draw(st.lists(maybe, min_size=n, max_size=n)) for _ in range(count)])


def loops_rank(value: float, sample: list[float]) -> float:
    """The average rank of a member of the sample, 1 the worst."""
    worse, equal = sum(other < value for other in sample), sum(other == value for other in sample)
    return sum(range(worse + 1, worse + equal + 1)) / equal


# Ranks --------------------


@given(matrices())
def test_ranks_within_a_set_are_average_ranks(scores: np.ndarray) -> None:
    found = places(scores, scores)
    assert found.tolist() == [[loops_rank(value, list(row)) for value in row] for row in scores]
    assert found.tolist() == stats.rankdata(scores, axis=1).tolist()


@given(matrices())
def test_sums_of_ranks(scores: np.ndarray) -> None:
    ranks = [[loops_rank(value, list(row)) for value in row] for row in scores]
    n = scores.shape[1]
    assert rank_sum(scores, scores).tolist() == [sum(each) for each in zip(*ranks)]
    expected = [sum(math.log(rank / n) for rank in each) for each in zip(*ranks)]
    assert log_rank_sum(scores, scores) == pytest.approx(expected, abs=1e-12)


@given(matrices(members=1), st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=8, unique=True))
def test_ranks_in_a_sample_rise_strictly_and_keep_their_bounds(sample: np.ndarray, values: list[float]) -> None:
    known = sample[np.isfinite(sample)]
    values = [-math.inf, *sorted(values)]
    (found,) = places(np.array([values]), sample)
    assert found.min() > 0 and found.max() <= sample.shape[1] + 0.5
    gaps = np.diff(np.arcsinh(values[1:]))
    assert (np.diff(found) >= 0).all() and (not len(known) or (np.diff(found[1:])[gaps > 1e-6] > 0).all())
    undefined = sample.shape[1] - len(known)
    for value, rank in zip(values[1:], found[1:]):  # between its neighbours
        ranks = {each: loops_rank(each, list(sample[0])) for each in known}
        low = max((ranks[each] for each in known if each <= value), default=undefined + 0.5)
        high = min((ranks[each] for each in known if each >= value), default=sample.shape[1] + 0.5)
        assert low <= rank <= high
    assert found[0] == (loops_rank(-math.inf, list(sample[0])) if undefined else 0.5)


def test_a_score_between_two_of_the_sample_has_a_rank_between_theirs() -> None:
    sample = np.array([[1.0, 2.0, 2.0, 50.0]])
    found = places(np.array([[0.0, 1.0, 1.5, 2.0, 7.0, 50.0, 60.0, 1e30]]), sample)[0]
    assert found[[1, 3, 5]].tolist() == [1.0, 2.5, 4.0]
    assert 0.5 < found[0] < 1 < found[2] < 2.5 < found[4] < 4 < found[6] < found[7] < 4.5
    middle = (math.asinh(7.0) - math.asinh(2.0)) / (math.asinh(50.0) - math.asinh(2.0))
    assert found[4] == pytest.approx(2.5 + 1.5 * middle)


def test_undefined_scores_rank_last() -> None:
    sample = np.array([[-math.inf, 3.0, -math.inf, 5.0]])
    assert places(sample, sample).tolist() == [[1.5, 3.0, 1.5, 4.0]]
    assert 2.5 < places(np.array([[-1e9]]), sample)[0, 0] < 3
    assert places(np.array([[7.0, -math.inf]]), np.full((1, 3), -math.inf)).tolist() == [[3.5, 2.0]]
    assert places(np.array([[-math.inf]]), np.array([[1.0, 2.0]])).tolist() == [[0.5]]


# The vote --------------------


def loops_vote(scores: np.ndarray, truth: list[float]) -> float:
    right = pairs = 0
    for i in range(len(truth)):
        for j in range(len(truth)):
            if truth[i] == truth[j]:
                continue
            plus = sum(row[i] > row[j] for row in scores) >= len(scores) / 2
            pairs += 1
            right += plus == (truth[i] > truth[j])
    return right / pairs


@given(matrices(), st.data())
def test_vote_is_the_double_loop(scores: np.ndarray, data: st.DataObject) -> None:
    n = scores.shape[1]
    truth = data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    if len(set(truth)) == 1:
        with pytest.raises(ValueError, match="all accuracies are equal"):
            vote_share(scores, np.array(truth))
    else:
        assert vote_share(scores, np.array(truth)) == loops_vote(scores, truth)
    wins = [[sum(row[i] > row[j] for row in scores) >= len(scores) / 2 for j in range(n)] for i in range(n)]
    assert vote(scores, scores) == pytest.approx([sum(row) / n for row in wins])


def test_vote_in_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=50).round(1)
    scores = np.stack([truth + rng.normal(size=50) for _ in range(3)])
    whole = vote(scores, scores)
    monkeypatch.setattr(aggregates, "_CELLS", 130)
    assert vote_share(scores, truth) == loops_vote(scores, list(truth))
    assert vote(scores, scores).tolist() == whole.tolist()


def test_vote_of_one_proxy_without_ties_is_tau() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=60)
    scores = truth + rng.normal(size=60)
    assert 2 * vote_share(scores[None], truth) - 1 == pytest.approx(stats.kendalltau(scores, truth)[0])


def test_vote_of_the_undefined_is_half_right() -> None:
    # Every vote is a minus, which is right for one of the two orders of each pair.
    assert vote_share(np.full((1, 4), -math.inf), np.arange(4.0)) == 0.5


def test_published_vote_on_nasbench201(shared: Path) -> None:
    """zero-cost-nas found .817 on all cells; these are the 9,445 without dead operations."""
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = shared / "data/nasbench201"
    accuracy = parquet.read_table(folder / "accuracies.parquet")["cifar10_test_200_half_train"].to_pylist()
    with gzip.open(folder / "published_scores_cifar10.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    scores = np.array([[float(row[name]) for row in rows] for name in ("synflow", "jacov", "snip")])
    truth = np.array([accuracy[int(row["index"])] for row in rows])
    assert vote_share(scores, truth) == pytest.approx(0.817, abs=0.015)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"scores of the shape \(1, 2\) and 3 accuracies"):
        vote_share(np.ones((1, 2)), np.arange(3.0))
    with pytest.raises(ValueError, match="give one for each network"):
        vote_share(np.ones((0, 2)), np.arange(2.0))


# By name --------------------


def test_the_text_of_an_aggregate() -> None:
    assert Aggregate.parse("tenas").labels == ("ntk", "linear_regions")
    assert Aggregate.parse("vote").labels == ("synflow", "jacov", "snip")
    assert Aggregate.parse("log_rank_sum: a, b").label == "log_rank_sum(a, b)"
    assert Aggregate.parse("tenas:ntk,linear_regions").label == "tenas"
    assert Aggregate.parse("recommended_models").labels == ("params", "total_width", "activations")
    for text, fault in (
        ("mean:a", "^unknown aggregate 'mean'; "),
        ("recomended", "did you mean recommended"),
        ("", "unknown aggregate ''"),
        ("rank_sum", "^aggregate 'rank_sum' needs one proxy or more: write rank_sum:A,B with their labels"),
        ("rank_sum: ,", "needs one proxy or more"),
        ("tenas:ntk", "needs 2 proxies"),
    ):
        with pytest.raises(ValueError, match=fault):
            Aggregate.parse(text)


def test_members_are_proxies_that_take_their_options() -> None:
    assert Aggregate.parse("vote").requests() == [ProxyRequest(name) for name in ("synflow", "jacov", "snip")]
    (alias,) = Aggregate.parse("rank_sum:nwot").requests()
    assert (alias.name, alias.label) == ("naswot", "nwot")
    with pytest.raises(ValueError, match="unknown proxy 'naswott'"):
        Aggregate.parse("rank_sum:naswott").requests()


@pytest.mark.parametrize("name", AGGREGATES.names())
def test_every_recipe_is_made_of_proxies_with_distinct_labels(name: str) -> None:
    kind = AGGREGATES.load(name)
    labels = [member.label for member in kind.members]
    assert len(set(labels)) == len(labels)
    if {member.name for member in kind.members} <= set(list_proxies()):
        assert [each.label for each in Aggregate(name, kind.members).requests()] == labels


# Columns --------------------


def test_columns_joined_keep_their_status_and_add_their_seconds() -> None:
    ntk = column([3.0, 1.0, "undefined", "failed", "pending", 2.0], up=False, seconds=[1.0] * 6)
    regions = column([5.0, 5.0, 1.0, "undefined", "failed", 7.0], seconds=[0.5, NAN, 0.5, 0.5, 0.5, 0.5])
    both = table({"ntk": ntk, "linear_regions": regions})
    for text in ("tenas", "log_rank_sum:ntk,linear_regions"):
        found = Aggregate.parse(text).column(both)
        assert [STATUSES[code] for code in found.status] == ["ok", "ok", "ok", "failed", "pending", "ok"]
        assert found.higher_is_better
        np.testing.assert_array_equal(found.seconds, [1.5, NAN, 1.5, 1.5, 1.5, 1.5])
        assert np.isnan(found.values[[3, 4]]).all()
    # Ranks of -ntk among the four: 2, 4, 1 (undefined), 3; of the regions: 2.5, 2.5, 1, 4.
    assert Aggregate.parse("tenas").column(both).values[[0, 1, 2, 5]].tolist() == [4.5, 6.5, 2.0, 7.0]
    logs = [math.log(a / 4) + math.log(b / 4) for a, b in ((2, 2.5), (4, 2.5), (1, 1), (3, 4))]
    assert found.values[[0, 1, 2, 5]] == pytest.approx(logs)


def test_a_column_without_any_score_is_left_out_and_named() -> None:
    scores = table({"a": column([1.0, 2.0, 3.0]), "b": column(["undefined"] * 3), "c": column(["pending"] * 3)})
    found = Aggregate.parse("rank_sum:a,b").column(scores)
    assert found.values.tolist() == [1.0, 2.0, 3.0]
    assert found.options == {"members": ("a", "b"), "left_out": ["b"]}
    assert Aggregate.parse("rank_sum:a,c").column(scores).count("pending") == 3  # it may say something yet
    assert Aggregate.parse("rank_sum:b").column(scores).values.tolist() == [2.0, 2.0, 2.0]


def test_an_aggregate_of_columns_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="trial has no scores called 'linear_regions'; it has ntk"):
        Aggregate.parse("tenas").column(table({"ntk": column([1.0, 2.0])}))


# Single networks --------------------


@given(matrices())
def test_a_network_of_the_sample_has_the_number_that_it_has_in_the_set(scores: np.ndarray) -> None:
    labels = [f"p{number}" for number in range(len(scores))]
    networks = [dict(zip(labels, [None if v == -math.inf else v for v in each])) for each in scores.T.tolist()]
    used = [row for row in scores if np.isfinite(row).any()]
    for kind, join in (("rank_sum", rank_sum), ("log_rank_sum", log_rank_sum), ("vote", vote)):
        aggregate = Aggregate.parse(f"{kind}:{','.join(labels)}")
        if not used:
            with pytest.raises(ValueError, match="says nothing of these networks"):
                Reference(aggregate, networks)
            continue
        reference = Reference(aggregate, networks)
        assert [reference.value(each) for each in networks] == pytest.approx(join(np.array(used), np.array(used)))
        again = Reference.of(aggregate, json.loads(json.dumps(reference.plain())))
        assert again == reference and again.used == reference.used
        assert [again.value(each) for each in networks] == [reference.value(each) for each in networks]


def test_a_better_network_than_all_of_the_sample_is_told_from_another() -> None:
    aggregate = Aggregate.parse("log_rank_sum:a,b")
    reference = Reference(aggregate, [{"a": float(i), "b": None} for i in range(5)])
    assert reference.used == ("a",)
    found = [reference.value({"a": a, "b": b}) for a, b in ((None, 1.0), (-9.0, 2.0), (4.0, None), (6.0, 0), (8.0, 0))]
    assert found == sorted(found) and len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("plain", "fault"),
    [
        ({}, "damaged reference"),
        ({"aggregate": "rank_sum", "scores": {"a": ["x"]}}, "damaged reference"),
        ({"aggregate": "rank_sum", "scores": {"b": [1.0]}}, r"a reference of rank_sum\(b\), not of rank_sum\(a\)"),
        ({"aggregate": "vote", "scores": {"a": [1.0]}}, r"a reference of vote\(a\), not of rank_sum\(a\)"),
    ],
)
def test_a_reference_that_is_not_the_aggregates(plain: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Reference.of(Aggregate.parse("rank_sum:a"), plain)


# Other distributions --------------------

CODE = """
import numpy as np
from naslib_zc_plugin.aggregates import AggregateKind, places
from naslib_zc_plugin.record import ProxyRequest

WORST = AggregateKind(join=lambda scores, sample: places(scores, sample).min(axis=0))
SHARE = AggregateKind(WORST.join, (ProxyRequest("a"),), count=1, share=lambda scores, truth: 0.25)
BOTH = WORST.join
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
    assert Aggregate.parse("worst:a,b").column(scores).values.tolist() == [1.0, 2.0, 1.0]
    truth = dict(zip(scores.keys, (0.1, 0.2, 0.3)))
    options = LeaderboardOptions([Aggregate.parse("worst:a,b"), Aggregate.parse("share")], resamples=0)
    found = leaderboard(scores, truth, options=options)
    assert {row.label for row in found.rows} == {"a", "b", "worst(a, b)", "share"}
    assert [(vote.label, vote.share) for vote in found.votes] == [("share", 0.25)]
    with pytest.raises(TypeError, match="it must be an AggregateKind"):
        Aggregate.parse("both:a")
