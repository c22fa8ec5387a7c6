"""Latency on this machine: a network timed by turns with a yardstick, by one process at a time.

A latency is no proxy: it depends on the machine and on what else that does, not on network, batch and seed alone. So it
comes as an interval, with the fingerprint of what it was measured on.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from torch import Tensor, nn

DTYPES = ("float32", "float64", "bfloat16", "float16")
"""Types in which networks are timed."""
_FEWEST = 6  # rounds: the largest and the smallest of fewer are no 95 % interval of the median
_ERROR = 0.05  # share of intervals that miss the median
_BLOCK = 0.02  # seconds of a timing, so that the clock's steps do not matter
_TRY = 0.2  # seconds between looks at a lock


@dataclass(frozen=True)
class Machine:
    """What a latency depends on besides the network; latencies of different ones are not compared.

    Attributes:
        processor: model of the processor, or of the GPU.
        cores: number of logical cores.
        torch: its version.
        threads: CPU threads that torch may use.
        dtype: type of weights and inputs.
        batch: samples per run.
    """

    processor: str
    cores: int
    torch: str
    threads: int
    dtype: str
    batch: int

    def digest(self) -> str:
        """Return the fingerprint's own fingerprint, 16 hexadecimal digits.

        >>> Machine("Xeon", 8, "2.13.0", 1, "float32", 1).digest()
        'd2a1180007bb9421'
        """
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Latency:
    """A latency in milliseconds: the median of its rounds and the 95 % interval of that.

    Attributes:
        median: of the corrected times of a run.
        low, high: ends of the interval.
        yardstick: median time of the yardstick, likewise in milliseconds.
        rounds: number of rounds.
        fingerprint: what it was measured on.
    """

    median: float
    low: float
    high: float
    yardstick: float
    rounds: int
    fingerprint: Machine


def this_machine(threads: int = 1, dtype: str = "float32", batch: int = 1, device: str = "cpu") -> Machine:
    """Return the fingerprint of this machine with these settings."""
    import torch

    on_gpu = device.startswith("cuda")
    model = torch.cuda.get_device_name(device) if on_gpu else _processor(Path("/proc/cpuinfo"))
    return Machine(model, os.cpu_count() or 1, str(torch.__version__), threads, dtype, batch)


def _processor(facts: Path) -> str:
    """Return the model of the processor by Linux's file of facts, or else what Python knows."""
    try:
        lines = facts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def median_interval(times: Sequence[float]) -> tuple[float, float, float]:
    r"""Return the median of times, and the ends of its 95 % interval.

    The interval is that of order statistics, which supposes no distribution: from the k-th smallest to the k-th
    largest, for the largest k with :math:`2 \sum_{i<k} \binom{n}{i} 2^{-n} \le 0.05`.

    Args:
        times: at least six.

    Raises:
        ValueError: there are fewer.

    >>> median_interval([9.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    (3.5, 1.0, 9.0)
    """
    if len(times) < _FEWEST:
        raise ValueError(f"an interval of the median needs at least {_FEWEST} rounds, not {len(times)}")
    ordered, n, missed, k = sorted(times), len(times), 0.0, 0
    while 2 * (missed + math.comb(n, k) / 2**n) <= _ERROR:
        missed += math.comb(n, k) / 2**n
        k += 1
    return statistics.median(ordered), ordered[k - 1], ordered[n - k]


def corrected(times: Sequence[float], yardstick: Sequence[float], reference: float | None = None) -> list[float]:
    r"""Return times without the drift of the machine, :math:`t_r \, \bar y / y_r` for each round r.

    A machine that slows down slows both networks of a round: the ratio stays.

    Args:
        times: of the network, one a round.
        yardstick: of the yardstick, in the same rounds.
        reference: the yardstick's time that stands for the machine; the median of these unless given.

    >>> corrected([2.0, 4.0, 2.0], [1.0, 2.0, 1.0])
    [2.0, 2.0, 2.0]
    """
    middle = statistics.median(yardstick) if reference is None else reference
    return [own * middle / other for own, other in zip(times, yardstick)]


class Busy(TimeoutError):
    """Another process measures, for longer than was waited."""


@contextmanager
def measuring_alone(wait: float = 600.0, path: str | Path | None = None) -> Iterator[None]:
    """Let one process of this user at a time measure on this machine; others wait.

    A process that dies lets the lock go. What does not measure, such as a training, is not kept away.

    Args:
        wait: seconds to wait for the others.
        path: the file of the lock; one in the folder of temporary files unless given.

    Raises:
        Busy: another one measures for longer than that.
    """
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    place = Path(path or Path(tempfile.gettempdir()) / f"naslib-zc-plugin-latency-{user}.lock")
    until = time.monotonic() + wait
    with closing(sqlite3.connect(place, timeout=min(wait, _TRY), isolation_level=None)) as lock:
        while True:  # in short turns, between which Ctrl-C is heard
            try:
                lock.execute("BEGIN EXCLUSIVE")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                if time.monotonic() >= until:
                    raise Busy(
                        f"another process has been measuring latencies for {wait:g} s: wait for it, or end it (the "
                        f"lock is {place})"
                    ) from error
        yield


