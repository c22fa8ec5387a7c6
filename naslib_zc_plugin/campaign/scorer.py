"""Score one architecture; no other module of campaigns builds networks."""

from __future__ import annotations

import inspect
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import Outcome, Row, Task
from naslib_zc_plugin.scoring import score
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.provenance import digest

if TYPE_CHECKING:
    import torch
    from torch import nn

_EXHAUSTED = ("out of memory", "not enough memory", "MemoryError", "can't allocate memory")
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Scorer:
    """Scores the architectures of a campaign.

    All random draws depend on the campaign's seed and the key alone, not on the order or the process of scoring.

    Args:
        config: the campaign.

    Attributes:
        shown: the SHA-256 of the images or tokens.

    Raises:
        ValueError, TypeError, OSError: proxies or images that are not available, or that do not fit the protocol.
    """

    def __init__(self, config: Config) -> None:
        import torch

        self._config = config
        self._space = space(config.space)
        self._requests = config.requests()
        self._protocol = config.protocol
        self._probe = config.probe()
        self.shown = digest(self._probe)
        self._device = torch.device(config.device)
        # The protocol's options of networks that the space takes, and over them the configuration's.
        usual = {"num_classes": self._protocol.classes or self._probe.classes, "variant": self._protocol.variant}
        takes = inspect.signature(self._space.build).parameters
        self._options = {**{name: value for name, value in usual.items() if name in takes}, **config.network}
        self._batch("")

    def __call__(self, task: Task) -> Outcome:
        """Score one architecture; its errors are recorded in the outcome's rows.

        Random states and the number of CPU threads are afterwards what they were.
        """
        from naslib_zc_plugin.passes.seeding import own_states

        with own_states(self._device, self._config.threads):
            return self._outcome(task)

    def _outcome(self, task: Task) -> Outcome:
        from naslib_zc_plugin.passes.seeding import derived_seed

        start, seed = time.perf_counter(), derived_seed(self._config.seed, task.key)
        _reset_peak(self._device)
        try:
            network = self._built(task.key)
        except Exception as error:
            reason = f"the network cannot be built: {type(error).__name__}: {error}"
            return _exhausted(Outcome.failed(task, reason))
        requests = [self._requests[label] for label in task.labels]
        scores = score(network, self._batch(task.key), requests, seed=seed, loss=self._protocol.objective())
        rows = tuple(
            Row(label, s.value, s.status, s.reason, s.seconds, "; ".join(s.detours)) for label, s in scores.items()
        )
        return _exhausted(Outcome(task.key, rows, time.perf_counter() - start, _peak(self._device)))

    def network(self, key: str) -> tuple[nn.Module, Any]:
        """Return the network of an architecture as it is scored, and inputs; random states are afterwards as before."""
        from naslib_zc_plugin.passes.seeding import own_states
        from naslib_zc_plugin.scoring import taken_batch

        with own_states(self._device, self._config.threads):
            return self._built(key), taken_batch(self._batch(key))[0].inputs

    def _built(self, key: str) -> nn.Module:
        from naslib_zc_plugin.passes.seeding import seed_everything

        seed_everything(self._config.seed, "weights", key)
        return self._space.build(key, **self._options).to(self._device)

    def _batch(self, key: str) -> Any:
        return self._protocol.batch(self._probe, self._config.space, self._config.seed, key)


def _exhausted(outcome: Outcome) -> Outcome:
    """Return the outcome, marked if the memory was short."""
    return replace(outcome, exhausted=any(sign in row.reason for row in outcome.rows for sign in _EXHAUSTED))


def _reset_peak(device: torch.device) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif _RESET.exists():
        _RESET.write_text("5", encoding="ascii")  # Linux: the largest size is measured anew (man 5 proc)


def _peak(device: torch.device) -> int | None:
    """Return bytes: the most allocated on the GPU, or this process at its largest, since :func:`_reset_peak`."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of the whole life, where it cannot be reset
    return largest if sys.platform == "darwin" else largest * 1024
