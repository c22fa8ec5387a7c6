"""Proxies against what the papers' own code gave on five networks (for tolerances see each case)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import FORWARD, Forward, Reinitialized, observation, relu_agreement
from naslib_zc_plugin.observations import stages
from naslib_zc_plugin.observations.stages import stage_entropies, stage_gains
from naslib_zc_plugin.passes import Batch, ForwardPass, Network, Observation, Steps, isolated, observe
from naslib_zc_plugin.passes.inputs import Inputs
from naslib_zc_plugin.passes.network import OriginalWeights, Weights
from naslib_zc_plugin.proxies import PROXIES
from tests.golden.nets import SPECS, Golden, load

NETS = list(SPECS)


@dataclass(frozen=True)
class Case:
    """How a reference value is called, how it is asked for here, and how closely both must agree."""

    key: str
    request: Any
    rel: float
    absolute: float = 0.0
    of_terms: float = 0.0


def _proxy(name: str, **options: Any) -> Any:
    return zc.proxy(name, label="asked", **options)


CASES = [
    Case("grad_norm", _proxy("grad_norm"), 1e-4),
    Case("snip", _proxy("snip"), 1e-4),
    Case("plain", _proxy("plain"), 0, of_terms=1e-3),
    Case("grasp", _proxy("grasp"), 0, of_terms=1e-3),
    Case("fisher", _proxy("fisher"), 1e-4),
    Case("synflow", _proxy("synflow"), 1e-9),
    Case("lightweight_synflow", _proxy("synflow"), 1e-9),
    Case("synflow_bn", _proxy("synflow", keep_norm="*"), 1e-9),
    Case("l2_norm", _proxy("l2_norm"), 1e-6),
    Case("jacob_cov", _proxy("jacov"), 1e-3),
    Case("naswot_hook_logdet", _proxy("naswot"), 1e-6),
    Case("gradsign", _proxy("gradsign"), 1e-3),
    Case("derived_not_reference/gradalign1_per_class_meandot", _proxy("gradalign1"), 1e-3),
    Case("derived_not_reference/gradalign2_per_class_logdet_sign_gram", _proxy("gradalign2"), 1e-3),
    Case("derived_not_reference/gradalign1_ignore_class", _proxy("gradalign1", by_class=False), 1e-3),
    Case("derived_not_reference/gradalign2_ignore_class", _proxy("gradalign2", by_class=False), 1e-3),
    Case("epsilon_train_bn_1e-07_1", _proxy("epsilon"), 1e-3, absolute=1e-4),
    Case("epsilon_train_bn_0.0001_10", _proxy("epsilon", weights=(1e-4, 10)), 1e-3, absolute=1e-4),
    Case("epsilon_train_bn_0.01_1", _proxy("epsilon", weights=(1e-2, 1)), 1e-3, absolute=1e-4),
]


def reference(golden: Golden, key: str) -> float:
    """The stored value; its NaN and infinities are stored as text."""
    group, _, name = key.rpartition("/")
    return float((golden.scores[group] if group else golden.scores)[name])


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_agrees_with_the_reference(case: Case, net: str) -> None:
    golden = load(net)
    expected = reference(golden, case.key)
    score = zc.score(golden.net, golden.batch, [case.request])["asked"]
    if not math.isfinite(expected):
        assert score.status == "undefined"
        return
    terms = sum(map(abs, golden.scores.get(f"{case.key}_per_layer_sum", [])))
    absolute = max(case.absolute, case.of_terms * terms)
    assert score.value == pytest.approx(expected, rel=case.rel, abs=absolute)


# With what a reference drew --------------------


@dataclass(frozen=True, eq=False)
class Shown(Inputs):
    """These inputs, one after another."""

    inputs: tuple[Tensor, ...]
    seed_name: ClassVar[str] = "Shown()"

    def shown(self, batch: Batch) -> tuple[Any, ...]:
        return self.inputs


@dataclass(frozen=True, eq=False)
class Stored(Weights):
    """These values in place of the held ones."""

    values: Mapping[str, Tensor]
    seed_name: ClassVar[str] = "Stored()"

    def tensors(self, network: Network) -> Any:
        return tuple(
            {name: self.values.get(name, value).clone() for name, value in group.items()}
            for group in OriginalWeights().tensors(network)
        )


@observation()
def buffers_afterwards(p: ForwardPass) -> Steps[dict[str, Tensor]]:
    """All buffers when the forward runs are done."""
    yield FORWARD
    return dict(p.buffers)


def see(golden: Golden, *observations: Observation) -> list[Any]:
    """The observations' values."""
    with isolated(golden.net) as module:
        outcomes = observe(Network(module), Batch(*golden.batch), observations)
    assert [outcome.error for outcome in outcomes.values()] == [None] * len(observations)
    return [outcomes[observation].value for observation in observations]


def under(name: str, setting: Forward) -> Observation:
    """What the proxy looks at, under another setting."""
    (needed,) = PROXIES.load(name).observations({})
    assert isinstance(needed.setting, Forward)
    assert isinstance(needed.setting.weights, Reinitialized)
    return replace(needed, setting=setting)


def zen_setting(golden: Golden) -> Forward:
    """The weights and inputs of the reference's run; its norms went on from the statistics that the network held."""
    drawn = {name: value for name, value in golden.state("zen_state").items() if "running" not in name}
    x = golden.batch[0]
    return Forward(Stored(drawn), Shown((x, x + 0.01 * golden.arrays["x2_zen"])))


