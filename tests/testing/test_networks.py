"""The zoo: every network runs, is the same at each call, and is as odd as its name says."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from naslib_zc_plugin.passes.network import pick_logits
from naslib_zc_plugin.testing import NETWORKS, global_state


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_network_runs_on_its_small_batch(name: str) -> None:
    case = NETWORKS[name]()
    x, y = case.batch
    logits = pick_logits(case.net.eval()(x), case.logits)
    assert len(logits) == len(x) == len(y) <= 8
    assert int(y.max()) < logits.shape[-1]
    assert NETWORKS[name].__doc__


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_network_is_the_same_at_each_call(name: str) -> None:
    before = global_state()
    one, two = NETWORKS[name](), NETWORKS[name]()
    assert global_state() == before
    assert one.net is not two.net
    assert torch.equal(one.batch[0], two.batch[0])
    states = [list(case.net.state_dict().values()) for case in (one, two)]
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(*states))


def test_the_networks_need_no_pytest() -> None:
    code = "import sys, naslib_zc_plugin.testing; assert 'pytest' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
