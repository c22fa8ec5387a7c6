"""Networks a second on a device by the number of workers, and whether its scores are the processor's.

    python examples/throughput.py cuda --networks 1000 --workers 1 2 4 8

First some networks of NAS-Bench-201 are scored by every proxy on the processor and on the device. A table holds the
largest difference for each proxy, relative to the value, and how large it may be: rounding moves the order of sums, and
some values cancel. Proxies that draw on the device have other draws there: they are compared by status alone.

Then networks are scored by NASLib's thirteen proxies with each number of workers in turn, all of them on the one
device, in the size of the benchmark's own (C = 16, N = 5, a batch of 64 images of 32 × 32; on the processor one thread
a worker). Times run from each worker's first outcome on, so that its start does not count. The last column is the
projection on the 15,625 networks of the space. The exit code is 1 where a score differs by more than it may.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from random import Random
from typing import Any

import torch

import naslib_zc_plugin as zc
from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import Outcome, Task
from naslib_zc_plugin.campaign.engines.local import LocalEngine
from naslib_zc_plugin.report.cost import TOGETHER
from naslib_zc_plugin.spaces import space

SPACE, WHOLE = space("nasbench201"), 15_625
TOLERANCES = {"gradsign": 1e-3, "gradalign1": 3e-3, "gradalign2": 1e-3, "grasp": 1e-2, "plain": 1e-2, "epsilon": 1e-2}
"""Relative differences that are allowed; 1e-4 for all others.

Sums of signs move by single units where a gradient is about 0; grasp and plain cancel; chains have epsilon about 0.
"""
ABSOLUTE = {"grasp": 1e-3, "plain": 1e-3, "epsilon": 1e-4}
THIRTEEN = tuple(TOGETHER["NASLib's thirteen"])


@dataclass(frozen=True)
class Comparison:
    """A proxy on the processor and on the device.

    Attributes:
        proxy: its name.
        difference: the largest, relative to the value on the processor; None: compared by status alone.
        allowed: how large it may be.
        wrong: a line for each network whose score is not the same.
    """

    proxy: str
    difference: float | None
    allowed: float
    wrong: tuple[str, ...]


def compared(device: str, networks: int, size: dict[str, int], seed: int = 0) -> Iterator[Comparison]:
    """Score random networks in both places by every proxy.

    Args:
        device: such as "cuda" or "cuda:1".
        networks: how many.
        size: ``C`` and ``N`` of the networks, ``batch`` of the images.
        seed: of the networks and images.
    """
    rng, names = Random(seed), zc.list_proxies()
    batch = (torch.randn(size["batch"], 3, 32, 32), torch.arange(size["batch"]) % 10)
    scores: list[tuple[str, dict[str, zc.Score], dict[str, zc.Score]]] = []
    for _ in range(networks):
        key = SPACE.sample(rng)
        net = SPACE.build(key, C=size["C"], N=size["N"])
        there = zc.score(copy.deepcopy(net).to(device), batch, names)
        scores.append((key, dict(zc.score(net, batch, names)), dict(there)))
    for name in names:
        drawn = "draws" in zc.describe(name).needs and torch.device(device).type != "cpu"
        allowed, within = TOLERANCES.get(name, 1e-4), ABSOLUTE.get(name, 0.0)
        largest, wrong = 0.0, []
        for key, here, there in scores:
            one, other = here[name], there[name]
            if one.status != other.status:
                wrong.append(
                    f"{key}: {one.status} on the processor, {other.status} there: {one.reason or other.reason}"
                )
            elif one.value is not None and other.value is not None and not drawn:
                apart = abs(one.value - other.value)
                largest = max(largest, apart / abs(one.value) if one.value else apart)
                if apart > max(allowed * abs(one.value), within):
                    wrong.append(f"{key}: {one.value!r} on the processor, {other.value!r} there")
        yield Comparison(name, None if drawn else largest, allowed, tuple(wrong))


@dataclass(frozen=True)
class Pace:
    """What a number of workers did: networks a second, and how many scores failed."""

    workers: int
    networks: int
    per_second: float
    failed: int


def measured(device: str, networks: int, workers: int, size: dict[str, int], seed: int = 0) -> Pace:
    """Score random networks by the thirteen, on workers that share the device.

    Raises:
        ValueError: fewer networks than three for each worker, of which the first does not count.
    """
    if networks < 3 * workers:
        raise ValueError(f"{networks} networks are too few for {workers} workers: give three each, or more")
    given: dict[str, Any] = {
        "space": "nasbench201", "preset": "lightweight", "architectures": networks, "proxies": list(THIRTEEN),
        "images": {"source": "synthetic:normal", "n": size["batch"], "size": 32, "classes": 10, "seed": seed},
        "batch": {"batch_size": size["batch"]}, "network": {"C": size["C"], "N": size["N"]}, "device": device,
        "store": "throughput.db",
    }  # fmt: skip
    rng, config = Random(seed), Config(**given)
    waiting = [Task(SPACE.sample(rng), tuple(config.requests())) for _ in range(networks)]
    came: list[tuple[float, Outcome]] = []
    with closing(LocalEngine(config, workers)) as engine:
        sent = 0
        while len(came) < networks:
            while waiting and sent - len(came) < engine.capacity:
                engine.submit(waiting.pop())
                sent += 1
            came += [(time.monotonic(), outcome) for outcome in engine.collect(1.0)]
    # From the outcome at which each worker may have given its first, to the one before they run out of work.
    start, end = came[workers - 1][0], came[-workers][0]
    failed = sum(row.status == "failed" for _, outcome in came for row in outcome.rows)
    return Pace(workers, networks, (networks - 2 * workers + 1) / max(end - start, 1e-9), failed)


def _report(device: str, comparisons: Sequence[Comparison]) -> Iterator[str]:
    yield f"{'proxy':26}{'difference':>12}{'allowed':>10}  on {device} and on the processor"
    for each in comparisons:
        shown = "drawn" if each.difference is None else f"{each.difference:.1e}"
        yield f"{each.proxy:26}{shown:>12}{each.allowed:>10.0e}  {'not the same' if each.wrong else 'as it should be'}"
        yield from (f"    {line}" for line in each.wrong)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; exit code 1 where a score differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("device", help="cuda, cuda:1, or cpu")
    parser.add_argument("--networks", type=int, default=1000, help="scored for the pace")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--compared", type=int, default=8, help="networks scored in both places")
    for name, usual in (("C", 16), ("N", 5), ("batch", 64)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    given = parser.parse_args(words)
    size = {"C": given.C, "N": given.N, "batch": given.batch}
    comparisons = list(compared(given.device, given.compared, size))
    sys.stdout.writelines(f"{line}\n" for line in _report(given.device, comparisons))
    sys.stdout.write(f"\n{'workers':>8}{'networks':>10}{'a second':>10}{'failed':>8}{'15,625 take':>14}\n")
    for workers in given.workers:
        pace = measured(given.device, given.networks, workers, size)
        minutes = WHOLE / pace.per_second / 60
        row = f"{workers:8}{pace.networks:10,}{pace.per_second:10.2f}{pace.failed:8}{minutes:10.1f} min"
        sys.stdout.write(row + "\n")
        sys.stdout.flush()
    return int(any(each.wrong for each in comparisons))


if __name__ == "__main__":
    sys.exit(main())
