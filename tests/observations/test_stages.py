"""Stages: which values they are, whatever modules a network is made of, and what is measured at them."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import FORWARD, observation
from naslib_zc_plugin.observations.paths import paths
from naslib_zc_plugin.observations.stages import (
    entropy,
    gain,
    graph_stages,
    matched_positions,
    named_stages,
    stage_setting,
)
from naslib_zc_plugin.observations.values import Value
from naslib_zc_plugin.passes import Batch, ForwardPass, Network, Steps, Undefined, isolated, observe
from naslib_zc_plugin.spaces import list_spaces, space
from naslib_zc_plugin.testing import NETWORKS
from naslib_zc_plugin.testing.case import Wired

AZ = ["az_expressivity", "az_progressivity", "az_trainability"]
BASELINES = ["layers", "depth", "width_depth"]


@observation(setting=stage_setting("noise"))
def chosen(p: ForwardPass) -> Steps[list[Value]]:
    """The stages by the graph."""
    found = graph_stages(paths(p, mixing=True))
    yield FORWARD
    return found


def stages_of(net: nn.Module, inputs: Any) -> list[tuple[int, ...]]:
    """The shapes of the stages by the graph, for two samples."""
    with isolated(net) as module:
        (outcome,) = observe(Network(module), Batch(inputs), [chosen()]).values()
    if outcome.error is not None:
        raise outcome.error
    return [value.shape for value in outcome.value]


def values(net: nn.Module, inputs: Any, proxies: list[Any] | None = None) -> dict[str, tuple[Any, ...]]:
    """Value and reason of each score."""
    scores = zc.score(net, (inputs, None), proxies or [*AZ, *BASELINES])
    return {name: (score.value, score.reason) for name, score in scores.items()}


# Which values --------------------


class Residual(nn.Module):
    """Two convolutions, and what goes round them."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, inplace: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(inputs, outputs, 3, stride, 1), nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.round = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride)
        self.relu = nn.ReLU(inplace)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.second(self.relu(self.first(x))) + self.round(x))


def head(width: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 5)]


@pytest.mark.parametrize("inplace", [False, True])
def test_images_have_a_stage_for_each_block(inplace: bool) -> None:
    blocks = [Residual(8, 8, 1, inplace), Residual(8, 16, 2, inplace), Residual(16, 16, 1, inplace)]
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.ReLU(inplace), nn.MaxPool2d(2), *blocks, *head(16))
    images = torch.randn(6, 3, 16, 16)
    assert stages_of(net, images) == [(2, 8, 8, 8), (2, 8, 8, 8), (2, 16, 4, 4), (2, 16, 4, 4)]
    # By their names: after the ReLU; pooling is of the stem.
    expected = values(net, images, [zc.proxy(name, label=name, stages=["2", "3", "4", "5"]) for name in AZ])
    assert values(net, images, [*AZ]) == expected


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(4), nn.LPPool2d(2, 2)])
def test_a_chain_has_a_stage_for_each_convolution_with_what_follows(pool: nn.Module) -> None:
    def layers(kernel: int) -> list[nn.Module]:
        return [nn.Conv2d(8, 8, kernel, padding=kernel // 2), nn.BatchNorm2d(8), nn.ReLU()]

    net = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), *layers(3), pool, *layers(3), *layers(1), *layers(3), *head(8))
    images = torch.randn(4, 3, 8, 8)
    assert stages_of(net, images) == [(2, 8, 8, 8), *3 * [(2, 8, 4, 4)]]
    expected = values(net, images, [zc.proxy(name, label=name, stages=["0", "4", "10", "13"]) for name in AZ])
    assert values(net, images, [*AZ]) == expected


def test_a_layer_of_1_by_1_is_a_block_where_something_goes_round_it() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), Residual(8, 8), nn.Conv2d(8, 8, 1), Residual(8, 8), *head(8))
    assert stages_of(net, torch.randn(4, 3, 8, 8)) == 3 * [(2, 8, 8, 8)]
    net[2] = Round(net[2])
    assert stages_of(net, torch.randn(4, 3, 8, 8)) == 4 * [(2, 8, 8, 8)]


