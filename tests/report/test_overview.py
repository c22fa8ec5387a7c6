"""Tables joined into one overview: which measurement is shown, what is compared with what, and how many networks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from naslib_zc_plugin.aggregates import Aggregate
from naslib_zc_plugin.report.correlations import paired_difference
from naslib_zc_plugin.report.overview import Source, overview, row_of
from naslib_zc_plugin.table import STATUSES, ScoreTable
from tests.report.tables import FACTS, Entry, column

RNG = np.random.default_rng(3)
N = 80
KEYS = [f"k{i}" for i in range(N)]
TRUTH = RNG.normal(size=N)
SIZE = TRUTH + RNG.normal(size=N)
NEAR, FAR = TRUTH + RNG.normal(size=N), TRUTH + 3 * RNG.normal(size=N)


def _some(values: np.ndarray, status: str, every: int) -> list[Entry]:
    return [status if i % every == 0 else float(value) for i, value in enumerate(values)]


def _source(name: str, keys: list[str], columns: dict[str, object], truth: str = "test", **more: object) -> Source:
    table = ScoreTable(name, keys, columns, FACTS)  # type: ignore[arg-type]
    accuracies = dict(zip(KEYS, (TRUTH if truth == "test" else -TRUTH).tolist()))
    return Source(table, accuracies, truth, "toy", "set", path=f"{name}.db", **more)  # type: ignore[arg-type]


NOISES = {"zen": 0.5, "snip": 1.0, "fisher": 3.0}
SMALL = _source(
    "small", KEYS[:40], {"naswot": column(FAR[:40].tolist(), "naswot"), "snip": column(FAR[:40].tolist(), "snip")}
)
LARGE = _source(
    "large", KEYS, {"naswot": column(_some(NEAR, "undefined", 4), "naswot"), "params": column(SIZE.tolist(), "params")}
)


def test_the_largest_measurement_is_shown_and_the_others_are_named() -> None:
    (group,) = overview([SMALL, LARGE]).groups
    cell = group.cells["naswot"]
    assert (cell.entry, cell.n, cell.column.count("undefined"), len(group.keys)) == (1, 60, 20, N)
    (other,) = cell.others
    assert (other.entry, other.n) == (0, 40) and other.tau == pytest.approx(kendalltau(FAR[:40], TRUTH[:40])[0])
    there = np.arange(N) % 4 > 0
    assert cell.estimates["tau"].value == pytest.approx(kendalltau(NEAR[there], TRUTH[there])[0], abs=1e-6)
    assert cell.estimates["rho"].value == pytest.approx(spearmanr(NEAR[there], TRUTH[there])[0], abs=1e-6)
    assert group.cells["snip"].column.count("pending") == 40 and group.cells["snip"].column.count("failed") == 0


def test_sizes_are_counted_where_the_benchmark_has_none() -> None:
    (group,) = overview([SMALL, LARGE]).groups
    assert set(group.sizes) == {"params"} and "tau|params" in group.cells["naswot"].estimates
    assert group.cells["params"].estimates["tau|params"].value is None
    known = replace(LARGE, sizes={"flops": dict(zip(KEYS, SIZE.tolist()))})
    assert set(overview([known]).groups[0].sizes) == {"flops", "params"}


def test_all_are_compared_with_the_accuracy_of_most_columns() -> None:
    other = _source("other", KEYS, {"zen": column(NEAR.tolist(), "zen")}, truth="val")
    (group,) = overview([other, SMALL, LARGE]).groups
    assert group.of.truth_name == "test" and group.cells["zen"].estimates["tau"].value > 0  # type: ignore[operator]


def test_the_best_and_who_cannot_be_told_from_it() -> None:
    scores = {"zen": TRUTH, "snip": TRUTH + 1e-6 * RNG.normal(size=N), "fisher": RNG.normal(size=N)}
    made = {name: column(values.tolist(), name) for name, values in scores.items()}
    (group,) = overview([_source("s", KEYS, made)]).groups  # type: ignore[arg-type]
    best = {name for name, cell in group.cells.items() if "tau" in cell.among_best}
    assert "fisher" not in best and "zen" in best
    assert group.cells["fisher"].ranks["tau"] == (3, 3, 3)
    won = group.wins["tau"]
    places = {name: group.ranked.index(name) for name in scores}
    assert won[places["zen"], places["fisher"]] == 1 and won[places["fisher"], places["zen"]] == -1


def test_neighbours_in_rank_are_told_with_the_interval_of_the_difference() -> None:
    made = {name: column((TRUTH + noise * RNG.normal(size=N)).tolist(), name) for name, noise in NOISES.items()}
    (group,) = overview([_source("s", KEYS, made)]).groups  # type: ignore[arg-type]
    taus = {name: cell.estimates["tau"].value for name, cell in group.cells.items()}
    order = sorted(taus, key=lambda name: -taus[name])  # type: ignore[operator]
    beside = [[name for name, _ in group.cells[each].neighbours["tau"]] for each in order]
    assert beside == [[order[1]], [order[0], order[2]], [order[1]]]
    (_, above), (_, below) = group.cells[order[1]].neighbours["tau"]
    values = [group.cells[name].column.values for name in order]
    drawn = paired_difference(values[1], values[0], TRUTH, resamples=500).kendall
    assert above.n == N and above.difference.value == pytest.approx(drawn.value, abs=1e-6)
    assert above.difference.low == pytest.approx(drawn.low, abs=0.03) and below.difference.value > 0  # type: ignore[operator]


def test_identical_networks_are_one_observation() -> None:
    keys, twice = [*KEYS, *(f"{key}'" for key in KEYS)], np.tile(NEAR, 2)
    truth = dict(zip(keys, np.tile(TRUTH, 2).tolist()))
    table = ScoreTable("twice", keys, {"zen": column(twice.tolist(), "zen")}, FACTS)
    alone = Source(table, truth, "test", "toy", "set")
    classes = replace(alone, clusters={key: key.rstrip("'") for key in keys})

    def width(source: Source) -> float:
        found = overview([source]).groups[0].cells["zen"].estimates["tau"]
        return found.high - found.low  # type: ignore[operator]

    assert width(classes) == pytest.approx(math.sqrt(2) * width(alone), rel=0.03)


def test_an_aggregate_joins_what_several_tables_have_and_says_which() -> None:
    more = _source("more", KEYS, {"snip": column(_some(FAR, "failed", 10), "snip")})
    found = overview([SMALL, LARGE, more], [Aggregate.parse("log_rank_sum:params,snip"), Aggregate.parse("tenas")])
    (group,) = found.groups
    assert "tenas" not in group.cells
    cell = group.cells["log_rank_sum(params, snip)"]
    assert sorted(cell.entries) == [1, 2] and cell.n == N - 8
    (row,) = (row for row in found.rows if row.kind == "aggregate")
    assert (row.name, row.members) == ("log_rank_sum(params, snip)", ("params", "snip"))


def test_recipes_bear_the_benchmarks_that_chose_them() -> None:
    names = ("az_expressivity", "az_trainability", "meco", "meco_opt", "params")
    proxies = {name: column((TRUTH + RNG.normal(size=N)).tolist(), name.partition("_opt")[0]) for name in names}
    rows = {row.name: row for row in overview([_source("s", KEYS, proxies)], [Aggregate.parse("recommended")]).rows}  # type: ignore[arg-type]
    assert rows["recommended"].chosen_on == ("nasbench201", "nasbench101") and rows["meco"].chosen_on == ()
    assert rows["meco_opt"].kind == "proxy"


def test_a_label_of_its_own_is_a_variant_and_a_spelling_is_none() -> None:
    scores = column([1.0], "epsilon")
    assert row_of("0.1, 1", scores).name == "epsilon: 0.1, 1" and row_of("0.1, 1", scores).kind == "variant"
    assert row_of("epsinas", scores).name == "epsilon" and row_of("epsinas", scores).kind == "proxy"
    assert row_of("theirs", column([1.0], "theirs")).kind == "proxy"


def test_more_networks_than_are_compared_keep_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = overview([SMALL, LARGE]).groups[0].cells["params"].estimates
    monkeypatch.setattr("naslib_zc_plugin.report.overview.COMPARED", 50)
    (group,) = overview([SMALL, LARGE]).groups
    thinned = group.cells["params"].estimates
    assert len(group.plotted) == 50 and set(group.plotted.tolist()) >= {i for i in range(40) if i % 4}
    assert thinned["tau"].value == pytest.approx(whole["tau"].value, abs=1e-6)
    widths = [each["tau"].high - each["tau"].low for each in (thinned, whole)]  # type: ignore[operator]
    assert widths[0] == pytest.approx(widths[1], rel=0.35)


def test_what_has_no_score_is_there_without_a_number() -> None:
    none = _source("none", KEYS, {"zen": column(["undefined"] * N, "zen"), "snip": column([1.0] * N, "snip")})
    (group,) = overview([none]).groups
    zen, snip = group.cells["zen"], group.cells["snip"]
    assert zen.estimates["tau"].value is None and zen.pick is None and not zen.ranks and "top" not in zen.estimates
    assert snip.estimates["tau"].value is None and snip.pick is not None and len(snip.picked) == N
    assert (zen.column.status == STATUSES.index("undefined")).all()


def test_no_table_is_no_overview() -> None:
    with pytest.raises(ValueError, match="one table of scores or more"):
        overview([])