def latency_here(
    network: nn.Module,
    inputs: Any,
    *,
    batch: int = 1,
    threads: int = 1,
    dtype: str = "float32",
    rounds: int = 15,
    reference: float | None = None,
    wait: float = 600.0,
) -> Latency:
    r"""Measure the latency of a network on this machine.

    The median over rounds of :math:`t_r \, \bar y / y_r`: in each round ``torch.utils.benchmark`` times the network
    (t) and a small fixed convolutional network, the yardstick (y), one after the other, in turn first and second;
    :math:`\bar y` is the yardstick's median, or ``reference``. Evaluation and inference mode. One process at a time
    measures (:func:`measuring_alone`). The network is copied, and left as it is.

    Args:
        network: any module, on its device.
        inputs: what it takes, with the samples first; of its first sample ``batch`` copies are made.
        batch: samples per run.
        threads: CPU threads.
        dtype: of weights and inputs, one of :data:`DTYPES`.
        rounds: at least 6.
        reference: milliseconds of the yardstick, of an earlier measurement with the same fingerprint.
        wait: seconds to wait for other processes that measure.

    Returns:
        The latency, in milliseconds.

    Raises:
        ValueError: a number out of range, or another type.
        Busy: another process measures for too long.

    >>> from torch import nn, zeros
    >>> found = latency_here(nn.Linear(8, 2), zeros(1, 8), rounds=6)
    >>> 0 < found.low <= found.median <= found.high, found.fingerprint.threads
    (True, 1)
    """
    import torch

    from naslib_zc_plugin.passes.inputs import tree_map

    check_settings_here(batch=batch, threads=threads, dtype=dtype, rounds=rounds)
    kind: torch.dtype = getattr(torch, dtype)
    parameter = next((each for each in network.parameters()), None)
    device = torch.device("cpu") if parameter is None else parameter.device

    def shown(tensor: Tensor) -> Tensor:
        one = tensor[:1].to(device)
        return one.expand(batch, *one.shape[1:]).clone().to(kind if one.is_floating_point() else one.dtype)

    net = copy.deepcopy(network).to(kind).eval()
    own, other = _calling(net, tree_map(shown, inputs)), _calling(_yardstick().to(device, kind), _image(device, kind))
    with measuring_alone(wait), torch.inference_mode():
        times, yardstick = _timed(_timer(own, threads), _timer(other, threads), rounds)
    middle, low, high = median_interval(corrected(times, yardstick, None if reference is None else reference / 1e3))
    made = this_machine(threads, dtype, batch, str(device))
    return Latency(1e3 * middle, 1e3 * low, 1e3 * high, 1e3 * statistics.median(yardstick), rounds, made)


def check_settings_here(batch: int = 1, threads: int = 1, dtype: str = "float32", rounds: int = 15) -> None:
    """Check the settings of a measurement.

    Raises:
        ValueError: one is out of range.
    """
    for name, value, least in (("batch", batch, 1), ("threads", threads, 1), ("rounds", rounds, _FEWEST)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"latency_here: {name} must be a whole number, at least {least}, not {value!r}")
    if dtype not in DTYPES:
        raise ValueError(f"latency_here: dtype must be one of {', '.join(DTYPES)}, not {dtype!r}")


def _yardstick() -> nn.Module:
    from torch import nn

    from naslib_zc_plugin.passes.seeding import kept_random_states, seed_everything

    with kept_random_states():
        seed_everything(0, "yardstick")
        blocks = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()]
        return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)).eval()


def _image(device: Any, kind: Any) -> Tensor:
    import torch

    return torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32).to(device, kind)


def _calling(network: nn.Module, inputs: Any) -> Callable[[], Any]:
    """Return a function that runs a network, by name or by place as :func:`naslib_zc_plugin.score` does."""
    if isinstance(inputs, dict):
        return lambda: network(**inputs)
    by_place = inputs if isinstance(inputs, (list, tuple)) else (inputs,)
    return lambda: network(*by_place)


def _timer(run: Callable[[], Any], threads: int) -> Callable[[], float]:
    """Return a function that times a run, in seconds, the mean over so many that the clock's steps do not matter."""
    from torch.utils.benchmark import Timer

    timer = Timer("run()", globals={"run": run}, num_threads=threads)
    number = max(1, math.ceil(_BLOCK / timer.timeit(1).mean))
    return lambda: timer.timeit(number).mean


def _timed(own: Callable[[], float], other: Callable[[], float], rounds: int) -> tuple[list[float], list[float]]:
    """Return the times of two networks, which are timed by turns; every second round begins with the other."""
    times: list[float] = []
    yardstick: list[float] = []
    for number in range(rounds):
        first, second = ((own, times), (other, yardstick)) if number % 2 == 0 else ((other, yardstick), (own, times))
        for timed, into in (first, second):
            into.append(timed())
    return times, yardstick