@pytest.mark.parametrize("norm", [False, True])
def test_what_follows_the_last_block_alone_is_the_classifier_s(norm: bool) -> None:
    """A norm and a ReLU after the sum of each block are of the block; after the last one alone they are not."""

    def block() -> nn.Module:
        inner = Round(nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1)))
        return nn.Sequential(inner, nn.BatchNorm2d(8), nn.ReLU()) if norm else inner

    end = [] if norm else [nn.BatchNorm2d(8), nn.ReLU()]
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), block(), block(), *end, *head(8))
    images = torch.randn(4, 3, 8, 8)
    expected = values(net, images, [zc.proxy(name, label=name, stages=["0", "1", "2"]) for name in AZ])
    assert values(net, images, [*AZ]) == expected


@pytest.mark.parametrize("name", ["nasbench201", "nats_sss"])
@pytest.mark.parametrize("seed", range(8))
def test_cells_are_found_where_a_space_names_them(name: str, seed: int) -> None:
    size = {"C": 4, "N": 2} if name == "nasbench201" else {}
    net = space(name).build(space(name).sample(random.Random(seed)), num_classes=4, **size)
    unnamed = nn.Sequential(*net.children())
    assert (bool(named_stages(net)), named_stages(unnamed)) == (True, ())
    images = torch.randn(4, 3, 16, 16)
    assert values(unnamed, images) == values(net, images)


def test_vectors_have_a_stage_before_each_layer() -> None:
    net = nn.Sequential(nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 5))
    assert stages_of(net, torch.randn(4, 6)) == [(2, 7), (2, 8)]


def test_the_classifier_of_maps_is_no_stage() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 6, 3, 2), nn.ReLU(), nn.Conv2d(6, 4, 1))
    images = torch.randn(4, 3, 20, 20)
    assert stages_of(net, images) == [(2, 8, 9, 9), (2, 6, 4, 4)]
    upsampled = nn.Sequential(*net, nn.Upsample(scale_factor=4))
    assert stages_of(upsampled, images) == stages_of(net, images)


class Attention(nn.Module):
    """Attention of one head, written out, and a feed-forward layer; norms before or after."""

    def __init__(self, width: int, before: bool) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.one, self.two, self.before = nn.LayerNorm(width), nn.LayerNorm(width), before

    def attended(self, x: Tensor) -> Tensor:
        weights = (self.query(x) @ self.key(x).transpose(1, 2)).softmax(-1)
        return self.out(weights @ self.value(x))

    def forward(self, x: Tensor) -> Tensor:
        if self.before:
            x = x + self.attended(self.one(x))
            return x + self.down(F.gelu(self.up(self.two(x))))
        x = self.one(x + self.attended(x))
        return self.two(x + self.down(F.gelu(self.up(x))))


@pytest.mark.parametrize("before", [False, True])
def test_a_transformer_has_a_stage_for_each_block(before: bool) -> None:
    """Patches of images, a token before them, two blocks, the head on that token."""

    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([net.token.expand(len(x), 1, 8), x], 1) + net.places
        return net.head(net.norm(net.blocks(x))[:, 0])

    net = Wired(
        forward,
        patches=nn.Conv2d(3, 8, 4, 4),
        token=nn.Parameter(torch.zeros(1, 1, 8)),
        places=nn.Parameter(torch.randn(1, 17, 8)),
        blocks=nn.Sequential(Attention(8, before), Attention(8, before)),
        norm=nn.LayerNorm(8),
        head=nn.Linear(8, 5),
    )
    images = torch.randn(4, 3, 16, 16)
    assert stages_of(net, images) == 3 * [(2, 17, 8)]
    assert values(net, images)["width_depth"] == (16.0, "")
    blocks = ["blocks.0", "blocks.1"]
    found = values(net, images, [zc.proxy("az_progressivity", label="last", stages=blocks)])
    entropies = values(net, images, [zc.proxy("az_expressivity", label=name, stages=name) for name in blocks])
    assert found["last"][0] == entropies["blocks.1"][0] - entropies["blocks.0"][0]


