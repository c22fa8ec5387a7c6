"""Searches within limits: no strategy leaves them, results say how much is within, and what cannot be is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, Callable

import pytest

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.configuration import ConfigurationError
from naslib_zc_plugin.constraints import Known, limits_of
from naslib_zc_plugin.latency import Latency, Machine
from naslib_zc_plugin.search import load_data, run_experiment
from naslib_zc_plugin.search.config import Experiment
from naslib_zc_plugin.search.evaluators import proxy as scores_of
from naslib_zc_plugin.search.feasible import FeasibleSpace, Infeasible
from naslib_zc_plugin.search.journal import Entry, Journal, histories
from naslib_zc_plugin.search.results import method_notes
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.strategies import strategy
from naslib_zc_plugin.testing.strategies import Words, word_fitness, word_score
from tests.benchmarks import made

Make = Callable[..., Experiment]
RASPI = {"device": "raspi4", "max": 10.0}
STRATEGIES: Mapping[str, Mapping[str, Any]] = {
    "random_search": {"distinct": True},
    "aging_evolution": {"population": 5, "sample": 3},
    "area": {"pool": 12, "population": 5, "sample": 3},
    "warm_up": {"pool": 12, "evaluate": 5, "around": "aging_evolution"},
    "move": {"population": 5, "sample": 3},
}


def _run(experiment: Experiment, data: Path | None = None) -> dict[str, dict[int, list[Entry]]]:
    prepared = load_data(experiment, data)
    with Journal(experiment.store) as journal:
        run_experiment(prepared, journal)
    return histories(experiment.store)


def _few_a(key: str) -> bool:
    return key.count("a") <= 2


def _of_words(whole: Words) -> FeasibleSpace:
    limits = limits_of({"params": "<= 2"})
    return FeasibleSpace(whole, limits, lambda limit, key: Known.exactly(float(key.count("a"))), computed=True)


# The space --------------------


@pytest.mark.parametrize("name", STRATEGIES)
def test_no_strategy_asks_for_what_is_beyond(name: str) -> None:
    scored: list[str] = []

    def score(key: str) -> float | None:
        scored.append(key)
        return word_score(key)

    search = strategy(name, _of_words(Words("abcd", 5)), score=score, seed=3, **STRATEGIES[name])
    asked = []
    for _ in range(60):
        asked.append(search.ask())
        search.tell(asked[-1], word_fitness(asked[-1]))
    assert all(map(_few_a, asked)) and all(map(_few_a, scored))
    assert max(key.count("a") for key in asked) == 2


def test_draws_keep_their_distribution() -> None:
    whole, rng = Words("ab", 4), Random(0)
    part, drawn = _of_words(whole), [0, 0, 0]
    for _ in range(3000):
        drawn[part.sample(rng).count("a")] += 1
    # 1, 4 and 6 of the 11 words that are left.
    assert [number / 3000 for number in drawn] == pytest.approx([1 / 11, 4 / 11, 6 / 11], abs=0.03)


def test_children_and_neighbours_are_within() -> None:
    part, rng = _of_words(Words("ab", 3)), Random(1)
    assert all(_few_a(part.mutate("aab", rng)) for _ in range(50))
    assert part.neighbours("aab") == ["bab", "abb"]


def test_where_no_change_is_within_a_random_one_takes_its_place() -> None:
    limits = limits_of({"params": "<= 0.5"})
    part = FeasibleSpace(Words("ab", 3), limits, lambda limit, key: Known.exactly(float(key not in ("aaa", "bbb"))))
    assert {part.mutate("aaa", Random(seed)) for seed in range(20)} == {"aaa", "bbb"}
    assert part.neighbours("aaa") == ["aaa"]


def test_the_share_is_counted_or_drawn() -> None:
    nats = space("nats_sss")
    limits = limits_of({"params": "<= 1"})

    def many(limit: Any, key: str) -> Known:
        return Known.exactly(float(key.split(":").count("64")))

    counted = FeasibleSpace(nats, limits, many)
    inside = 7**5 + 5 * 7**4  # none or one of five choices of eight
    assert (counted.share.inside, counted.share.seen, counted.size) == (inside, 8**5, inside)
    drawn = FeasibleSpace(nats, limits, many, computed=True)
    assert (drawn.share.seen, drawn.size) == (100, None)
    assert abs(drawn.share.inside / 100 - inside / 8**5) < 0.1
    assert str(drawn.share).startswith(f"{drawn.share.inside} of 100 random architectures (")


def test_what_nothing_keeps_is_said_with_what_came_nearest() -> None:
    limits = limits_of({"params": "<= 0.5", "flops": "<= 9"})
    part = FeasibleSpace(space("nats_sss"), limits, lambda limit, key: Known.exactly(float(len(key))))
    with pytest.raises(Infeasible) as raised:
        part.share  # noqa: B018
    told = str(raised.value)
    assert told.startswith(
        "none of 32,768 architectures is within the limits (params <= 0.5: 0 of 32,768, found from 9 to"
    )
    assert "flops <= 9: not known of any (nothing is within the others)" in told
    with pytest.raises(Infeasible, match="10,000 draws gave no architecture within the limits"):
        part.sample(Random(0))


# Searches --------------------


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with made-up accuracies; latencies are those that the package has."""
    folder = tmp_path_factory.mktemp("devices")
    made.written(folder, made.nasbench201_columns())
    return folder


