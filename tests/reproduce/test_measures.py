"""Measures of printed rows against slow and plain computations, on scores that are made up."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, kendalltau, spearmanr

from naslib_zc_plugin.reproduce.measures import estimates, search_estimates, share_interval
from naslib_zc_plugin.reproduce.printed import NOT_RUN, NOT_TO_BE_HAD, printed_table
from naslib_zc_plugin.reproduce.sources import Scored, Sources
from naslib_zc_plugin.reproduce.switches import is_live
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.parquet import write_parquet

SPACE = space("nasbench201")
RNG = np.random.default_rng(0)


def _scored(n: int, undefined: int = 0) -> Scored:
    keys = [SPACE.key(index) for index in range(n)]
    truth = RNG.normal(size=n)
    values = truth + RNG.normal(size=n)
    values[:undefined] = np.nan
    return Scored("made up", "nasbench201", keys, values, truth)


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (7, 7), (3, 10), (42, 64)])
def test_the_interval_of_a_share_is_the_exact_one(hits: int, n: int) -> None:
    theirs = binomtest(hits, n).proportion_ci(method="exact")
    assert share_interval(hits, n) == pytest.approx((theirs.low, theirs.high))


def test_coefficients_and_their_signs() -> None:
    scored = _scored(200, undefined=20)
    values, truth = scored.values[20:], scored.truth[20:]
    plain = estimates(scored, ["tau", "rho"], {}, resamples=50)
    assert plain["tau"].value == pytest.approx(kendalltau(values, truth)[0])
    assert plain["tau"].n == 180
    turned = estimates(scored, ["rho"], {"minus": ""}, resamples=50)["rho"]
    assert turned.value == pytest.approx(-spearmanr(values, truth)[0])
    assert turned.low is not None and turned.high is not None
    assert turned.low < turned.value < turned.high
    last = estimates(scored, ["rho"], {"worst": ""}, resamples=50)["rho"]
    assert last.value == pytest.approx(spearmanr(np.nan_to_num(scored.values, nan=-99), scored.truth)[0])
    assert last.n == 200


def test_shares_are_scaled_to_the_paper_s_number() -> None:
    scored = _scored(500, undefined=100)
    found = estimates(scored, ["kept", "overlap", "hits"], {"of": "5000"}, resamples=20)
    assert found["kept"].value == 4000
    assert found["kept"].low is not None and 3700 < found["kept"].low < 4000
    values, truth = scored.values[100:], scored.truth[100:]
    best, high = truth > np.quantile(truth, 0.9), values > np.quantile(values, 0.9)
    assert found["overlap"].value == pytest.approx(100 * np.mean(best[high]))
    six = np.argsort(values)[-6:]  # 64 of 5,000 are 6 of 500
    assert found["hits"].value == pytest.approx(64 / 6 * np.sum(truth[six] > np.quantile(truth, 0.95)))
    whole = estimates(scored, ["kept", "hits"], {"of": "500"}, resamples=20)
    assert (whole["kept"].value, whole["kept"].low, whole["kept"].high) == (400, 400, 400)
    assert whole["hits"].value == np.sum(truth[np.argsort(values)[-64:]] > np.quantile(truth, 0.95))


def test_what_a_sample_cannot_say_is_not_compared() -> None:
    scored = _scored(60)
    found = estimates(scored, ["hits", "selected"], {"of": "15625"}, resamples=20)
    assert (found["hits"].value, found["hits"].verdict) == (None, NOT_RUN)
    assert "64 networks of the paper's 15,625 are 0 of ours" in found["hits"].reason
    assert found["selected"].verdict == NOT_RUN
    assert estimates(scored, ["hits"], {"of": "423624", "space": ""})["hits"].verdict == NOT_TO_BE_HAD
    few = estimates(scored.where(np.arange(60) < 6), ["tau"], {})["tau"]
    assert (few.value, few.reason) == (None, "6 networks are too few for an interval")


def test_random_search_follows_from_the_ranks() -> None:
    keys = [SPACE.key(index) for index in range(0, 15625, 10)]
    scores = {key: float(value) for key, value in zip(keys, RNG.normal(size=len(keys)))}
    accuracy = {key: float(value) for key, value in zip(keys, RNG.normal(size=len(keys)))}
    found = search_estimates("random_search", scores, {"test": accuracy})
    draw = random.Random(0)
    runs = [accuracy[max(draw.sample(keys, 1000), key=scores.__getitem__)] for _ in range(400)]
    assert found["test"].value == pytest.approx(np.mean(runs), abs=0.2)
    assert found["test_sd"].value == pytest.approx(np.std(runs), abs=0.2)
    assert found["test"].low is not None and found["test"].high is not None
    assert found["test"].low < found["test"].value < found["test"].high


def test_evolution_ends_with_the_best_of_a_smooth_score() -> None:
    counts = {key: float(key.count("nor_conv_3x3")) for key in (SPACE.key(index) for index in range(15625))}
    found = search_estimates("aging_evolution", counts, {"test": counts}, runs=3)
    assert (found["test"].value, found["test_sd"].value) == (6.0, 0.0)


def test_operations_that_lie_on_no_path_are_seen() -> None:
    keys = [SPACE.key(index) for index in range(15625)]
    assert sum(map(is_live, keys)) == 9444  # NAS-Bench-Suite-Zero has these, and the empty cell
    assert is_live("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|")


def test_campaigns_of_one_protocol_count_as_one(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    keys = [SPACE.key(index) for index in range(60)]
    proxies = {"jacov": {"name": "jacov", "version": 1, "higher_is_better": True, "options": {}}}
    for name, first, part in (("naslib", 0, keys[:40]), ("frontier", 100, keys[30:])):
        records = [
            {"key": key, "proxy": "jacov", "version": 1, "value": float(value), "status": "ok", "seconds": 0.1}
            for value, key in enumerate(part, first)
        ]
        facts = {"space": "nasbench201", "proxies": proxies}
        write_parquet(tmp_path / f"nasbench201_cifar100_{name}.parquet", records, facts)
    (row,) = (row for row in printed_table("gradalign-4") if (row.row, row.part) == ("jacov", "CIFAR-100"))
    found = Sources(stored=tmp_path).scored(row)
    assert found is not None
    found_values = dict(zip(found.keys, found.values.tolist()))
    # The first campaign's, where both have a score.
    assert found_values == dict(zip(keys, [*map(float, range(40)), *map(float, range(110, 130))]))
    assert found.source == "nasbench201_cifar100_naslib and nasbench201_cifar100_frontier, stored"
