"""Tables of real models: sums of logarithms of ranks, and agreement within families, against written loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kendalltau

from naslib_zc_plugin.table import STATUSES, Column, ScoreTable
from tests.examples import example

timm = example("timm_results")


def test_sums_of_logarithms_of_ranks_are_over_the_networks_with_all_members() -> None:
    first, second = np.array([10.0, 30.0, 20.0, np.nan]), np.array([3.0, 1.0, np.nan, 2.0])
    found = timm.log_ranks([first, second])
    assert found[:2].tolist() == pytest.approx([math.log(1 * 2), math.log(2 * 1)])
    assert np.isnan(found[2:]).all()


def test_within_families_pairs_of_one_family_alone_count() -> None:
    rng = np.random.default_rng(0)
    families = [name for name in "abc" for _ in range(7)] + ["single"]
    level = np.array([{"a": 100.0, "b": 50.0, "c": 0.0, "single": 9.0}[name] for name in families])
    truth = level + rng.normal(size=22)
    score = -level + truth - level + rng.normal(size=22)  # families in the wrong order, their members not
    signs = []
    for i in range(22):
        for j in range(i):
            if families[i] == families[j]:
                signs.append(np.sign(score[i] - score[j]) * np.sign(truth[i] - truth[j]))
    found = timm._within(score, truth, families, 200)
    assert len(signs) == 63 and found.value == pytest.approx(np.mean(signs))
    assert found.low <= found.value <= found.high and kendalltau(score, truth).statistic < 0 < found.value
    score[:7] = np.nan
    assert timm._within(score, truth, families, 0).value == pytest.approx(np.mean(signs[21:]))
    assert timm._within(score[:1], truth[:1], families[:1], 10).value is None


def test_columns_of_another_export_stand_beside_and_what_it_has_not_is_pending() -> None:
    def column(values: list[float]) -> Column:
        status = np.zeros(len(values), dtype=np.uint8) + STATUSES.index("ok")
        return Column("naswot", 1, True, np.array(values), status, np.array(values) / 10)

    table = ScoreTable("t", ["a", "b", "c"], {"one": column([1.0, 2.0, 3.0])})
    found = timm.beside(table, ScoreTable("t", ["c", "a"], {"two": column([30.0, 10.0])}))
    assert list(found.columns) == ["one", "two"] and found["one"].values.tolist() == [1.0, 2.0, 3.0]
    assert found["two"].values[[0, 2]].tolist() == [10.0, 30.0] and found["two"].seconds[[0, 2]].tolist() == [1.0, 3.0]
    assert [STATUSES[code] for code in found["two"].status.tolist()] == ["ok", "pending", "ok"]
