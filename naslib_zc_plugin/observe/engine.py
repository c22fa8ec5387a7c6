"""Planning is grouping: observations with equal settings are made in one pass."""

from __future__ import annotations

from collections.abc import Iterable

from naslib_zc_plugin.observe.batch import Batch
from naslib_zc_plugin.observe.network import Network
from naslib_zc_plugin.observe.observation import Observation, Outcome, Setting
from naslib_zc_plugin.observe.snapshot import Snapshot


def observe(
    network: Network, batch: Batch, observations: Iterable[Observation], seed: int = 0
) -> dict[Observation, Outcome]:
    """Make all observations with as few passes as their settings allow.

    Args:
        network: a borrowed network.
        batch: on the network's device.
        observations: equal ones are made once.
        seed: all that passes draw depends on it and on the drawing setting alone.
    """
    passes: dict[Setting, list[Observation]] = {}
    for observation in dict.fromkeys(observations):
        passes.setdefault(observation.under, []).append(observation)
    for setting in list(passes):
        other = setting.within(passes)
        if other is not None:
            passes[other] += passes.pop(setting)
    # A network that keeps something of a run (a recurrent one its last states) begins each pass as it was.
    several = sum(setting.runs for setting in passes) > 1
    snapshot = Snapshot(network.module) if several else None
    outcomes: dict[Observation, Outcome] = {}
    for setting, group in passes.items():
        outcomes.update(setting.run(network, batch, group, seed))
        if snapshot is not None:
            snapshot.restore()
    return outcomes
