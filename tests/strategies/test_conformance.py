"""Every strategy of the package, present and future, and all that is published keep the laws of the suite."""

from __future__ import annotations

from math import inf
from typing import Any

from naslib_zc_plugin.strategies import PUBLISHED, list_strategies
from naslib_zc_plugin.testing.strategies import StrategyConformance

_SMALL = {
    "aging_evolution": {"population": 6, "sample": 3},
    "move": {"population": 6, "sample": 3},
    "warm_up": {"pool": 12, "evaluate": 5},
    "area": {"pool": 12, "population": 5},
}


def _suite(label: str, name: str, **more: Any) -> None:
    globals()[f"Test_{label}"] = type(f"Test_{label}", (StrategyConformance,), {"strategy": name, **more})


for _name in list_strategies():
    _suite(_name, _name, options=_SMALL.get(_name, {}))
    _suite(f"warm_up_around_{_name}", "warm_up", options={**_SMALL["warm_up"], "around": {"name": _name}})
    for _preset, _settings in PUBLISHED.items():
        if _name in _settings:
            _suite(
                f"{_name}_of_{_preset}",
                _name,
                options={**_SMALL.get(_name, {}), "preset": _preset},
                remembers=_name == "random_search" and _settings[_name]["distinct"],
                start=_settings[_name].get("start", -inf),
            )


class TestMoveOfTheBestParent(StrategyConformance):
    strategy = "move"
    options = {**_SMALL["move"], "kind": "parent"}


class TestMoveToTheBestOfSomeChildren(StrategyConformance):
    strategy = "move"
    options = {**_SMALL["move"], "kind": "children", "children": 3}


class TestWarmUpAroundMove(StrategyConformance):
    strategy = "warm_up"
    options = {**_SMALL["warm_up"], "order": "worst_first", "around": {"name": "move", **_SMALL["move"]}}
