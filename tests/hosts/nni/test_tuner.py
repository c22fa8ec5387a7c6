"""Our tuner, by its name in NNI."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from torch import nn

from naslib_zc_plugin.strategies import STRATEGIES, list_strategies, option_names
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


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"_type": "normal", "_value": [0, 1]}, "the types .* are searched; did you mean"),
        ({"_type": "unifrom", "_value": [0, 1]}, "did you mean uniform"),
        ({"_type": "choice", "_value": [{"_name": "a"}]}, "nested choices"),
        ({"_type": "choice", "_value": []}, "_value must be a list"),
        ({"_type": "uniform", "_value": [1, 0]}, "2 numbers, the second above the first"),
        ({"_type": "quniform", "_value": [0, 1]}, "3 numbers"),
        ({"_type": "quniform", "_value": [0, 1, 0]}, "the step must be above 0"),
        ({"_type": "loguniform", "_value": [0, 1]}, "the lower end must be above 0"),
        ({"_type": "randint", "_value": [0.5, 2]}, "whole numbers"),
        ({"type": "choice"}, "it must be"),
        (3, "it must be"),
    ],
)
def test_what_is_not_searched_is_refused_by_name(bad: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=f"parameter 'rate' is .*{reason}"):
        tuner.ParameterDomain({**SPACE, "rate": bad})


NUMBERS = {
    "rate": {"_type": "uniform", "_value": [0, 1]},
    "decay": {"_type": "loguniform", "_value": [1e-5, 1e-1]},
    "layers": {"_type": "randint", "_value": [2, 6]},
    "drop": {"_type": "quniform", "_value": [0.1, 0.9, 0.25]},
    "act": {"_type": "choice", "_value": ["relu", "none"]},
}


def test_numbers_are_drawn_as_nni_draws_them() -> None:
    domain = tuner.ParameterDomain(NUMBERS)
    drawn = [json.loads(domain.sample(Random(seed))) for seed in range(2000)]
    assert 0.45 < sum(each["rate"] for each in drawn) / 2000 < 0.55
    assert 0.4 < sum(each["decay"] < 1e-3 for each in drawn) / 2000 < 0.6
    assert {each["layers"] for each in drawn} == {2, 3, 4, 5}
    assert {each["drop"] for each in drawn} == {0.1, 0.25, 0.5, 0.75, 0.9}
    assert (
        domain.size is None and tuner.ParameterDomain({name: NUMBERS[name] for name in ("layers", "drop")}).size == 20
    )


def test_one_number_is_changed_at_a_time() -> None:
    domain, rng = tuner.ParameterDomain(NUMBERS), Random(0)
    key = domain.sample(rng)
    neighbours = domain.neighbours(key)
    assert len(set(neighbours)) == 8 + 8 + 3 + 4 + 1 and neighbours == domain.neighbours(key)
    changed = set()
    for other in [*neighbours, *(domain.mutate(key, rng) for _ in range(100))]:
        before, after = json.loads(key), json.loads(other)
        (name,) = [name for name in before if before[name] != after[name]]
        changed.add(name)
    assert changed == set(NUMBERS)


@pytest.mark.parametrize("strategy", ["random_search", "aging_evolution", "move", "area", "warm_up"])
def test_every_strategy_searches_numbers(strategy: str) -> None:
    given = {"proxy": "params", "build": f"{__name__}:build", "dataset": made.IMAGES}
    options = given if strategy in ("move", "area", "warm_up") else {}
    space = {**{name: SPACE[name] for name in ("width", "kernel", "act")}, "rate": NUMBERS["rate"]}
    found = tuner.ProxyTuner(strategy, **options, **({"pool": 12} if strategy in ("area", "warm_up") else {}))
    found.update_search_space(space)
    for number in range(12):
        parameters = found.generate_parameters(number)
        found.receive_trial_result(number, parameters, parameters["rate"])
        assert 0 <= parameters["rate"] <= 1
    agreement = found.agreement()
    assert (agreement is None) == (options == {})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"populaton": 3}, "has no option 'populaton'; did you mean population"),
        ({"optimise_mode": "minimize"}, "has no option 'optimise_mode'; did you mean optimize_mode"),
        ({"sead": 1}, "did you mean seed"),
        ({"strategy": "aging_evoluton"}, "did you mean aging_evolution"),
        ({"population": "many"}, "population must be"),
        ({"strategy": "area"}, "area needs proxy="),
        ({"preset": "real2019"}, "did you mean real2018"),
    ],
)
def test_a_misspelt_argument_is_named(options: dict[str, Any], reason: str) -> None:
    for make in (tuner.ProxyTuner, tuner.TunerConfig):
        with pytest.raises(ValueError, match=reason):
            make(**options)


ARGUMENTS = [name for name in inspect.signature(tuner.ProxyTuner).parameters if name != "options"]


@pytest.mark.parametrize(
    ("strategy", "argument"),
    [(name, each) for name in list_strategies() for each in [*ARGUMENTS, *option_names(STRATEGIES.load(name))]],
)
def test_each_argument_misspelt_is_named(strategy: str, argument: str) -> None:
    wrong = argument + argument[-1]
    for make in (tuner.ProxyTuner, tuner.TunerConfig):
        with pytest.raises(ValueError, match=rf"has no option '{wrong}'; did you mean .*\b{argument}\b"):
            make(strategy=strategy, **{wrong: 1})


@pytest.mark.parametrize("file", [False, True])
def test_a_configuration_is_refused_before_there_is_a_server(file: bool, tmp_path: Path) -> None:
    """What an experiment does with its configuration before it starts NNI's server."""
    experiment = needs("nni.experiment").Experiment("local")
    experiment.config.trial_command, experiment.config.trial_concurrency = "true", 1
    experiment.config.tuner = tuner.TunerConfig(strategy="aging_evolution", population=3)
    for space in ({**SPACE, "rate": {"_type": "normal", "_value": [0, 1]}}, NUMBERS):
        (tmp_path / "space.json").write_text(json.dumps(space), encoding="utf-8")
        if file:
            experiment.config.search_space_file = tmp_path / "space.json"
        else:
            experiment.config.search_space = space
        if space is NUMBERS:
            made_by = experiment.config.json()["tuner"]
            assert made_by == {"name": "zc", "classArgs": {"strategy": "aging_evolution", "population": 3}}
        else:
            with pytest.raises(ValueError, match="parameter 'rate' is .*'normal'"):
                experiment.config.json()


