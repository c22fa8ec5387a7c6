"""The same code on a GPU: golden values, agreement with the CPU, an untouched network; skipped where there is none."""

from __future__ import annotations

import copy

import pytest
import torch

import naslib_zc_plugin as zc
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.testing.fingerprint import fingerprint
from tests.examples import example
from tests.golden.nets import SPECS, load

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

UNDRAWN = [name for name in zc.list_proxies() if "draws" not in zc.describe(name).needs]


@pytest.mark.parametrize("name", SPECS)
def test_cpu_and_gpu_agree_on_the_golden_networks(name: str) -> None:
    golden = load(name)
    throughput = example("throughput")
    here = zc.score(golden.net, golden.batch, UNDRAWN)
    there = zc.score(copy.deepcopy(golden.net).cuda(), golden.batch, UNDRAWN)
    for proxy in UNDRAWN:
        assert there[proxy].status == here[proxy].status, there[proxy].reason
        if here[proxy].value is not None:
            relative, absolute = throughput.TOLERANCES.get(proxy, 1e-4), throughput.ABSOLUTE.get(proxy, 0)
            expected = pytest.approx(here[proxy].value, rel=relative, abs=absolute)
            assert there[proxy].value == expected, proxy


def test_the_network_and_random_states_on_the_gpu_are_untouched() -> None:
    net = space("nasbench201").build(
        "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|none~2|", C=4, N=1
    )
    net.cuda()
    batch = torch.randn(8, 3, 16, 16), torch.arange(8) % 4
    before, state = fingerprint(net), torch.cuda.get_rng_state()
    scores = zc.score(net, batch, zc.list_proxies())
    assert not before.changes(fingerprint(net))
    assert torch.equal(state, torch.cuda.get_rng_state())
    assert {score.status for score in scores.values()} == {"ok"}, scores


def test_scores_on_the_gpu_repeat_bitwise() -> None:
    net = space("nasbench201").build(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|none~2|", C=8, N=1
    )
    net.cuda()
    batch = torch.randn(16, 3, 32, 32), torch.arange(16) % 4
    runs = [
        {name: score.value for name, score in zc.score(net, batch, zc.list_proxies(), seed=1).items()} for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_a_label_beyond_the_classes_does_not_end_the_context() -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)).cuda()
    scores = zc.score(net, (torch.randn(4, 3, 2, 2), torch.tensor([0, 1, 2, 3])), ["snip", "l2_norm"])
    assert scores["snip"].status == "failed" and "label 3" in scores["snip"].reason
    assert zc.score(net, (torch.randn(4, 3, 2, 2), torch.tensor([0, 1, 2, 2])), "snip")["snip"].status == "ok"
