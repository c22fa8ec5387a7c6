"""Limits: what may be written, what they let through, and the errors of those that are mistaken."""

from __future__ import annotations

from typing import Any

import pytest

from naslib_zc_plugin.constraints import Known, broken, limits_of, limits_of_texts


def test_all_ways_to_write_a_limit() -> None:
    found = limits_of(
        {
            "latency_here": {"max": 30, "threads": 2},
            "params": "<= 1.0e6",
            "flops": ["> 10", "<1.5e8"],
            "peak_activations": {"min": 5, "max": "2.0e6", "phase": "training"},  # as YAML reads 2.0e6
            "latency": {"device": "raspi4", "max": 30},
        }
    )
    assert list(map(str, found)) == [
        "params <= 1e+06",
        "flops > 10 and < 1.5e+08",
        "peak_activations[phase=training] <= 2e+06 and >= 5",
        "raspi4_ms <= 30",
        "latency_here[threads=2] <= 30",  # the last one: nothing is timed that is beyond another limit
    ]
    assert found[2].request is not None and found[2].request.options == {"phase": "training"}
    assert (found[3].settings, found[4].request) == ({"dataset": "cifar10", "device": "raspi4"}, None)
    assert limits_of({}) == ()


@pytest.mark.parametrize(
    ("condition", "inside", "outside"),
    [
        ("<= 3", [3.0, 2.0, -1.0], [3.001]),
        ("< 3", [2.999], [3.0]),
        (">= 3", [3.0, 4.0], [2.999]),
        ("> 3", [3.001], [3.0]),
        (["> 3", "<= 5"], [4.0, 5.0], [3.0, 5.5]),
    ],
)
def test_what_is_within(condition: Any, inside: list[float], outside: list[float]) -> None:
    (limit,) = limits_of({"naswot": condition})
    assert [limit.allows(Known.exactly(value)) for value in inside] == [True] * len(inside)
    assert [limit.allows(Known.exactly(value)) for value in outside] == [False] * len(outside)


def test_a_measurement_is_beyond_where_its_whole_interval_is() -> None:
    upper, lower = limits_of({"latency_here": "<= 30"})[0], limits_of({"latency_here": ">= 30"})[0]
    for low, high, below, above in ((20, 29, True, False), (29, 31, True, True), (31, 40, False, True)):
        assert (upper.allows(Known(low, high)), lower.allows(Known(low, high))) == (below, above)


def test_what_is_not_known_is_within_no_limit() -> None:
    limits = limits_of({"params": ">= 0", "latency": {"device": "edgetpu", "max": 3}})
    values = {"params": Known.exactly(5.0), "edgetpu_ms": Known.exactly(None, "the table has none")}
    assert broken(limits, lambda limit: values[limit.label]) == (
        "edgetpu_ms is not known (the table has none), the limit is <= 3"
    )


def test_values_after_a_broken_limit_are_not_asked_for() -> None:
    asked: list[str] = []

    def value(limit: Any) -> Known:
        asked.append(limit.label)
        return Known.exactly(10.0)

    limits = limits_of({"latency_here": "<= 30", "params": "<= 20", "flops": "<= 3"})
    assert broken(limits, value) == "flops is 10, the limit is <= 3"
    assert asked == ["params", "flops"]


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ({"parms": "<= 3"}, "no limit is called 'parms'; did you mean params?"),
        ({"latncy": {"max": 3}}, "did you mean latency"),
        ({"params": "= 3"}, "params: '= 3' is no limit: write '<= 1.0e6', or {max: 1.0e6}"),
        ({"params": 3}, "params: 3 is no limit"),
        ({"params": "<= 1.2.3"}, "params: '<= 1.2.3' is no limit"),
        ({"params": {"max": "many"}}, "params: a limit must be a number, not 'many'"),
        ({"params": {"max": float("nan")}}, "must be a number"),
        ({"params": {}}, "params: give max, min or both"),
        ({"params": {"max": 1, "min": 3}}, "params <= 1 and >= 3: no value is both"),
        ({"params": "<= 0"}, "params <= 0: it is above 0 for every network"),
        ({"latency_here": {"max": -3}}, "it is above 0 for every network"),
        ({"latency": {"max": 3}}, "latency: give the device"),
        ({"latency": {"device": "raspi4", "max": 3, "dat": 1}}, "latency has no setting 'dat'; did you mean dataset"),
        ({"latency_here": {"max": 3, "rounds": 2}}, "rounds must be a whole number, at least 6"),
        ({"peak_activations": {"max": 3, "phase": "train"}}, "phase must be 'inference' or 'training'"),
        ({"params": {"max": 3, "phase": "training"}}, "params has no option 'phase'"),
        ("params <= 3", "constraints must be a mapping"),
    ],
)
def test_mistakes(constraints: Any, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        limits_of(constraints)
    assert message in str(raised.value)


def test_limits_of_a_command_line() -> None:
    texts = ["params<=1e6", " params > 10", "latency_here <= 30"]
    assert [str(each) for each in limits_of(limits_of_texts(texts))] == [
        "params <= 1e+06 and > 10",
        "latency_here <= 30",
    ]
    with pytest.raises(ValueError, match="'params' is no limit: write a name"):
        limits_of_texts(["params"])
