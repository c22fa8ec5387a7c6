"""MeCo, by its definition and by a loop over hooks."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes.inputs import Batch, Noise
from naslib_zc_plugin.passes.seeding import seed_everything
from naslib_zc_plugin.proxies.meco import smallest_eigenvalue
from naslib_zc_plugin.testing import NETWORKS
from naslib_zc_plugin.testing.case import Case, Wired


def value(case: Case, **options: Any) -> float | None:
    return case.score([zc.proxy("meco", label="asked", **options)])["asked"].value


def oracle(case: Case, size: int | None, leaves: bool = False) -> float:
    """The sum over hooks, noise drawn as the pass draws it."""
    net, total, noise = copy.deepcopy(case.net).train(), [], Noise(1, size)

    def see(module: nn.Module, inputs: Any, output: Any) -> None:
        if leaves and list(module.children()):
            return
        rows = output[0].detach().double().numpy()
        if len(rows) > 1:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of vectors, which have one position
                found = np.nan_to_num(np.corrcoef(rows.reshape(len(rows), -1)))
            total.append(float(np.linalg.eigvalsh(found)[0]))

    for module in net.modules():
        module.register_forward_hook(see)
    with torch.random.fork_rng():
        seed_everything(0, noise)
        (image,) = noise.shown(Batch(case.batch[0]))
    net(image)
    return sum(total)


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("name", ["conv_bn_relu", "inplace_relu", "smooth", "kinds_of_convolution", "shared_module"])
def test_equals_its_oracle(name: str, leaves: bool) -> None:
    for size in (64, None):
        expected = oracle(NETWORKS[name](), size, leaves)
        assert value(NETWORKS[name](), size=size, leaves=leaves) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_channels_that_are_alike_give_nothing_and_those_that_are_not_one() -> None:
    waves = torch.fft.fft(torch.eye(16)).real[1:7]
    assert smallest_eigenvalue(waves) == pytest.approx(1)
    assert smallest_eigenvalue(waves[[0, 1, 0]] * torch.tensor([[1.0], [2.0], [-3.0]])) == pytest.approx(0, abs=1e-12)
    assert smallest_eigenvalue(torch.cat([waves, torch.full((1, 16), 0.1)])) == 0
    assert smallest_eigenvalue(torch.randn(5, 5)) == 0


@given(st.integers(2, 6), st.integers(0, 50), st.floats(1e-3, 1e3), st.floats(-10, 10))
def test_scale_and_shift_of_channels_do_not_matter(channels: int, seed: int, scale: float, shift: float) -> None:
    rows = torch.randn(channels, 12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    moved = rows.clone()
    moved[0] = scale * moved[0] + shift
    expected = np.linalg.eigvalsh(np.corrcoef(rows.numpy()))[0]
    assert smallest_eigenvalue(moved) == pytest.approx(expected, abs=1e-9)
    assert 0 <= smallest_eigenvalue(moved) <= 1


def test_every_call_of_every_module_counts() -> None:
    conv = nn.Conv2d(3, 4, 3)
    torch.manual_seed(0)
    images = (torch.randn(2, 3, 9, 9), None)
    once = value(Case(conv, images))
    assert once is not None
    assert value(Case(nn.Sequential(nn.Sequential(conv)), images)) == pytest.approx(3 * once)
    assert value(Case(nn.Sequential(nn.Sequential(conv)), images), leaves=True) == pytest.approx(once)
    twice = Wired(lambda net, x: (net.conv(x), net.conv(x))[0], conv=conv)
    assert value(Case(twice, images)) == pytest.approx(3 * once)


def test_what_is_written_over_counts_as_it_was_and_as_it_is() -> None:
    images = (torch.randn(2, 3, 9, 9), None)
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, 3)
    written = value(Case(nn.Sequential(conv, nn.ReLU(True)), images))
    assert written == value(Case(nn.Sequential(conv, nn.ReLU()), images))


def test_some_channels_are_drawn_and_scaled_up() -> None:
    case = Case(nn.Conv2d(3, 12, 3), (torch.randn(2, 3, 9, 9), None))
    few = [case.score([zc.proxy("meco", label="a", channels=4)], seed=seed)["a"].value for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]
    every = value(case)
    assert every is not None and few[0] is not None
    assert 3 * every <= few[0] <= 3 * 1  # eigenvalues of a part lie between those of the whole
    assert value(case, channels=12) == value(case, channels=50) == every
    assert case.score(["meco_opt"])["meco_opt"].value == value(case, channels=8)


def test_images_of_one_size_are_named() -> None:
    case = NETWORKS["branches"]()
    score = case.score("meco")["meco"]
    assert (score.status, "on noise of 64 × 64 pixels: size=None" in score.reason) == ("undefined", True)
    assert not score.applies  # nothing is said of the network
    assert value(case, size=None) is not None
    assert value(case, size=8) is not None


def test_a_network_that_takes_no_images_at_all_fails() -> None:
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("no")

    with pytest.warns(UserWarning, match="nothing could be scored"):
        score = zc.score(Broken(), batch=torch.randn(2, 3, 9, 9), proxies=["meco"])["meco"]
    assert (score.status, "ValueError: no" in score.reason) == ("failed", True)


def test_batch_norm_takes_more_samples() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4))
    case = Case(net, (torch.randn(2, 3, 9, 9), None))
    one = case.score("meco")["meco"]
    assert (one.status, "one value per channel" in one.reason) == ("undefined", True)
    assert value(case, samples=2) is not None


def test_tokens_are_scored_on_noise() -> None:
    case = NETWORKS["bert_attention"]()
    shown = Case(case.net, ((case.batch[0] + 1) % 40, None))
    assert value(case) == value(shown) != 0


def test_what_is_not_finite_is_undefined() -> None:
    score = NETWORKS["nan_weights"]().score("meco")["meco"]
    assert (score.status, "not finite" in score.reason) == ("undefined", True)


def test_networks_of_single_channels_are_undefined() -> None:
    case = Case(nn.Conv2d(3, 1, 3), (torch.randn(2, 3, 9, 9), None))
    assert "two channels" in case.score("meco")["meco"].reason


def test_a_flattened_image_takes_no_time() -> None:
    """Vectors have no positions to correlate over."""
    assert smallest_eigenvalue(torch.randn(60_000, 1)) == 0