def test_tokens_have_a_stage_for_each_block_and_noise_for_embeddings() -> None:
    net = nn.Sequential(nn.Embedding(11, 8), nn.LayerNorm(8), Attention(8, False), Attention(8, False))
    tokens = torch.randint(0, 11, (4, 7))
    assert stages_of(net, tokens) == 3 * [(2, 7, 8)]
    assert values(net, tokens, [*AZ]) == values(net, (tokens + 1) % 11, [*AZ])
    shown = [zc.proxy(name, label=name, inputs="batch") for name in AZ]
    assert values(net, tokens, shown)["az_expressivity"] != values(net, (tokens + 1) % 11, shown)["az_expressivity"]


def test_blocks_that_begin_as_nothing_are_blocks() -> None:
    """Weights of zeros, as some networks begin with, and blocks that are left out at random."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.scale = Attention(8, True), nn.Parameter(torch.zeros(8))

        def forward(self, x: Tensor) -> Tensor:
            kept = torch.empty(len(x), 1, 1).bernoulli_(0.01)
            return x + F.dropout(self.inner(x), 0.99) * kept * self.scale

    net = nn.Sequential(nn.Linear(6, 8), Scaled(), Scaled(), Scaled(), nn.Flatten(), nn.Linear(40, 3))
    assert stages_of(net, torch.randn(4, 5, 6)) == 4 * [(2, 5, 8)]


def test_networks_without_stages_say_so() -> None:
    assert "no value with channels" in values(NETWORKS["no_parameters"]().net, torch.randn(4, 3, 8, 8))[AZ[0]][1]
    detached = Wired(lambda net, x: net.layer(x.detach()), layer=nn.Linear(3, 2))
    assert "no path that can be differentiated" in values(detached, torch.randn(4, 3))[AZ[0]][1]


def test_a_network_that_calls_other_functions_for_more_samples_has_no_stages() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = torch.cat([x, x], 1) if len(x) > 2 else x.repeat(1, 2, 1, 1).exp()
        return net.head(net.body(x).mean((2, 3)))

    net = Wired(forward, body=nn.Conv2d(6, 4, 3), head=nn.Linear(4, 2))
    assert "calls other functions from run to run" in values(net, torch.randn(4, 3, 8, 8))[AZ[0]][1]


# Modules do not matter --------------------


def _layer(kind: str, width: int) -> nn.Module:
    return {
        "conv": lambda: nn.Conv2d(width, width, 3, 1, 1),
        "point": lambda: nn.Conv2d(width, width, 1),
        "down": lambda: nn.Conv2d(width, width, 3, 2, 1),
        "norm": lambda: nn.BatchNorm2d(width),
        "relu": nn.ReLU,
        "relu_": lambda: nn.ReLU(True),
        "pool": lambda: nn.AvgPool2d(3, 1, 1),
    }[kind]()


class Flat(nn.Module):
    """All layers in one list; sums are written out in the forward run."""

    def __init__(self, plan: list[Any], width: int) -> None:
        super().__init__()
        self.plan, self.layers, self.width = plan, nn.ModuleList(), width
        self.layers.append(nn.Conv2d(3, width, 3, 1, 1))
        self._add(plan)
        self.layers.append(nn.Linear(width, 4))

    def _add(self, plan: list[Any]) -> None:
        for item in plan:
            if isinstance(item, list):
                self._add(item)
            else:
                self.layers.append(_layer(item, self.width))

    def forward(self, x: Tensor) -> Tensor:
        layers = iter(self.layers)

        def run(plan: list[Any], x: Tensor) -> Tensor:
            for item in plan:
                x = x.clone() + run(item, x) if isinstance(item, list) else next(layers)(x)
            return x

        return self.layers[-1](run(self.plan, next(layers)(x)).mean((2, 3)))


class Round(nn.Module):
    """What goes round a module is added to it."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x.clone() + self.inner(x)