def test_a_search_by_a_tables_latency(experiment: Make, devices: Path) -> None:
    asked = experiment(constraints={"latency": RASPI}, repeats=2, budget={"evaluations": 30})
    found = _run(asked, devices)["random_search"]
    fast = {key for key, value in benchmark("nasbench201").column("cifar10_raspi4_latency_ms").items() if value <= 10}
    assert {entry.key for entries in found.values() for entry in entries} <= fast
    notes = " ".join(method_notes(load_data(asked, devices)))
    assert (
        f"Limits: raspi4_ms <= 10; {len(fast):,} of 15,625 architectures ({len(fast) / 15625:.1%}) are within" in notes
    )


def test_limits_on_proxies_filter_before_scores(toys: Make) -> None:
    name = "warm_up"
    options = STRATEGIES[name]
    asked = toys(
        strategy={"name": name, "proxy": "naswot", **options}, constraints={"params": "<= 1.0e9", "flops": ">= 1"},
    )  # fmt: skip
    (search,) = load_data(asked)
    part = search.part
    assert isinstance(part, FeasibleSpace)
    sizes = sorted(part._value(limits_of({"params": "<= 1"})[0], key).low or 0 for key in set(_drawn(part)))
    middle = sizes[len(sizes) // 2]
    limited = toys(
        strategy={"name": name, "proxy": "naswot", **options}, constraints={"params": f"<= {middle}"}, seed=2
    )
    history = _run(limited)[name][0]
    (again,) = load_data(limited)
    assert isinstance(again.part, FeasibleSpace)
    assert history and all(not again.part.beyond(entry.key) for entry in history)
    assert 0 < again.part.share.inside < again.part.share.seen


def _drawn(part: FeasibleSpace) -> list[str]:
    return [part.sample(Random(seed)) for seed in range(12)]


def test_a_measured_latency_is_kept_with_its_machine(toys: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[float] = []

    def latency(net: Any, inputs: Any, *, reference: float | None, rounds: int) -> Latency:
        """Three intervals: below, around and above 10 ms."""
        timed.append(reference or 0.0)
        middle = (6.0, 10.0, 14.0)[len(timed) % 3]
        machine = Machine("made up", 1, "2", 1, "float32", 1)
        return Latency(middle, middle - 2, middle + 2, 0.5, rounds, machine)

    monkeypatch.setattr(scores_of, "latency_here", latency)
    asked = toys(constraints={"latency_here": {"max": 10, "rounds": 6}}, budget={"evaluations": 8}, repeats=2)
    first = _run(asked)
    measured = len(timed)
    assert timed[0] == 0.0 and set(timed[1:]) == {0.5}  # the first yardstick stands for the machine
    (search,) = load_data(asked)
    with Journal(asked.store) as journal:
        run_experiment([search], journal)
    assert histories(asked.store) == first and len(timed) == measured
    assert "of 20 random architectures" in " ".join(method_notes([search]))  # though the journal is closed
    assert set(search.provenance()["machine"]) == {"latency_here[rounds=6]"}
    with Journal(asked.store) as journal:
        search.scores.journal = journal  # type: ignore[union-attr]
        part = search.part
        assert isinstance(part, FeasibleSpace)
        intervals = {key: search.scores.latency(part._limits[0], key) for key in map(_key, first["random_search"][0])}  # type: ignore[union-attr]
        assert len(timed) == measured
    assert {known.low for known in intervals.values()} <= {4.0, 8.0}  # what lies around the limit may be within it


def _key(entry: Entry) -> str:
    return entry.key


# Mistakes --------------------


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ({"parms": "<= 3"}, "constraints: no limit is called 'parms'; did you mean params?"),
        ({"params": "<= -3"}, "it is above 0 for every network"),
        (["params"], "constraints must be a mapping"),
    ],
)
def test_mistakes_are_listed(experiment: Make, constraints: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        experiment(constraints=constraints)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ({"latency": {"device": "raspi", "max": 3}}, "nasbench201 has no column 'cifar10_raspi_latency_ms'"),
        ({"latency_here": "<= 3"}, "networks to be measured are made from images and preset"),
        ({"params": "<= 3"}, "scores of params: give either table, or images and preset"),
    ],
)
def test_limits_without_values(experiment: Make, devices: Path, constraints: Any, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        load_data(experiment(constraints=constraints), devices)
    assert message in str(raised.value)


def test_a_latency_to_be_measured_needs_no_proxy(experiment: Make, devices: Path) -> None:
    scores = {"images": "synthetic:normal", "preset": "lightweight"}
    (search,) = load_data(experiment(constraints={"latency_here": "<= 3"}, scores=scores), devices)
    assert isinstance(search.part, FeasibleSpace)


def test_a_table_of_another_space(toys: Make) -> None:
    with pytest.raises(ValueError, match="there is a table of latencies of nasbench201 alone, not of toy"):
        load_data(toys(constraints={"latency": RASPI}))


def test_limits_that_changed_are_another_search(experiment: Make, devices: Path) -> None:
    _run(experiment(constraints={"latency": RASPI}), devices)
    with pytest.raises(ValueError, match="constraints"):
        _run(experiment(constraints={"latency": {**RASPI, "max": 11.0}}), devices)


def test_limits_that_nothing_keeps_end_the_search_before_it_begins(experiment: Make, devices: Path) -> None:
    with pytest.raises(Infeasible, match=r"random_search: none of 15,625 .*raspi4_ms <= 0.001: 0 of 15,625"):
        _run(experiment(constraints={"latency": {**RASPI, "max": 0.001}}), devices)
