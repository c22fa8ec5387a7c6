"""The whole record: sections, each a mapping of labels to texts, and the machine that made it."""

from __future__ import annotations

import gzip
import json
import platform
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Callable

from . import histories, networks, protocols, scores, spaces

SPACES = (
    "flexibert", "nasbench101", "nasbench201", "nasbench301", "nasbench_nlp", "nats_sss", "nds_amoeba", "nds_darts",
    "nds_darts_fix_w_d", "nds_enas", "nds_nasnet", "nds_pnas", "transnasbench101_micro",
)  # fmt: skip
NUMBERS = Path(__file__).parent / "numbers.json.gz"


def machine() -> dict[str, str]:
    """What bits depend on: the kind of processor, what its libraries use of it, and the versions of libraries."""
    import numpy
    import scipy
    import torch

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        fields = dict(
            tuple(part.strip() for part in line.split(":", 1))
            for line in cpuinfo.read_text().splitlines()
            if ":" in line
        )
        model = " / ".join(fields.get(name, "") for name in ("vendor_id", "cpu family", "model", "model name"))
    return {
        "processor": model,
        "vectors": str(torch.backends.cpu.get_cpu_capability()),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
    }


def sections() -> dict[str, Callable[[], dict[str, str]]]:
    """Name → function that makes the section's mapping."""
    made: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
        f"scores/{name}/{seed}": partial(scores.scores, name, seed) for name in networks.MAKERS for seed in scores.SEEDS
    }
    for name in SPACES:
        made[f"keys/{name}"] = partial(spaces.keys, name)
        made[f"built/{name}"] = partial(spaces.built, name)
    made["protocols"], made["probes"] = protocols.protocols, protocols.probes
    for name in histories.SPACES:
        made[f"histories/{name}"] = partial(histories.histories, name)
    return {name: lambda make=make: dict(make()) for name, make in made.items()}  # type: ignore[misc]


def entries(wanted: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """The sections whose name begins with ``wanted``, made one after the other on one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name, make in sections().items():
            if name.startswith(wanted):
                yield name, make()
    finally:
        torch.set_num_threads(threads)


def write(path: Path, found: dict[str, Any]) -> None:
    """The same record gives the same bytes."""
    text = json.dumps(found, indent=0, ensure_ascii=False, sort_keys=True) + "\n"
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def read(path: Path = NUMBERS) -> dict[str, Any]:
    """A record."""
    found: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return found