class Helper(nn.Module):
    """A module that hands on."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.helper = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.helper(x)


def nested(plan: list[Any], width: int, cuts: list[int]) -> nn.Module:
    """The same layers, in the same order, in sequences of sequences and in helpers."""

    def built(part: list[Any]) -> nn.Module:
        made = [Round(built(item)) if isinstance(item, list) else _layer(item, width) for item in part]
        place = cuts[0] % (len(made) + 1)
        cuts.append(cuts.pop(0))
        return nn.Sequential(Helper(nn.Sequential(*made[:place])), nn.Sequential(nn.Identity(), *made[place:]))

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1), built(plan))
            self.head = Helper(nn.Linear(width, 4))

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.features(x).mean((2, 3)))

    return Helper(Whole())


KEEPING = st.sampled_from(["conv", "point", "norm", "relu", "relu_", "pool"])
PLANS = st.lists(st.one_of(KEEPING, st.just("down"), st.lists(KEEPING, min_size=1, max_size=3)), min_size=1, max_size=6)


@settings(max_examples=40)
@given(PLANS, st.integers(1, 6), st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_scores_do_not_change_when_a_network_is_nested_otherwise(plan: list[Any], width: int, cuts: list[int]) -> None:
    images = torch.randn(3, 3, 9, 9)
    assert values(nested(plan, width, cuts), images) == values(Flat(plan, width), images)


class Kept(torch.autograd.Function):
    """A function of one's own, which torch shows to nobody."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


HOOKS: dict[str, Any] = {
    "backward": lambda module: module.register_full_backward_hook(lambda *_: None),
    "before backward": lambda module: module.register_full_backward_pre_hook(lambda *_: None),
    "of the tensor": lambda module: module.register_forward_hook(
        lambda _, args, output: output.register_hook(lambda _: None) and None if output.requires_grad else None
    ),
    "forward": lambda module: module.register_forward_hook(lambda *_: None),
    "copy": lambda module: module.register_forward_hook(lambda _, args, output: output.clone()),
    "copy of the input": lambda module: module.register_forward_pre_hook(lambda _, args: args[0].clone()),
    "view": lambda module: module.register_forward_hook(lambda _, args, output: output.view_as(output)),
    "slice": lambda module: module.register_forward_hook(lambda _, args, output: output[:]),
    "expanded": lambda module: module.register_forward_hook(lambda _, args, output: output.expand(output.shape)),
    "function": lambda module: module.register_forward_hook(lambda _, args, output: Kept.apply(output)),
    "dropout": lambda module: module.register_forward_hook(lambda _, args, output: F.dropout(output, 0.0)),
    "not dropped": lambda module: module.register_forward_hook(lambda _, args, output: F.dropout(output, 0.9, False)),
}


@pytest.mark.parametrize("kind", HOOKS)
@settings(max_examples=6)
@given(PLANS, st.integers(1, 6))
def test_what_passes_values_on_changes_no_score(kind: str, plan: list[Any], width: int) -> None:
    """Hooks, which make views and copies in the graph. After some of them torch lets nothing work in place."""

    def without_inplace(part: list[Any]) -> list[Any]:
        return [without_inplace(each) if isinstance(each, list) else each.rstrip("_") for each in part]

    images = torch.randn(3, 3, 9, 9)
    torch.manual_seed(0)
    plain = Flat(without_inplace(plan), width)
    hooked = copy.deepcopy(plain)
    for module in hooked.modules():
        HOOKS[kind](module)
    assert values(hooked, images) == values(plain, images)


def test_scores_do_not_change_in_other_company() -> None:
    """What other proxies of the same pass look at is no call of the network."""
    case = NETWORKS["conv_bn_relu"]()
    alone = [zc.proxy(name, label=name, inputs="batch") for name in AZ]
    scores = case.score([*alone, "linear_regions"])
    assert {name: scores[name].value for name in AZ} == {n: s.value for n, s in case.score(alone).items()}


# Names --------------------


# Networks of all others, which are as their makers have them, have their stages by the graph.
NAMING = sorted(set(list_spaces()) - {"timm", "vit_bench"})


