"""Networks of NNI's models, and their scores: drawn from seed and architecture, without what is not used."""

from __future__ import annotations

import random
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import naslib_zc_plugin as naslib
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.nni import made
from tests.hosts.nni.needs import needs
from tests.hosts.nni.test_samples import MATRIX, OPERATIONS

zc = needs("naslib_zc_plugin.hosts.nni")
samples = needs("naslib_zc_plugin.hosts.nni.samples")
networks = needs("naslib_zc_plugin.hosts.nni.scoring")
execution = needs("nni.nas.execution")
spaces = needs("nni.nas.space")
hub = needs("nni.nas.hub.pytorch")

KEY = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|"


def weights(net: nn.Module) -> list[torch.Tensor]:
    return [each.detach().clone() for each in net.parameters()]


def test_projections_that_nobody_uses_do_not_count() -> None:
    model_space = hub.NasBench101()
    model = made.frozen(model_space, zc.key_of(samples.sample101(MATRIX, OPERATIONS)))
    x = torch.randn(2, 3, 32, 32)
    whole = networks.network(model, 0, "cell")
    assert sum(each.numel() for each in whole.parameters()) == 3_786_442
    whole(x).sum().backward()
    reached = sum(each.numel() for each in whole.parameters() if each.grad is not None)
    net, _ = networks.without_unused(networks.network(model, 0, "cell"), x)
    assert sum(each.numel() for each in net.parameters()) == reached == 2_694_282
    scores = naslib.score(net, (x, torch.tensor([0, 1])), ["params", "l2_norm"])
    kept = [each for name, each in whole.named_parameters() if each.grad is not None and each.ndim > 1]
    assert scores["params"].value == 2_694_282
    assert scores["l2_norm"].value == pytest.approx(sum(float(each.detach().norm()) for each in kept), rel=1e-6)


def test_what_is_used_is_left_bitwise_as_it_was() -> None:
    model = made.frozen(made.space("NasBench101"), zc.key_of(samples.sample101(MATRIX, OPERATIONS)))
    x = torch.randn(4, 3, 8, 8)
    whole, net = (networks.network(model, 3, "cell") for _ in range(2))
    state = torch.random.get_rng_state()
    networks.without_unused(net, x)
    assert torch.equal(torch.random.get_rng_state(), state)
    before = whole.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(net(x), whole(x))


@pytest.mark.parametrize("name", ["NasBench201", "DARTS", "ENAS"])
def test_spaces_without_unused_modules_keep_all(name: str) -> None:
    domain = zc.domain(made.space(name))
    for seed in range(4):
        net = networks.network(made.frozen(made.space(name), domain.sample(Random(seed))), 0, "")
        count = len(list(net.parameters()))
        networks.without_unused(net, torch.randn(2, 3, 8, 8))
        reached = {id(each) for each in net.parameters()}
        if name != "ENAS":  # a loose end may still be none
            assert len(reached) == count