@pytest.mark.parametrize("net", NETS)
def test_zen_agrees_for_the_reference_draw(net: str) -> None:
    golden = load(net)
    setting, expected = zen_setting(golden), float(golden.scores["zen_gamma0.01_repeat1"])
    response, buffers = see(golden, under("zen", setting), buffers_afterwards(setting=setting))
    if math.isfinite(expected):
        assert PROXIES.load("zen")(response) == pytest.approx(expected, rel=1e-4)
    else:
        with pytest.raises(Exception, match="do not change with the input"):
            PROXIES.load("zen")(response)
    moved = {name: value for name, value in golden.state("zen_state").items() if "running" in name}
    assert all(torch.allclose(buffers[name], value, rtol=1e-4, atol=1e-6) for name, value in moved.items())


@pytest.mark.parametrize("net", NETS)
def test_ntk_agrees_for_the_held_weights(net: str) -> None:
    golden = load(net)
    (kernel,) = see(golden, under("ntk", Forward()))
    # Dead networks: the reference, a copy of TE-NAS's code, gives 0.
    assert PROXIES.load("ntk")(kernel, dead="best") == pytest.approx(golden.scores["ntk_cond_train"], rel=1e-2)


@pytest.mark.parametrize("net", NETS)
def test_linear_regions_agree_for_the_held_weights(net: str) -> None:
    golden = load(net)
    expected = golden.scores["linear_regions_distinct_patterns"]
    if isinstance(expected, str):  # the reference fails: there is no ReLU
        assert zc.score(golden.net, golden.batch, ["linear_regions"])["linear_regions"].status == "undefined"
        return
    (agreement,) = see(golden, under("linear_regions", Forward()))
    assert PROXIES.load("linear_regions")(agreement) == expected


@pytest.mark.parametrize("net", NETS)
def test_the_kernel_of_relu_codes_is_the_reference_kernel(net: str) -> None:
    golden = load(net)
    if golden.scores["naswot_n_relu_modules_visited"] == 0:
        pytest.skip("no ReLU in this network")
    (agreement,) = see(golden, relu_agreement())
    assert torch.equal(agreement, golden.arrays["naswot_K"].double())


def _stages(net: str) -> tuple[str, ...]:
    return tuple(f"nodes.{node}" for node in SPECS[net]["feature_nodes"])


@pytest.mark.parametrize("net", NETS)
def test_expressivity_and_progressivity_agree_for_the_held_weights(net: str) -> None:
    golden = load(net)
    expected = golden.scores["aznas"]
    needed = stage_entropies(_stages(net), setting=Forward())
    if expected["expressivity"] == "-inf":
        with isolated(golden.net) as module:
            outcomes = observe(Network(module), Batch(*golden.batch), [needed])
        assert "do not vary" in str(outcomes[needed].error)
        return
    (entropies,) = see(golden, needed)
    assert PROXIES.load("az_expressivity")(entropies) == pytest.approx(expected["expressivity"], rel=1e-4)
    assert PROXIES.load("az_progressivity")(entropies) == pytest.approx(expected["progressivity"], abs=1e-4)


@pytest.mark.parametrize("net", NETS)
def test_trainability_agrees_for_the_reference_draw(net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = load(net)
    masks = iter([golden.arrays[f"aznas_bernoulli/{place}"] for place in range(len(_stages(net)) - 1)])
    monkeypatch.setattr(stages, "random_signs", lambda like, generator: 2 * next(masks).to(like) - 1)
    (gains,) = see(golden, stage_gains(_stages(net), setting=Forward()))
    expected = golden.scores["aznas"]["trainability"]
    assert PROXIES.load("az_trainability")(gains) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("net", NETS)
def test_meco_agrees_for_the_reference_noise(net: str) -> None:
    golden = load(net)
    for name in SPECS[net]["feature_nodes"]:  # the reference's joins are no modules
        if isinstance(golden.net.nodes[name], nn.Identity):
            del golden.net.nodes[name]
    setting = Forward(inputs=Shown((load("convbn3").arrays["x_meco"],)))
    (needed,) = PROXIES.load("meco").observations({})
    (smallest,) = see(golden, replace(needed, setting=setting))
    assert PROXIES.load("meco")(smallest) == pytest.approx(golden.scores["meco_random_1x3x64x64"], rel=1e-5)


def test_no_proxy_was_forgotten() -> None:
    asked = {case.request.name for case in CASES} | {"zen", "ntk", "linear_regions"}
    asked |= {"az_expressivity", "az_progressivity", "az_trainability", "meco"}
    # Counts are tested against counters, those without a reference that stored its values against oracles.
    assert set(zc.list_proxies()) - asked <= {
        "params",
        "flops",
        "layers",
        "depth",
        "width_depth",
        "epe_nas",
        "generalized_naswot",
        "hidden_covariance",
        "hidden_synaptic_saliency",
        "jacob_cosine",
        "large_noise_jacobian",
        "more_noised_jacobian",
        "synaptic_saliency",
        "activation_distance",
        "head_confidence",
        "head_importance",
        "head_softmax_confidence",
        "synaptic_diversity",
        "activations",
        "peak_activations",
        "total_width",
        "dss",
        "logsynflow",
        "near",
        "ntk_trace",
        "swap",
        "vkdnw",
        "wpca",
        "wrcor",
        "zico",
    }
