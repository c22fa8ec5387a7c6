"""The window of weights for a new search space: widest first, the first with few networks undefined."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from torch import nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.proxies.epsilon import epsilon_weights
from naslib_zc_plugin.spaces import space

GRID = (1e-7, 1e-4, 1e-2, 1.0)
BATCH = torch.randn(16, 3, 16, 16, generator=torch.Generator().manual_seed(0)), None


def sample() -> list[nn.Module]:
    rng, nb201 = random.Random(0), space("nasbench201")
    return [nb201.build(nb201.sample(rng), C=4, N=2) for _ in range(12)]


def undefined(networks: list[nn.Module], window: tuple[float, float]) -> int:
    request = zc.proxy("epsilon", weights=window)
    return sum(zc.score(network, BATCH, request)["epsilon"].value is None for network in networks)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_the_widest_window_that_will_do(share: float) -> None:
    networks = sample()
    windows = sorted(itertools.combinations(GRID, 2), key=lambda pair: pair[0] / pair[1])
    will_do = [window for window in windows if undefined(networks, window) < share * len(networks)]
    if will_do:
        assert epsilon_weights(networks, BATCH, GRID, share) == will_do[0]
    else:
        with pytest.raises(ValueError, match="for every window at least"):
            epsilon_weights(networks, BATCH, GRID, share)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="at least one network and two weights"):
        epsilon_weights([], BATCH)
    with pytest.raises(ValueError, match="at least one network and two weights"):
        epsilon_weights(sample()[:1], BATCH, grid=(1.0,))


def test_epsilon_is_symmetric_and_zero_for_equal_weights() -> None:
    network = sample()[0]
    pairs = [zc.proxy("epsilon", weights=weights, label=str(weights)) for weights in ((1e-2, 1), (1, 1e-2), (1, 1))]
    scores = zc.score(network, BATCH, pairs)
    forth, back, same = (scores[pair.label].value for pair in pairs)
    assert forth == pytest.approx(back, rel=1e-6)
    assert same == 0