def test_a_module_in_use_is_kept_where_its_output_has_no_part() -> None:
    class Called(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.discarded, self.idle = nn.Linear(3, 2), nn.Linear(3, 2), nn.Linear(3, 2)
            self.box = nn.ModuleList([nn.Sequential(nn.Linear(3, 9), nn.Linear(9, 2))])

        def forward(self, x: Any) -> Any:
            self.discarded(x)
            return self.used(x)

    net, detour = networks.without_unused(Called(), torch.randn(2, 3))
    assert not detour
    assert isinstance(net.get_submodule("discarded"), nn.Linear)
    assert isinstance(net.get_submodule("idle"), nn.Identity)
    assert len(list(net.get_submodule("box").parameters())) == 0


def test_a_network_that_does_not_run_is_left_alone_which_its_scores_say() -> None:
    net = nn.Linear(3, 2)
    left, detour = networks.without_unused(net, torch.randn(2, 5))
    assert left is net and "the network does not run: RuntimeError" in detour
    batch = torch.randn(2, 5), torch.tensor([0, 1])
    (found,) = zc.Scorer("params", batch=batch).member_scores(net).values()
    assert (found.value, found.status, found.detours) == (8, "ok", (detour,))
    (found,) = zc.Scorer("params", batch=batch).member_scores(nn.Linear(5, 2)).values()
    assert (found.value, found.detours) == (12, ())
    assert networks.without_unused(nn.Identity(), torch.randn(2, 5))[1] == ""


def test_weights_depend_on_the_seed_and_the_architecture_alone() -> None:
    model_space = made.space()
    random.seed(1)
    np.random.seed(1)
    first = weights(networks.network(made.frozen(model_space, KEY), 5, KEY))
    state = random.getstate(), np.random.get_state()[1].tolist(), torch.random.get_rng_state()
    torch.randn(7)
    again = weights(networks.network(made.frozen(made.space(), KEY), 5, KEY))
    assert random.getstate() == state[0]
    assert np.random.get_state()[1].tolist() == state[1]
    raw = spaces.RawFormatModelSpace.from_model(model_space).freeze(zc.domain(model_space).to_sample(KEY))
    third = weights(networks.network(raw, 5, KEY))
    other = weights(networks.network(made.frozen(model_space, KEY), 6, KEY))
    for one, two, three in zip(first, again, third):
        assert torch.equal(one, two)
        assert torch.equal(one, three)
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("proxy", ["naswot", "synflow", "grad_norm", "zen"])
def test_scores_are_the_same_in_every_order_and_place(proxy: str) -> None:
    model_space = made.space()
    keys = [KEY, *(SPACE.sample(Random(seed)) for seed in range(3))]
    scorer = zc.Scorer(proxy, made.IMAGES, seed=4)
    forth = [scorer(made.frozen(model_space, key)) for key in keys]
    back = [scorer(made.frozen(model_space, key)) for key in reversed(keys)]
    assert [each.value for each in forth] == [each.value for each in reversed(back)]
    profiler = zc.ProxyProfiler(model_space, proxy, dataset=made.IMAGES, seed=4)
    evaluator = zc.ZeroCostEvaluator(proxy, made.IMAGES, seed=4)
    model = made.frozen(model_space, KEY, evaluator)
    execution.SequentialExecutionEngine().submit_models(model)
    assert model.metric == forth[0].value == profiler.profile(zc.domain(model_space).to_sample(KEY))


def test_presets_say_how_networks_are_shown_images() -> None:
    images = {"source": "digits", "size": 8}
    plain = zc.Scorer("synflow", images, batch_size=8)(made.frozen(made.space(), KEY))
    lightweight = zc.Scorer("naswot", images, preset="lightweight")(made.frozen(made.space(), KEY))
    assert plain.status == lightweight.status == "ok"
    with pytest.raises(ValueError, match="unknown protocol"):
        zc.Scorer("synflow", images, preset="nonsense")
    with pytest.raises(ValueError, match="one of dataset= .* and batch="):
        zc.Scorer("synflow")


def test_a_loader_is_asked_once() -> None:
    images = torch.randn(12, 3, 8, 8)
    loader = torch.utils.data.DataLoader(list(zip(images, torch.arange(12))), batch_size=4, shuffle=True)
    scorer = zc.Scorer("naswot", batch=loader)
    model = made.frozen(made.space(), KEY)
    assert scorer(model).value == scorer(model).value


def test_heads_beside_the_logits_are_passed_over() -> None:
    model_space = hub.DARTS(width=4, num_cells=3)
    sample = zc.domain(model_space).to_sample(zc.domain(model_space).sample(Random(0)))
    net = hub.DARTS.frozen_factory(sample)(width=4, num_cells=3, auxiliary_loss=True)
    found = zc.Scorer("grad_norm", {"source": "synthetic:normal", "n": 8, "size": 32}, batch_size=8).of_network(net)
    assert found.status == "ok", found.reason
