"""What a score costs here and in NASLib: ``python -m tests.hosts.naslib.pace [GRAPHS]``.

Graphs of NAS-Bench-201 and one batch of 64 × 3 × 32 × 32, the same for both; each proxy by NASLib's ``ZeroCost`` and by
``ZeroCostPredictor``, one after the other in turn, each alone and knowing nothing yet; then all thirteen as predictors
that are declared together and share their passes. Times are the process's own (CPU) on one thread, in units of one
forward and backward run in train mode; medians over the graphs.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.hosts.naslib import made
from tests.hosts.naslib.needs import needs

THIRTEEN = "grad_norm snip grasp fisher synflow jacov nwot epe_nas zen l2_norm plain params flops".split()
SPECS = [(2, 0, 2, 3, 1, 4), (2, 2, 2, 2, 2, 2), (3, 4, 0, 2, 3, 0), (0, 0, 4, 0, 3, 2), (3, 3, 3, 3, 3, 3)]


def seconds(work: Callable[[], Any]) -> float:
    """CPU time; what NASLib prints is kept away."""
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        work()
    return time.process_time() - start


def unit(graph: Any, images: Any) -> float:
    """Of one forward and backward run: the least of three."""

    def run() -> None:
        loss = F.cross_entropy(graph(images[0]), images[1])
        torch.autograd.grad(loss, list(graph.parameters()))

    graph.train()
    return min(seconds(run) for _ in range(3))


def times(graph: Any, loader: Any, seed: int) -> dict[str, tuple[float, float]]:
    """Of each proxy and of all, NASLib's and ours."""
    ours, theirs = needs("naslib_zc_plugin.hosts.naslib"), needs("naslib.predictors").ZeroCost
    found = {}
    for index, name in enumerate(THIRTEEN):
        host = theirs(name)
        alone = ours.ZeroCostPredictor(name, seed=seed * 1000 + index, preset="naslib")
        both = [partial(each.query, graph, dataloader=loader) for each in (host, alone)]
        # What comes first in one graph comes second in the next.
        taken = [seconds(work) for work in (both if seed % 2 else both[::-1])]
        found[name] = (taken[0], taken[1]) if seed % 2 else (taken[1], taken[0])
    together = ours.predictors(THIRTEEN, seed=seed * 1000 + len(THIRTEEN), preset="naslib")
    shared = seconds(lambda: [each.query(graph, dataloader=loader) for each in together.values()])
    found["all thirteen"] = (sum(pair[0] for pair in found.values()), shared)
    return found


def main(graphs: int) -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images = torch.randn(64, 3, 32, 32), torch.randint(0, 10, (64,))
    loader, space = DataLoader(TensorDataset(*images), 64), made.space()
    found = []
    for seed in range(graphs + 1):
        graph = space.clone()
        graph.set_spec(SPECS[seed % len(SPECS)])
        graph.parse()
        one = unit(graph, images)
        taken = times(graph, loader, seed)
        if seed:  # the first one warms up
            found.append({name: (theirs / one, ours / one) for name, (theirs, ours) in taken.items()})
    print(f"{'proxy':14}{'NASLib':>8}{'ours':>8}{'ratio':>8}")
    for name in found[0]:
        theirs, ours = (statistics.median(each[name][which] for each in found) for which in (0, 1))
        ratio = statistics.median(each[name][1] / each[name][0] for each in found)
        print(f"{name:14}{theirs:8.2f}{ours:8.2f}{ratio:8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