@pytest.mark.parametrize("name", NAMING)
def test_spaces_name_modules_that_are_called(name: str) -> None:
    sizes = {"C": 4, "N": 1} if name in ("nasbench201", "nasbench101") else {}
    sizes = {"embedding": 8, "hidden": 8} if name == "nasbench_nlp" else sizes
    tokens = name in ("flexibert", "nasbench_nlp")
    inputs = torch.randint(0, 9, (2, 6)) if tokens else torch.randn(2, 3, 32, 32)
    net = space(name).build(space(name).sample(random.Random(1)), num_classes=10, **sizes)
    calls: list[str] = []
    modules = dict(net.named_modules())
    names = named_stages(net)
    for stage in names:
        modules[stage].register_forward_hook(lambda *_, stage=stage: calls.append(stage))
    net(inputs)
    assert tuple(calls) == names
    assert len(names) > 2


def test_names_hold_for_a_network_in_a_wrapper() -> None:
    net = space("nats_sss").build("8:8:8:8:8", num_classes=4)
    assert named_stages(Helper(net)) == tuple(f"helper.{name}" for name in named_stages(net))
    assert named_stages(nn.Sequential(net, net.head)) == tuple(f"0.{name}" for name in named_stages(net))
    assert named_stages(nn.ModuleList([net, space("nats_sss").build("8:8:8:8:8")])) == ()


def test_names_are_checked() -> None:
    case = NETWORKS["conv_bn_relu"]()
    wrong = case.score(zc.proxy("az_expressivity", label="asked", stages=["1", "no"]))["asked"]
    assert (wrong.status, "the network does not have: no" in wrong.reason) == ("failed", True)
    case.net.spare = nn.Sequential(nn.ReLU())
    case.net.forward = lambda x: nn.Sequential(*list(case.net)[:-1])(x)
    unused = case.score(zc.proxy("az_expressivity", label="asked", stages=["1", "spare.0"]))["asked"]
    assert (unused.status, "not called: spare.0" in unused.reason) == ("undefined", True)
    lstm = NETWORKS["tokens"]().score(zc.proxy("az_expressivity", label="asked", stages="lstm"))["asked"]
    assert lstm.status == "ok"  # the first tensor of what it gives


def test_named_stages_have_their_channels_where_the_network_has_them() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.up(net.first(x).permute(0, 2, 3, 1))  # (N, H, W, C)
        return net.head(net.norm(x).mean((1, 2)))

    net = Wired(
        forward, first=nn.Conv2d(3, 4, 3), up=nn.Linear(4, 6), norm=nn.LayerNorm(6), head=nn.Linear(6, 2)
    )  # fmt: skip
    named = zc.proxy("az_expressivity", label="norm", stages="norm")
    value, reason = values(net, torch.randn(4, 3, 6, 6), [named])["norm"]
    assert reason == ""
    assert value <= math.log(6)
    last = NETWORKS["conv1d"]()
    assert last.score(zc.proxy("az_expressivity", label="one", stages="0"))["one"].value <= math.log(6)


# What is measured --------------------


@given(st.integers(2, 6), st.integers(0, 100), st.floats(1e-3, 1e3))
def test_entropy_is_that_of_singular_values_whatever_the_scale(channels: int, seed: int, scale: float) -> None:
    rows = np.random.default_rng(seed).normal(size=(20, channels)) @ np.diag(np.arange(1, channels + 1))
    squares = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
    shares = squares / squares.sum()
    expected = -(shares * np.log(shares + 1e-8)).sum()
    assert entropy(torch.tensor(rows * scale)) == pytest.approx(expected, abs=1e-6)
    assert entropy(torch.tensor(rows * scale, dtype=torch.float32)) == pytest.approx(expected, abs=1e-4)
    assert expected <= math.log(channels)


@pytest.mark.parametrize(
    "rows",
    [torch.zeros(5, 3), torch.full((1000, 3), 0.1), torch.tensor([0.1, 0.7, 3.3]).expand(9, 3)],
    ids=["zeros", "equal", "constant"],
)
def test_features_that_do_not_vary_have_no_entropy(rows: Tensor) -> None:
    with pytest.raises(Undefined, match="do not vary"):
        entropy(rows)
    with pytest.raises(Undefined, match="not finite"):
        entropy(torch.where(torch.arange(3) == 1, torch.nan, rows))


