"""SWAP: codes of units over samples, packed into integers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import Partition
from naslib_zc_plugin.proxies.swap import BITS, DistinctCodes
from naslib_zc_plugin.testing import NETWORKS
from tests.proxies import oracles
from tests.proxies.test_oracles import HOOKED, quiet

GIVEN = zc.proxy("swap", init="given")


@pytest.mark.parametrize("net", HOOKED)
def test_equals_its_oracle_for_held_weights(net: str) -> None:
    score, expected = quiet(net).score(GIVEN)["swap"], oracles.swap(quiet(net))
    if expected:
        assert score.value == expected
    else:
        assert (score.status, "no ReLU on a feature map" in score.reason) == ("undefined", True)


@given(
    st.sampled_from([Partition(), Partition(4, 0.0, 1.0), Partition(8, -1.0, 1.0), Partition(3, 0.0, 1.0)]),
    st.integers(1, BITS),
    st.integers(0, 100),
    st.integers(1, 3),
)
def test_packed_codes_are_as_many_as_columns(partition: Partition, samples: int, seed: int, calls: int) -> None:
    samples = min(samples, BITS // max(1, (partition.parts - 1).bit_length()))
    generator = torch.Generator().manual_seed(seed)
    # Few values and rare changes, so that columns are equal now and then.
    outputs = [
        (torch.rand(samples, 2, 20, generator=generator) * torch.rand(2, 20, generator=generator).round()).round(
            decimals=1
        )
        for _ in range(calls)
    ]
    codes = DistinctCodes(samples, partition)
    columns: set[Any] = set()
    for output in outputs:
        codes.update(output)
        found = partition.codes(output.reshape(samples, -1)).numpy()
        columns |= {tuple(found[:, unit]) for unit in range(found.shape[1])}
    assert codes.compute() == len(columns)


def test_the_highest_bits_are_not_lost() -> None:
    for samples in (1, 22, 23, 33, BITS):
        codes = DistinctCodes(samples, Partition())
        codes.update(torch.eye(samples))  # each unit is on for one sample
        codes.update(torch.ones(samples, 1) - 2 * torch.eye(samples)[:, -1:])  # on for all but the last
        assert codes.compute() == samples + (samples > 2 or samples == 1)


def test_no_more_codes_than_units_or_combinations() -> None:
    case = NETWORKS["conv_bn_relu"]()
    units = 6 * 6 * 6 + 8 * 2 * 2
    for samples in (1, 2, 5, 8):
        value = case.score(zc.proxy("swap", samples=samples))["swap"].value
        assert value is not None and 1 <= value <= min(units, 2**samples)


def test_the_order_of_the_samples_does_not_matter() -> None:
    case = NETWORKS["conv_bn_relu"]()
    x = case.batch[0].double()
    net = case.net.double()
    assert zc.score(net, (x, None), GIVEN)["swap"].value == zc.score(net, (x.flip(0), None), GIVEN)["swap"].value


def test_draws_are_independent_and_their_mean_is_the_score() -> None:
    case = NETWORKS["conv_bn_relu"]()
    single, several = (case.score(zc.proxy("swap", draws=draws), repeats=12)["swap"] for draws in (1, 4))
    assert single.spread and several.spread and several.spread < single.spread
    one, two = (case.score(zc.proxy("swap", draws=draws))["swap"].value for draws in (1, 2))
    assert one is not None and two is not None and 2 * two == int(2 * two) and two != one


def test_regularisation_is_by_thousands_of_parameters() -> None:
    case = NETWORKS["conv_bn_relu"]()
    thousands = sum(parameter.numel() for parameter in case.net.parameters()) / 1000
    plain = case.score("swap")["swap"].value
    scores = [
        case.score(zc.proxy("swap", mu=thousands + shift, sigma=0.5))["swap"].value for shift in (0.0, 0.3, -0.3, 1.0)
    ]
    assert plain is not None
    assert scores == pytest.approx([plain * math.exp(-(shift**2) / 0.5) for shift in (0.0, 0.3, -0.3, 1.0)])


def test_smooth_activations_count_where_they_are_named() -> None:
    case = NETWORKS["smooth"]()
    assert "no ReLU on a feature map" in case.score("swap")["swap"].reason
    values = {
        kinds: case.score(zc.proxy("swap", kinds=kinds, init="given"))["swap"].value
        for kinds in ("gelu", "tanh", ("gelu", "tanh"))
    }
    assert values["gelu", "tanh"] == (values["gelu"] or 0) + (values["tanh"] or 0)
    outputs: list[np.ndarray[Any, Any]] = []
    net = oracles.plain_copy(case)
    for module in net.modules():
        if isinstance(module, nn.Tanh):
            module.register_forward_hook(lambda m, i, output: outputs.append(output.detach().flatten(1).numpy()))
    net(case.batch[0])
    eighths = np.minimum((outputs[0] + 1) * 4, 7).astype(int)
    assert values["tanh"] == len({tuple(column) for column in eighths.T.tolist()})


def test_codes_and_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="samples must be at most 20 for the codes of tanh, not 21"):
        zc.proxy("swap", kinds="tanh", samples=21)
    with pytest.raises(ValueError, match="mu and sigma regularise together"):
        zc.proxy("swap", mu=1.0)
    with pytest.raises(ValueError, match="kinds must name activations"):
        zc.proxy("swap", kinds=())
    with pytest.raises(ValueError, match="samples must be an integer from 1 to 62"):
        zc.proxy("swap", samples=63)


def test_activations_on_vectors_count_if_asked_for() -> None:
    case = NETWORKS["functional_relu"]()
    assert "feature map" in case.score("swap")["swap"].reason
    value = case.score(zc.proxy("swap", maps_only=False))["swap"].value
    assert value is not None and 1 < value <= 48
