"""One architecture becomes scores, a thousand times, and nothing piles up."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest
import torch
from torch import nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import Task
from naslib_zc_plugin.campaign.scorer import Scorer
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.testing import global_state

Make = Callable[..., Config]
STATUS = Path("/proc/self/status")
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def resident() -> int:
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def living() -> dict[str, int]:
    """How many tensors, modules and hooks there are."""
    gc.collect()
    objects = gc.get_objects()
    modules = [each for each in objects if issubclass(type(each), nn.Module)]
    tensors = sum(issubclass(type(each), torch.Tensor) for each in objects)
    hooks = sum(len(getattr(module, name, ())) for module in modules for name in HOOKS)
    return {"modules": len(modules), "tensors": tensors, "hooks": hooks}


def growth(config: Config) -> tuple[dict[str, int], dict[str, int], int]:
    """Score a thousand architectures; return what lived after 200 and at the end, and how many bytes were added."""
    score = Scorer(config)
    before, memory = {}, 0
    for number in range(1000):
        outcome = score(Task(f"net-{number % 100}", tuple(config.requests())))
        assert {row.status for row in outcome.rows} <= {"ok", "undefined"}, outcome
        if number == 199:
            before, memory = living(), resident()
    return before, living(), resident() - memory


@pytest.mark.skipif(not STATUS.exists(), reason="needs Linux's /proc to see the memory")
def test_a_thousand_architectures_leave_nothing_behind(campaign: Make) -> None:
    """Measured in a process of its own: that of the tests holds the threads and caches of whatever ran before."""
    config = campaign(proxies=["naswot", "snip", "synflow", "epsilon", "gradalign2"])
    code = (
        "import json, sys; from tests.campaign.test_scorer import Config, growth; "
        "print(json.dumps(growth(Config(**json.loads(sys.argv[1])))))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, json.dumps(config.plain())]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    before, after, added = json.loads(found.stdout)
    assert after == before
    assert added < 16 * 2**20


def test_a_thousand_scores_of_one_network_leave_it_alone(campaign: Make) -> None:
    config = campaign()
    net, batch = space("toy").build("net-5", num_classes=4), config.protocol.batch(config.probe(), "toy", 0)
    first = zc.score(net, batch, ["naswot", "snip", "synflow"], seed=0)
    before = living()
    for _ in range(1000):
        scores = zc.score(net, batch, ["naswot", "snip", "synflow"], seed=0)
    del scores
    assert living() == before
    last = zc.score(net, batch, ["naswot", "snip", "synflow"], seed=0)
    assert {name: found.value for name, found in last.items()} == {name: found.value for name, found in first.items()}


def test_an_outcome_depends_on_the_key_alone(campaign: Make) -> None:
    score = Scorer(campaign())
    first = score(Task("net-1", ("snip", "naswot")))
    score(Task("net-2", ("zen",)))
    torch.manual_seed(12)
    again = {row.label: row.value for row in score(Task("net-1", ("naswot", "zen", "snip"))).rows}
    assert {row.label: row.value for row in first.rows} == {label: again[label] for label in ("snip", "naswot")}


def test_what_cannot_be_had_is_told_before_anything_is_scored(campaign: Make) -> None:
    with pytest.raises(ValueError, match="naswott"):
        Scorer(campaign(proxies=["naswott"]))
    with pytest.raises(ValueError, match="draws 64 samples"):
        Scorer(campaign(batch={"batch_size": 64}))


def test_threads_and_random_states_are_put_back(campaign: Make) -> None:
    config = campaign(threads=torch.get_num_threads() + 1)
    before = global_state()
    score = Scorer(config)
    assert global_state() == before
    first = score(Task("net-1", tuple(config.requests())))
    assert global_state() == before
    torch.rand(3)
    again = score(Task("net-1", tuple(config.requests())))
    assert [(row.label, row.value) for row in again.rows] == [(row.label, row.value) for row in first.rows]