def _in_a_process_of_nnis(code: str) -> subprocess.CompletedProcess[str]:
    before = "import logging; logging.basicConfig()\nfrom naslib_zc_plugin.hosts.nni import ProxyTuner\n"
    environment = {**os.environ, "NNI_TUNER_COMMAND_CHANNEL": "ws://localhost:1/tuner"}
    command = [sys.executable, "-c", before + code]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    ("arguments", "space", "reason"),
    [
        ("", {"rate": {"_type": "normal", "_value": [0, 1]}}, "parameter 'rate' is {'_type': 'normal'"),
        ("'area', proxy='params', build='nowhere:build', dataset='digits'", SPACE, "No module named 'nowhere'"),
    ],
)
def test_nnis_own_process_of_a_tuner_ends_with_the_reason(arguments: str, space: Any, reason: str) -> None:
    """NNI's server would wait for ever for a tuner that lives and has no search space."""
    done = _in_a_process_of_nnis(f"ProxyTuner({arguments}).update_search_space({space!r})\nprint('it lives')")
    assert done.returncode == 1 and "it lives" not in done.stdout
    assert f"the tuner ends: {reason}" in done.stderr


def test_nnis_own_process_of_a_tuner_imports_no_torch_before_it_answers() -> None:
    """NNI's server gives up a tuner that does not answer within ten seconds, which importing torch can take."""
    done = _in_a_process_of_nnis(
        "import sys\nProxyTuner('area', proxy='params', build='somewhere:build', dataset='digits')\n"
        "assert 'torch' not in sys.modules"
    )
    assert done.returncode == 0, done.stderr


def test_a_proxy_that_fails_on_all_parameters_ends_the_experiment(caplog: pytest.LogCaptureFixture) -> None:
    found = tuner.ProxyTuner("area", proxy="params", build=f"{__name__}:broken", dataset=made.IMAGES, pool=12)
    found.update_search_space(SPACE)
    with pytest.raises(nni.NoMoreTrialError, match="none of .* has a score: RuntimeError: no network of"):
        found.generate_parameters(0)
    assert any("none of" in line for line in caplog.messages)


def broken(given: dict[str, Any]) -> nn.Module:
    raise RuntimeError(f"no network of {given['act']}")


def test_one_parameter_is_changed_at_a_time() -> None:
    domain, rng = tuner.ParameterDomain(SPACE), Random(0)
    key = domain.sample(rng)
    neighbours = domain.neighbours(key)
    assert len(neighbours) == 2 + 1 + 1
    assert {domain.mutate(key, rng) for _ in range(200)} == set(neighbours)
    lone = tuner.ParameterDomain({"only": SPACE["only"]})
    assert lone.mutate('{"only": 7}', rng) == '{"only": 7}'