def test_gain_equals_loops() -> None:
    torch.manual_seed(0)
    before, after = torch.randn(3, 2, 4, 6), torch.randn(3, 5, 2, 3)
    product = np.zeros((8, 5))
    for n in range(3):
        for i in range(2):
            for j in range(3):
                patch = before[n, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].numpy().reshape(8)
                product += np.outer(patch, after[n, :, i, j].numpy())
    expected = np.linalg.svd(product / 18, compute_uv=False)[0]
    assert gain(before, after) == pytest.approx(expected, rel=1e-5)
    assert gain(after, before) == pytest.approx(expected, rel=1e-5)  # where an image grows


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((2, 3, 9, 9), (2, 5, 4, 4), [(2, 12, 4, 4), (2, 5, 4, 4)]),  # the border is cut
        ((2, 3, 7, 7), (2, 5, 6, 6), [(2, 3, 6, 6), (2, 5, 6, 6)]),
        ((2, 3, 9, 9), (2, 5, 5, 5), [(2, 12, 5, 5), (2, 5, 5, 5)]),  # and filled
        ((2, 3, 16), (2, 5, 4), [(2, 12, 2, 2), (2, 5, 2, 2)]),  # images, position after position
        ((2, 3, 17), (2, 5, 5), [(2, 12, 2, 2), (2, 5, 2, 2)]),  # with a token before them
        ((2, 3, 12), (2, 5, 6), [(2, 6, 6), (2, 5, 6)]),
        ((2, 3, 4, 4), (2, 5, 16), [(2, 3, 16), (2, 5, 16)]),
        ((2, 3), (2, 5), [(2, 3), (2, 5)]),
    ],
)
def test_positions_are_matched(before: Any, after: Any, expected: Any) -> None:
    assert [tuple(each.shape) for each in matched_positions(torch.zeros(before), torch.zeros(after))] == expected


def test_samples_must_match() -> None:
    with pytest.raises(Undefined, match="do not match"):
        matched_positions(torch.zeros(2, 3), torch.zeros(4, 5))


class Passing(nn.Sequential):
    """A sequence that names its parts as stages."""

    @property
    def stage_names(self) -> list[str]:
        return [name for name, _ in self.named_children()]


def test_an_identity_has_no_trainability_unless_it_is_left_out() -> None:
    net = Passing(nn.Conv2d(3, 4, 3), nn.Identity(), nn.Conv2d(4, 4, 3))
    asked = ["az_trainability", zc.proxy("az_trainability", label="skip", identity="skip")]
    scores = zc.score(net, (torch.randn(4, 3, 8, 8), None), asked)
    assert (scores["az_trainability"].status, scores["skip"].status) == ("undefined", "ok")
    only = zc.score(Passing(nn.Identity(), nn.Identity()), (torch.randn(4, 3), None), asked)
    assert [score.status for score in only.values()] == ["undefined", "undefined"]


def test_a_stage_that_does_not_depend_on_the_one_before_passes_no_gradient() -> None:
    class Zeros(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.randn_like(x)

    net = Passing(nn.Conv2d(3, 4, 3), Zeros())
    score = zc.score(net, (torch.randn(4, 3, 8, 8), None), "az_trainability")["az_trainability"]
    assert score.value == pytest.approx(2 - 1e6)


def test_all_share_one_run() -> None:
    """A network that names its stages runs once, one that does not twice: the second time with two samples."""
    runs: list[int] = []
    for net, expected in ((Passing, [5]), (nn.Sequential, [2, 5])):
        made = net(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, 2))
        made.register_forward_pre_hook(lambda _, args: runs.append(len(args[0])))
        runs.clear()
        zc.score(made, (torch.randn(5, 3, 9, 9), None), AZ)
        assert runs == expected


def test_a_stage_that_is_written_over_is_kept() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.first(x)
        x += 1
        x.relu_()
        return net.second(x)

    net = Wired(forward, first=nn.Conv2d(3, 4, 3), second=nn.Conv2d(4, 4, 3))
    plain = Wired(lambda net, x: net.second((net.first(x) + 1).relu()), first=net.first, second=net.second)
    asked = [zc.proxy(name, label=name, stages=["first", "second"]) for name in AZ]
    images = torch.randn(4, 3, 9, 9)
    assert values(net, images, asked) == values(plain, images, asked)
