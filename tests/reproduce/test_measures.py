"""Measures of printed rows against slow and plain computations, on scores that are made up."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, kendalltau, spearmanr

from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.reproduce.measures import (
    best_redrawn,
    estimates,
    of_difference,
    search_estimates,
    share_interval,
)
from naslib_zc_plugin.reproduce.printed import NOT_RUN, NOT_TO_BE_HAD, OurNumber, printed_table
from naslib_zc_plugin.reproduce.sources import Scored, Sources, nominated, spread_of_draws
from naslib_zc_plugin.reproduce.switches import is_live
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.parquet import write_parquet
from naslib_zc_plugin.table import ScoreTable

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


def test_the_interval_of_a_difference_holds_the_number_of_another_sample() -> None:
    """Of 2,000 pairs of samples 95 % have their difference inside; 89 % the other mean in one sample's own interval."""
    rng = np.random.default_rng(1)
    inside = own = 0
    for _ in range(2000):
        ours, theirs = rng.normal(size=50), rng.normal(size=100)
        half = 1.96 / np.sqrt(50)
        number = OurNumber(float(ours.mean()), float(ours.mean()) - half, float(ours.mean()) + half, 50)
        wide = of_difference(number, 50, 100, (-9, 9))
        assert wide.low is not None and wide.high is not None and wide.theirs == 100
        inside += wide.low <= theirs.mean() <= wide.high
        own += abs(theirs.mean() - ours.mean()) <= half
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)
    assert own / 2000 == pytest.approx(0.89, abs=0.02)
    scored = _scored(400)
    plain = estimates(scored, ["tau", "hits"], {"of": "400"}, resamples=50)
    widened = estimates(scored, ["tau", "hits"], {"of": "400", "sample": ""}, resamples=50)
    for name in plain:
        low, high = plain[name].low, widened[name].low
        assert low is not None and high is not None and plain[name].value is not None
        assert plain[name].value - high == pytest.approx((plain[name].value - low) * 2**0.5)


def test_a_share_counts_networks_without_accuracy_too() -> None:
    part = _scored(300, undefined=100)
    some = replace(part, untrained=200)
    kept = estimates(some, ["kept"], {"of": "5000"}, resamples=20)["kept"]
    assert (kept.value, kept.n) == (2000, 500)
    assert some.where(np.arange(300) < 150).untrained == 100


def test_the_nominated_stand_above_the_space_that_nominated_them() -> None:
    other = {f"{number}": -float(number) for number in range(1000)}
    real = {f"{number}": number % 7 / 10 - number / 100 for number in range(200)}
    found = nominated(real, {**other, "none": np.nan})
    order = sorted((key for key in found if found[key] == found[key]), key=lambda key: -found[key])
    assert order[:200] == sorted(real, key=lambda key: -real[key])
    assert order[200:] == [f"{number}" for number in range(200, 1000)]
    assert np.isnan(found["none"])
    with pytest.raises(ValueError, match="nominate more"):
        nominated({key: -value for key, value in real.items()}, other)
    far = {**real, "170": 0.01}  # the tenth of the best in the last quarter: it does not hide the first
    with pytest.raises(ValueError, match="place 170 of the other scores is among the 64 best, of 200"):
        nominated(far, other)
    assert max(nominated(far, other, 8).items(), key=lambda item: item[1])[0] == max(real, key=lambda key: real[key])


def test_a_selected_network_is_compared_with_those_of_other_draws() -> None:
    scores = {f"{number}": 100 + number / 10 for number in range(100)}
    rng = np.random.default_rng(3)
    again = {key: value * (1 + 0.01 * rng.standard_normal()) for key, value in scores.items()}
    drawn = {key: value * (1 + 0.01 * rng.standard_normal()) for key, value in scores.items()}
    assert spread_of_draws(drawn, again) == pytest.approx(0.01, rel=0.2)
    values, accuracies = np.array(list(scores.values())), np.arange(100.0)
    assert set(best_redrawn(values, accuracies, noise=1e-6, draws=20)) == {99.0}
    assert len(set(best_redrawn(values, accuracies, noise=0.01, draws=50))) > 5
    one = search_estimates("random_search", scores, {"test": dict(zip(scores, accuracies))}, noise=0.01)["test"]
    exact = search_estimates("random_search", scores, {"test": dict(zip(scores, accuracies))})["test"]
    assert one.value == exact.value == 99.0
    assert one.low is not None and exact.low == 99.0 and one.low < 99.0


