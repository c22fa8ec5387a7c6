"""Searches of ours that Optuna's studies run."""

from __future__ import annotations

import pytest

from naslib_zc_plugin import spaces, strategies
from naslib_zc_plugin.hosts import list_hosts
from tests.hosts.conformance import HostConformance
from tests.hosts.optuna.needs import needs

optuna = needs("optuna")


def _refusal() -> str:
    with pytest.raises(ValueError) as caught:
        spaces.space("other")
    return str(caught.value)


class TestOptuna(HostConformance):
    """A study of Optuna's."""

    host = "optuna"
    refusal = _refusal()


def test_it_is_listed() -> None:
    assert "optuna" in list_hosts()


def test_a_study_shows_the_search() -> None:
    study, space = optuna.create_study(direction="maximize"), spaces.space("nasbench201")
    told: list[str] = []

    def evaluate(key: str) -> float | None:
        told.append(key)
        return None if len(told) == 2 else float(len(told))

    run = needs("naslib_zc_plugin.hosts.optuna").run_search
    run(strategies.strategy("random_search", space), evaluate, lambda: len(told) < 3, "nasbench201", study)
    assert [trial.user_attrs["key"] for trial in study.trials] == told
    assert [trial.values for trial in study.trials] == [[1.0], None, [3.0]]
    assert [space.key(trial.params["architecture"]) for trial in study.trials] == told


def test_a_space_whose_keys_are_not_counted() -> None:
    space = spaces.space("nasbench_nlp")
    assert space.size is None
    run = needs("naslib_zc_plugin.hosts.optuna").run_search
    with pytest.raises(ValueError, match="the keys of nasbench_nlp are not counted"):
        run(strategies.strategy("random_search", space), len, lambda: True, "nasbench_nlp")
