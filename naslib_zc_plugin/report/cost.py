"""The cost of proxies, in units that carry over between machines: passes of plain training and their memory.

One unit is a forward and a backward pass in train mode, by the cross-entropy of the same network on the same batch.
Each measurement of a proxy is divided by one of the unit right before it: a machine that slows down slows both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from naslib_zc_plugin.scoring import Asked, Score

# Proxies that are often scored together, and then share passes.
TOGETHER = {
    "NASLib's thirteen": tuple(
        "grad_norm snip grasp fisher synflow jacov naswot epe_nas zen l2_norm plain params flops".split()
    ),
    "weight gradients": ("grad_norm", "snip", "plain", "fisher"),
    "per-sample gradients": ("gradsign", "gradalign1", "gradalign2"),
}
NEWER = ("az_expressivity", "az_progressivity", "az_trainability", "meco", "zico", "swap")


@dataclass(frozen=True)
class Target:
    """What a request is to cost at most.

    Attributes:
        name: title of the request.
        proxies: that are scored in one call.
        most: the limit.
        of: ``"units"`` of time; ``"forwards"``: time, as a multiple of the forward pass's; ``"memory"`` in units.
        less: what is taken off the units first, where the work beside the passes is meant: ``"unit"``, ``"forward"``.
    """

    name: str
    proxies: tuple[str, ...]
    most: float
    of: str = "units"
    less: str = ""

    def found(self, costs: Mapping[str, Cost]) -> float | None:
        """Return what it costs by measurements of its request, of the unit and of the forward pass; None: it failed."""
        cost = costs[self.name]
        if self.of != "units":
            return cost.forwards if self.of == "forwards" else cost.peak_units
        less = costs[self.less].units if self.less else 0.0
        return None if cost.units is None or less is None else cost.units - less


_THIRTEEN = ("NASLib's thirteen", TOGETHER["NASLib's thirteen"])
_SAMPLES = ("per-sample gradients", TOGETHER["per-sample gradients"])
TARGETS = (
    Target(*_THIRTEEN, 4.0),
    Target(*_THIRTEEN, 1.3, "memory"),
    Target("naswot", ("naswot",), 1.15, "forwards"),
    Target("grasp", ("grasp",), 2.6),
    Target(*_SAMPLES, 1.3),
    Target(*_SAMPLES, 0.38, "memory"),
    Target("epsilon", ("epsilon",), 0.1),
    Target("thirteen and newer ones", (*_THIRTEEN[1], *NEWER), 9.0),
    Target("recommended", ("az_expressivity", "az_trainability", "meco", "meco_opt", "params"), 3.0),
)
"""For a large network of NAS-Bench-201: C=16, N=5, 64 images of 32 × 32 pixels."""
SMALL_TARGETS = (
    Target("params", ("params",), 0.06),
    Target("naswot", ("naswot",), 0.33, less="forward"),
    Target("grad_norm", ("grad_norm",), 0.22, less="unit"),
)
"""For a small one, C=4, N=1, 8 images: the work beside the passes, half of what it was in the first release."""
TRANSFORMER = {"grad_norm": ("grad_norm",), "dss": ("dss",), _THIRTEEN[0]: _THIRTEEN[1]}
"""Requests for a transformer of 12 layers, AutoFormer's narrowest, 8 images of 64 × 64 pixels."""


@dataclass(frozen=True)
class Cost:
    """The cost of one call of :func:`naslib_zc_plugin.score`.

    Attributes:
        name: title of the request.
        units: time, as a multiple of the unit's; the median over the rounds. None if it failed.
        spread: interquartile range of the units over the rounds; None if it failed, or in a single round.
        peak: bytes allocated at the worst moment, beyond the network and the batch. None if it failed.
        peak_units: ``peak`` as a multiple of the unit's.
        status: of the scores: the worst of ``"ok"``, ``"undefined"`` and ``"failed"``.
        reason: the proxy of that status, and why; empty if all are ok. An undefined one may have stopped early.
        forwards: time, as a multiple of the forward pass's without gradients. None if it failed.
        seconds: the median. None if it failed.
    """

    name: str
    units: float | None
    spread: float | None
    peak: int | None
    peak_units: float | None
    status: str = "ok"
    reason: str = ""
    forwards: float | None = None
    seconds: float | None = None


Task = Callable[[], "Mapping[str, Score]"]


