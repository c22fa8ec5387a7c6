"""What a campaign will take, measured on a few of its architectures."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from itertools import islice

from naslib_zc_plugin.campaign import plan
from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines.local import LocalEngine
from naslib_zc_plugin.campaign.outcome import Outcome, Task
from naslib_zc_plugin.spaces import space


@dataclass(frozen=True)
class Estimate:
    """What was measured in one process on this machine.

    Attributes:
        architectures: how many the campaign asks for.
        measured: how many were scored for this.
        seconds: of one architecture in one worker, the mean.
        spread: standard deviation of the seconds (n − 1).
        memory: bytes of a worker at its largest; None where it cannot be told.
        failed: of the measured, those with a failed score, and why: key → reason.
    """

    architectures: int
    measured: int
    seconds: float
    spread: float
    memory: int | None
    failed: dict[str, str]


def measure(config: Config, sample: int = 5) -> Estimate:
    """Score the first architectures of a campaign, keep nothing, and tell what that took.

    Raises:
        EngineError: no worker can score.
        ValueError: the campaign's architectures, proxies or images cannot be had.
    """
    chosen = space(config.space)
    total = plan.count(config.architectures, chosen)
    labels = tuple(config.requests())
    stream = plan.stream(config.architectures, chosen, config.seed)
    keys = [chosen.canonical(key) for key in islice(stream, sample)]
    # The first one also warms the worker up.
    outcomes = _scored(replace(config, engine={"name": "local", "workers": 1}), [keys[0], *keys], labels)[1:]
    seconds = [outcome.seconds for outcome in outcomes if outcome.seconds is not None]
    memory = [outcome.memory for outcome in outcomes if outcome.memory is not None]
    failed = {o.key: row.reason for o in outcomes for row in o.rows if row.status == "failed"}
    return Estimate(
        total,
        len(outcomes),
        statistics.fmean(seconds) if seconds else float("nan"),
        statistics.stdev(seconds) if len(seconds) > 1 else 0.0,
        max(memory) if memory else None,
        failed,
    )


def _scored(config: Config, keys: list[str], labels: tuple[str, ...]) -> list[Outcome]:
    engine = LocalEngine(config, workers=1)
    found: list[Outcome] = []
    try:
        for key in keys:
            engine.submit(Task(key, labels))
        while len(found) < len(keys):
            found += engine.collect(1.0)
    finally:
        engine.close()
    return found