def test_a_score_that_none_can_be_better_than_selects_among_few_networks() -> None:
    scored = _scored(60)
    values, truth = -np.abs(scored.values) - 1, scored.truth.copy()
    values[[3, 7]], truth[[3, 7]] = 0.0, 10.0
    few = replace(scored, values=values, truth=truth)
    assert estimates(few, ["selected"], {"bound": "0"})["selected"].value == 10.0
    assert estimates(few, ["selected"], {})["selected"].value is None
    assert estimates(replace(few, values=values - 1), ["selected"], {"bound": "0"})["selected"].value is None


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
        write_parquet(tmp_path / f"nasbench201_cifar10_{name}.parquet", records, facts)
    (row,) = (row for row in printed_table("gradalign-4") if (row.row, row.part) == ("jacov", "CIFAR-10"))
    found = Sources(stored=tmp_path).scored(row)
    assert found is not None
    found_values = dict(zip(found.keys, found.values.tolist()))
    # The first campaign's, where both have a score.
    assert found_values == dict(zip(keys, [*map(float, range(40)), *map(float, range(110, 130))]))
    assert found.source == "nasbench201_cifar10_naslib and nasbench201_cifar10_frontier, stored"


def test_nominated_networks_stand_for_those_that_are_identical(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    known = Sources().benchmark("nasbench201")
    assert known.class_of is not None
    counts = known.column("cifar10_flops_M")
    order = sorted(known.keys, key=lambda key: -counts[key])
    one_of = {known.class_of(key): key for key in reversed(order[:200])}
    proxies = {"gradsign": {"name": "gradsign", "version": 1, "higher_is_better": True, "options": {}}}
    records = [
        {"key": key, "proxy": "gradsign", "version": 1, "value": 1000.0 - place, "status": "ok", "seconds": 0.1}
        for place, key in enumerate(sorted(one_of.values(), key=order.index))
    ]
    facts = {"space": "nasbench201", "proxies": proxies}
    write_parquet(tmp_path / "nasbench201_cifar10_gradalign_nominated.parquet", records, facts)
    (row,) = (row for row in printed_table("gradalign-5") if (row.row, row.part) == ("gradsign", "CIFAR-10"))
    found = Sources(stored=tmp_path).scored(row)
    assert found is not None and len(found.keys) == 15625
    values = dict(zip(found.keys, found.values.tolist()))
    twins = [key for key in order[:200] if one_of[known.class_of(key)] != key]
    assert twins and all(values[key] == values[one_of[known.class_of(key)]] for key in twins)
    assert max(values, key=lambda key: values[key]) == order[0]
    ran: list[str] = []

    def campaign(name: str) -> ScoreTable:
        ran.append(name)
        return read_table(tmp_path / f"{name}.parquet")

    again = Sources(campaign=campaign).scored(row)
    assert again is not None and (again.values == found.values).all()
    assert ran == ["nasbench201_cifar10_gradalign_nominated"]  # not what is called like the column


def test_a_campaign_of_one_network_of_each_class_is_the_whole_space(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    known = Sources().benchmark("nasbench201")
    assert known.class_of is not None
    one_of = list({known.class_of(key): key for key in known.keys}.values())
    proxies = {"synflow": {"name": "synflow", "version": 1, "higher_is_better": True, "options": {}}}
    records = [
        {"key": key, "proxy": "synflow", "version": 1, "value": float(place), "status": "ok", "seconds": 0.1}
        for place, key in enumerate(one_of)
    ]
    write_parquet(tmp_path / "made.parquet", records, {"space": "nasbench201", "proxies": proxies})
    (row,) = (row for row in printed_table("gradalign-5") if (row.row, row.part) == ("synflow", "CIFAR-100"))
    found = Sources(campaign=lambda name: read_table(tmp_path / "made.parquet")).scored(row)
    assert found is not None and len(found.keys) == 15625
    assert estimates(found, ["selected"], row.options)["selected"].value is not None


def test_architectures_that_nobody_tried_to_train_do_not_count(tmp_path: Path, shared: Path) -> None:
    pytest.importorskip("pyarrow")
    row = printed_table("epsilon-9")[0]
    scores = tmp_path / f"{row.campaigns[0]}.parquet"
    scores.touch()
    sources = Sources(data=shared / "data", stored=tmp_path)
    table = sources.benchmark("nasbench_nlp")
    runs, diverged = table.column("ptb_runs"), table.column("ptb_diverged")
    runs, diverged = table.column("ptb_runs"), table.column("ptb_diverged")
    kinds = {(runs[key], diverged[key]): key for key in table.keys}
    trained, never, lost = kinds[3, 0], kinds[0, 0], kinds[0, 3]
    records = [
        {"key": key, "proxy": row.label, "version": 1, "value": 1.0, "status": "ok", "seconds": 0.1}
        for key in (trained, never, lost)
    ]
    proxies = {row.label: {"name": "epsilon", "version": 1, "higher_is_better": True, "options": {}}}
    write_parquet(scores, records, {"space": "nasbench_nlp", "proxies": proxies})
    found = sources.scored(row)
    assert found is not None
    assert (found.keys, found.drawn) == ([trained], 2)
