"""Seconds of device time: the clock waits for the device, so that work is charged to the pass that asked for it."""

from __future__ import annotations

import time

import torch


class Stopwatch:
    """Laps in seconds; on a GPU each lap ends when the device has done its work."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._last = self._now()

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap."""
        now = self._now()
        self._last, lap = now, now - self._last
        return lap
