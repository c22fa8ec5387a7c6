"""Our tuner, by its name in NNI."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from torch import nn

from tests.hosts.nni import made
from tests.hosts.nni.needs import needs

nni = needs("nni")
tuner = needs("naslib_zc_plugin.hosts.nni.tuner")

SPACE = {
    "width": {"_type": "choice", "_value": [4, 8, 16]},
    "kernel": {"_type": "choice", "_value": [1, 3]},
    "act": {"_type": "choice", "_value": ["relu", "none"]},
    "only": {"_type": "choice", "_value": [7]},
}


def build(given: dict[str, Any]) -> nn.Module:
    """A network of parameters."""
    act = nn.ReLU() if given["act"] == "relu" else nn.Identity()
    conv = nn.Conv2d(3, given["width"], given["kernel"], padding=given["kernel"] // 2)
    return nn.Sequential(conv, act, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(given["width"], 10))


def value(given: dict[str, Any]) -> float:
    return float(given["width"] * given["kernel"])


def driven(found: Any, count: int) -> list[dict[str, Any]]:
    """Parameters, in the order of their trials, of which every fifth fails."""
    found.update_search_space(SPACE)
    asked = []
    for number in range(count):
        given = found.generate_parameters(number)
        asked.append(given)
        if number % 5 != 4:
            found.receive_trial_result(number, given, {"default": value(given), "loss": 3})
        found.trial_end(number, number % 5 != 4)
    return asked


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tuner's name, in a configuration folder of the test."""
    monkeypatch.setenv("NNI_CONFIG_DIR", str(tmp_path / "config"))
    return str(tuner.register())


def test_the_tuner_has_a_name_in_nni(registered: str, tmp_path: Path) -> None:
    package = needs("nni.tools.package_utils")
    assert registered == "zc"
    assert "zc" in (tmp_path / "config" / "registered_algorithms.yml").read_text(encoding="utf-8")
    options = {"strategy": "aging_evolution", "population": 6, "sample": 3, "seed": 1}
    made_by_name = package.create_builtin_class_instance("ZC", options, "tuners")
    assert isinstance(made_by_name, tuner.ProxyTuner)
    assert driven(made_by_name, 60) == driven(tuner.ProxyTuner(**options), 60)


def test_the_command_registers_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNI_CONFIG_DIR", str(tmp_path))
    try:
        management = needs("nni.tools.nnictl.algo_management")
    except ImportError as error:
        pytest.skip(f"nnictl needs setuptools before 82: {error}")
    from types import SimpleNamespace

    management.algo_reg(SimpleNamespace(meta_path=str(tuner.META)))
    assert needs("nni.tools.package_utils").get_algo_meta("zc").class_name.endswith("ProxyTuner")


def test_losses_are_minimised() -> None:
    options = {"strategy": "aging_evolution", "population": 10, "sample": 5, "seed": 0}
    up, down = (driven(tuner.ProxyTuner(optimize_mode=f"{way}imize", **options), 200) for way in ("max", "min"))
    assert up[:10] == down[:10]
    assert 1.3 * sum(map(value, down)) < sum(map(value, up))
    with pytest.raises(ValueError, match="'maximize' or 'minimize'"):
        tuner.ProxyTuner(optimize_mode="least")


def test_all_is_tried_once_and_then_there_is_no_more() -> None:
    found = tuner.ProxyTuner("random_search", distinct=True)
    found.update_search_space(SPACE)
    tried = found.generate_multiple_parameters(list(range(40)))
    assert len(tried) == len({json.dumps(each, sort_keys=True) for each in tried}) == 12


def test_a_proxy_picks_what_is_tried_first() -> None:
    options = {"pool": 12, "population": 4, "distinct": True}
    found = tuner.ProxyTuner("area", proxy="params", build=f"{__name__}:build", dataset=made.IMAGES, **options)
    found.update_search_space(SPACE)
    first = found.generate_multiple_parameters([0, 1])
    assert all((each["width"], each["kernel"]) == (16, 3) for each in first)
    with pytest.raises(ValueError, match="module:function"):
        tuner.ProxyTuner("area", proxy="params", dataset=made.IMAGES)


def test_only_choices_are_searched() -> None:
    for bad in ({"_type": "uniform", "_value": [0, 1]}, {"_type": "choice", "_value": [{"_name": "a"}]}, 3):
        with pytest.raises(ValueError, match="parameter 'rate' must be a choice"):
            tuner.ChoiceDomain({"rate": bad})


def test_one_parameter_is_changed_at_a_time() -> None:
    domain, rng = tuner.ChoiceDomain(SPACE), Random(0)
    key = domain.sample(rng)
    neighbours = domain.neighbours(key)
    assert len(neighbours) == 2 + 1 + 1
    assert {domain.mutate(key, rng) for _ in range(200)} == set(neighbours)
    lone = tuner.ChoiceDomain({"only": SPACE["only"]})
    assert lone.mutate('{"only": 7}', rng) == '{"only": 7}'
