"""How fast strategies are without NNI and with it: ``python -m tests.hosts.nni.pace [STEPS]``.

Ageing evolution on a column of NAS-Bench-201, asked and told; beside it NNI's own ``RegularizedEvolution`` of the same
population and sample, with an evaluator that reads the same table and builds no network. Both take STEPS steps, in the
same process, one after the other and ours again; times are the process's own (CPU), so that others' load counts little.
NNI's passes over what was there before unless told not to, and ends when it finds nothing new.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from naslib_zc_plugin import strategies
from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.spaces.nasbench201 import SPACE

COLUMN = "cifar10_val_12"
DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


def ours(values: dict[str, float], steps: int, population: int, sample: int) -> list[float]:
    """Seconds since the start at the end of each tenth of the steps."""
    strategy = strategies.strategy("aging_evolution", SPACE, population=population, sample=sample, mutation="edge")
    ends, start = [], time.process_time()
    for _ in range(10):
        for _ in range(steps // 10):
            key = strategy.ask()
            strategy.tell(key, values[key])
        ends.append(time.process_time() - start)
    return ends


def theirs(values: dict[str, float], steps: int, population: int, sample: int, dedup: bool) -> list[float]:
    """Seconds since the start at the end of each model."""
    import nni
    from nni.nas.evaluator import Evaluator
    from nni.nas.execution import SequentialExecutionEngine
    from nni.nas.hub.pytorch import NasBench201
    from nni.nas.space import SimplifiedModelSpace
    from nni.nas.strategy import RegularizedEvolution

    from naslib_zc_plugin.hosts.nni.samples import sample201

    ends: list[float] = []
    # Its samples have their labels in this order: nothing is translated in its time.
    table = {tuple(sample201(key).values()): value for key, value in values.items()}

    class Table(Evaluator):  # type: ignore[misc]
        def _execute(self, model: Any) -> None:
            nni.report_final_result(table[tuple(model.sample.values())])
            ends.append(time.process_time() - start)

    logging.getLogger("nni").setLevel(logging.ERROR)
    space = SimplifiedModelSpace.from_model(NasBench201(4, 1), Table())
    strategy = RegularizedEvolution(population_size=population, sample_size=sample, dedup=dedup, seed=0)
    start = time.process_time()
    strategy(space, SequentialExecutionEngine(max_model_count=steps))
    return ends


def main(steps: int) -> None:
    """Measure and print."""
    values = benchmark("nasbench201", DATA).column(COLUMN)
    warnings.simplefilter("ignore", RuntimeWarning)
    for population, sample in ((100, 25), (10, 3)):
        for dedup in (True, False):
            first = ours(values, steps, population, sample)
            host = theirs(values, steps, population, sample, dedup)
            again = ours(values, steps, population, sample)
            mean, tenth = (first[-1] + again[-1]) / 2 / steps, len(host) // 10
            slow = host[-1] / len(host)
            print(f"P={population}, S={sample}: {steps:,} steps in {first[-1]:.2f} and {again[-1]:.2f} s", end=", ")
            print(f"{1e6 * mean:.0f} µs each; first tenth {first[0]:.2f} s, last {first[-1] - first[-2]:.2f} s")
            print(f"  RegularizedEvolution, dedup={dedup}: {len(host):,} steps in {host[-1]:.1f} s", end=", ")
            print(f"{1e6 * slow:.0f} µs each; first tenth {host[tenth - 1]:.2f} s", end=", ")
            print(f"last {host[-1] - host[-tenth - 1]:.2f} s; a step takes {slow / mean:.1f} times as long")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