def requests_for(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return each proxy alone, then the sets of :data:`TOGETHER` that ``names`` hold, then all of them together.

    Args:
        names: of proxies.

    Returns:
        Title → the proxies of one call.

    >>> requests_for(["naswot", "zen"])
    {'naswot': ('naswot',), 'zen': ('zen',), 'all of these': ('naswot', 'zen')}
    """
    sets = {title: members for title, members in TOGETHER.items() if set(members) <= set(names)}
    known = [set(members) for members in sets.values()]
    together = {"all of these": tuple(names)} if len(names) > 1 and set(names) not in known else {}
    return {**{name: (name,) for name in names}, **sets, **together}


def measure_cost(
    build: Callable[[], nn.Module],
    batch: tuple[Tensor, Tensor],
    requests: Mapping[str, Sequence[Asked]],
    *,
    loss: Callable[[Any, Any], Tensor] | None = None,
    rounds: int = 5,
) -> Iterator[Cost]:
    """Measure the unit, the forward pass alone (without gradients), and each request; yield each when it is done.

    Every task runs once for its memory, which warms it up, and then in ``rounds``, between the unit and a forward pass.
    On the CPU time is the processor's, and memory is summed from the events of torch's allocator; on a GPU time is that
    which passes, and memory the allocator's own peak.

    Args:
        build: returns the network, on the device to measure on; called once.
        batch: images and labels, or tokens and their targets.
        requests: title → proxies that are scored in one call.
        loss: of the network's outputs and the labels, for the unit and the proxies; None: cross-entropy.
        rounds: number of measurements.

    Yields:
        The unit, the forward pass, and each request.

    Raises:
        ValueError: rounds < 1, or :func:`naslib_zc_plugin.score` refuses the request.

    >>> list(measure_cost(build, (images, labels), requests_for(["naswot"])))  # doctest: +SKIP
    """
    import torch
    from torch.nn import functional as F

    from naslib_zc_plugin.scoring import score

    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, not {rounds}")
    net = build().train()
    device = next(net.parameters()).device
    x, y = (tensor.to(device) for tensor in batch)
    objective = loss or F.cross_entropy

    def unit() -> dict[str, Score]:
        objective(net(x), y).backward()
        net.zero_grad(set_to_none=True)
        return {}

    @torch.no_grad()
    def forward() -> dict[str, Score]:
        net(x)
        return {}

    unit()
    unit_peak, _ = _peak(unit, device)
    first = _cost("unit", unit, unit, forward, unit_peak, rounds, device)
    yield replace(first, units=1.0, spread=0.0, peak=unit_peak, peak_units=1.0)
    tasks: dict[str, Task] = {
        "forward": forward,
        **{title: partial(score, net, (x, y), asked, loss=loss) for title, asked in requests.items()},
    }
    for title, task in tasks.items():
        yield _cost(title, task, unit, forward, unit_peak, rounds, device)


def _cost(name: str, task: Task, unit: Task, forward: Task, unit_peak: int, rounds: int, device: torch.device) -> Cost:
    """Measure a task's memory, then its time in ``rounds``, between the unit and a forward pass."""
    peak, scores = _peak(task, device)
    worst = min((s for s in scores.values() if s.status != "ok"), key=lambda s: s.status, default=None)  # failed first
    status, reason = (worst.status, f"{worst.name}: {worst.reason}") if worst else ("ok", "")
    if status == "failed":
        return Cost(name, None, None, None, None, status, reason)
    laps = [[_seconds(each, device) for each in (unit, task, forward)] for _ in range(rounds)]
    ratios = [lap / unit_lap for unit_lap, lap, _ in laps]
    quartiles = statistics.quantiles(ratios, n=4, method="inclusive") if rounds > 1 else None
    spread = quartiles[2] - quartiles[0] if quartiles else None
    forwards = statistics.median(lap / forward_lap for _, lap, forward_lap in laps)
    seconds = statistics.median(lap for _, lap, _ in laps)
    units = statistics.median(ratios)
    return Cost(name, units, spread, peak, peak / unit_peak, status, reason, forwards, seconds)


def _seconds(task: Task, device: torch.device) -> float:
    """Return how long a task takes: of the processor's time, or on a GPU of the time that passes."""
    from naslib_zc_plugin.passes.isolation import Stopwatch

    if device.type == "cpu":  # other programs do not count
        began = time.process_time()
        task()
        return max(time.process_time() - began, 1e-9)
    clock = Stopwatch(device)
    task()
    return clock.lap()


def _peak(task: Task, device: torch.device) -> tuple[int, Mapping[str, Score]]:
    """Return the bytes allocated at the worst moment of a task, beyond the earlier ones, and its result."""
    import torch
    from torch.autograd.profiler import profile

    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        result = task()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before, result
    with profile(profile_memory=True) as recorded:
        result = task()
    held = peak = 0
    # In the order of time; memory that was allocated before is released with 0 bytes.
    for event in recorded.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak, result
