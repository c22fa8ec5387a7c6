"""Latency: the statistics of given times, the lock, the fingerprint, and what a measurement leaves alone. No clock."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import count
from pathlib import Path
from random import Random

import pytest
import torch
from torch import nn

from naslib_zc_plugin import latency
from naslib_zc_plugin.latency import (
    Busy,
    Machine,
    corrected,
    latency_here,
    measuring_alone,
    median_interval,
    this_machine,
)
from naslib_zc_plugin.testing.fingerprint import fingerprint as state_of
from naslib_zc_plugin.testing.fingerprint import global_state


@pytest.mark.parametrize("n", [6, 7, 9, 12, 15, 30])
def test_the_interval_covers_the_median_as_often_as_it_says(n: int) -> None:
    _, low, high = median_interval(list(map(float, range(1, n + 1))))
    first = round(low)
    assert high == n + 1 - first

    def covered(k: int) -> float:
        """Chance that a true median lies between the k-th smallest and the k-th largest of n."""
        return 1 - 2 * sum(math.comb(n, i) for i in range(k)) / 2**n

    assert covered(first) >= 0.95 > covered(first + 1)


def test_the_interval_covers_the_median_of_skewed_times() -> None:
    rng = Random(0)
    inside = 0
    for _ in range(2000):
        _, low, high = median_interval([1 + rng.expovariate(1.0) for _ in range(15)])
        inside += low <= 1 + math.log(2) <= high
    assert 0.95 < inside / 2000 < 0.98  # .965 in theory


def test_fewer_rounds_have_no_interval() -> None:
    with pytest.raises(ValueError, match="at least 6 rounds, not 5"):
        median_interval([1.0] * 5)


def test_a_machine_that_slows_down_leaves_the_latency_as_it_is() -> None:
    drift = [1.0, 1.0, 1.5, 2.0, 3.0, 2.0, 1.0, 1.0]
    times, yardstick = [4e-3 * each for each in drift], [1e-3 * each for each in drift]
    assert corrected(times, yardstick, 1e-3) == pytest.approx([4e-3] * 8)
    assert median_interval(corrected(times, yardstick, 2e-3)) == pytest.approx((8e-3,) * 3)


def test_rounds_take_turns() -> None:
    order: list[str] = []
    clock = count(1)

    def timed(name: str) -> float:
        order.append(name)
        return float(next(clock))

    times, yardstick = latency._timed(lambda: timed("own"), lambda: timed("other"), 3)
    assert order == ["own", "other", "other", "own", "own", "other"]
    assert (times, yardstick) == ([1.0, 4.0, 5.0], [2.0, 3.0, 6.0])


_HOLDS = """
import sys
from naslib_zc_plugin.latency import measuring_alone as alone
with alone(path=sys.argv[1]):
    print("mine", flush=True)
    sys.stdin.readline()
"""


def test_one_process_measures_at_a_time(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    command = [sys.executable, "-c", _HOLDS, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "mine\n"
        with pytest.raises(Busy, match="another process has been measuring"), measuring_alone(0, place):
            pass
        other.kill()  # a process that dies lets the lock go
        other.wait()
        with measuring_alone(0, place), pytest.raises(Busy), measuring_alone(0, place):
            pass
        with measuring_alone(0, place):
            pass


def test_the_fingerprint_knows_what_a_latency_depends_on(tmp_path: Path) -> None:
    facts = tmp_path / "cpuinfo"
    facts.write_text("processor\t: 0\nmodel name\t: Cortex-A72 @ 1.5 GHz\nmodel name\t: another\n")
    assert latency._processor(facts) == "Cortex-A72 @ 1.5 GHz"
    assert latency._processor(tmp_path / "none")
    here = this_machine()
    assert (here.torch, here.threads, here.dtype, here.batch) == (torch.__version__, 1, "float32", 1)
    others = [this_machine(threads=2), this_machine(dtype="float64"), this_machine(batch=8)]
    others.append(Machine("other", here.cores, here.torch, 1, "float32", 1))
    assert len({each.digest() for each in (here, *others)}) == 5
    assert this_machine().digest() == here.digest()


class Sees(nn.Module):
    """Notes how it is run."""

    seen: dict[str, object]

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.drop = nn.Linear(4, 2), nn.Dropout(0.5)
        type(self).seen = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        now = {
            "training": self.training, "inference": torch.is_inference_mode_enabled(), "shape": tuple(x.shape),
            "dtype": x.dtype, "threads": torch.get_num_threads(),
        }  # fmt: skip
        type(self).seen = now
        out: torch.Tensor = self.drop(self.layer(x))
        return out


def test_a_network_is_timed_as_it_is_said_and_left_as_it_was() -> None:
    net, inputs = Sees().train(), torch.randn(5, 4)
    before, state, copied = state_of(net), global_state(), inputs.clone()
    found = latency_here(net, inputs, batch=3, threads=1, dtype="float64", rounds=6)
    assert net.seen == {
        "training": False, "inference": True, "shape": (3, 4), "dtype": torch.float64, "threads": 1,
    }  # fmt: skip
    assert before.changes(state_of(net)) == []
    assert [name for name, value in global_state().items() if value != state[name]] == []
    assert torch.equal(inputs, copied)
    assert found.fingerprint == this_machine(dtype="float64", batch=3)
    assert 0 < found.low <= found.median <= found.high
    assert found.rounds == 6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rounds": 5}, "rounds must be a whole number, at least 6, not 5"),
        ({"threads": 0}, "threads must be a whole number, at least 1, not 0"),
        ({"batch": True}, "batch must be a whole number, at least 1, not True"),
        ({"dtype": "int8"}, "dtype must be one of float32"),
    ],
)
def test_settings_out_of_range(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        latency_here(nn.Linear(4, 2), torch.randn(1, 4), **settings)  # type: ignore[arg-type]
