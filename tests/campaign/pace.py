"""What workers gain and what supervision costs, as ratios within one run.

    python -m tests.campaign.pace --architectures 30 --rounds 3

Scores the same NAS-Bench-201 networks with one and with two workers in turn (one thread each) and prints, per round and
as medians: the ratio of the two paces (2: no worker is in the other's way); the share of the workers' time that did not
go into scoring (dispatch, store, waiting); and by how much a second worker raises the processor time of a network, as
they share caches and memory. Times run from the first outcome of each worker to its last: starting a process is not
counted. On a machine that does anything else at the same time the figures mean nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines.local import LocalEngine, ScoringProcess
from naslib_zc_plugin.campaign.run import prepare, run
from naslib_zc_plugin.campaign.store import Store


class Timed(LocalEngine):
    """Notes when each outcome came, by worker: the clock, the worker's processor time and the seconds of scoring."""

    def __init__(self, config: Config, workers: int) -> None:
        super().__init__(config, workers)
        self.came: dict[int, list[tuple[float, float, float]]] = {}

    def _receive(self, worker: ScoringProcess, message: dict[str, Any] | None) -> None:
        if message and "seconds" in message:
            ticks = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            busy = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
            self.came.setdefault(worker.pid, []).append((time.monotonic(), busy, message["seconds"]))
        super()._receive(worker, message)


def measured(config: Config, workers: int) -> tuple[float, float, float]:
    """Architectures per second, the share of the workers' time that was not scoring, processor seconds of one."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "pace.db") as store:
        own = config.replace(store=str(store.path))
        engine = Timed(own, workers)
        prepare(own, store)
        run(own, store, engine)
    came = list(engine.came.values())
    spans = [each[-1][0] - each[0][0] for each in came]
    busy = sum(each[-1][1] - each[0][1] for each in came)
    scoring = sum(seconds for each in came for _, _, seconds in each[1:])
    pace = sum((len(each) - 1) / span for each, span in zip(came, spans))
    return pace, 1 - scoring / sum(spans), busy / sum(len(each) - 1 for each in came)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    config = Config(
        space="nasbench201", architectures=arguments.architectures, images={"source": "digits", "size": 32},
        proxies=("naswot", "grad_norm", "snip", "synflow"), preset="lightweight", batch={"batch_size": 64},
    )  # fmt: skip
    gains, costs, raised = [], [], []
    for _ in range(arguments.rounds):
        (one, alone, busy), (two, together, busier) = measured(config, 1), measured(config, 2)
        gains.append(two / one)
        costs += [alone, together]
        raised.append(busier / busy - 1)
        rounds = f"one worker {one:.2f} a second, two {two:.2f}: ratio {two / one:.2f}"
        print(f"{rounds}; not scoring {alone:.1%}, {together:.1%}; processor time raised by {raised[-1]:.1%}")
    found = f"median ratio {statistics.median(gains):.2f}, median not scoring {statistics.median(costs):.1%}"
    print(f"{found}, processor time raised by {statistics.median(raised):.1%}")


if __name__ == "__main__":
    main()
