"""A store at the size of NAS-Bench-101: 423,624 made-up architectures with 13 scores each.

No test, since it takes minutes and about 1 GiB of disk. Run it in the repository, where there is room::

    python3 -m tests.campaign.scale /tmp/scale

Targets: 20,000 scores written per second, what is done found in 5 s, tabulated in 30 s with at most 1 GB of memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from naslib_zc_plugin.campaign.outcome import Outcome, Row
from naslib_zc_plugin.campaign.plan import chunks
from naslib_zc_plugin.campaign.store import Store
from tests.campaign.made import ORIGIN, facts

ARCHITECTURES, GROUP, ASKED = 423_624, 16, 500
LABELS = "grad_norm snip grasp fisher synflow jacov naswot epe_nas zen l2_norm plain params flops".split()

READ = """
import json, resource, sys, time
from naslib_zc_plugin.campaign.read import read_table
start = time.perf_counter()
table = read_table(sys.argv[1])
found = [len(table), sum(column.count("ok") for column in table.columns.values())]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # GB on Linux
print(json.dumps([time.perf_counter() - start, peak, *found]))
"""


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def key(number: int) -> str:
    """32 hexadecimal digits, like the hashes of NAS-Bench-101, in no order."""
    return f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"


def write(path: Path) -> None:
    """Fill a store as a campaign does: asked for by 500, written by a few."""
    asking = adding = 0.0
    with Store(path) as store:
        store.declare(facts(LABELS))
        for numbers in chunks(range(ARCHITECTURES), ASKED):
            start = time.perf_counter()
            tasks = store.ask({key(number): key(number) for number in numbers}, LABELS)
            asking += time.perf_counter() - start
            outcomes = [
                Outcome(task.key, tuple(Row(label, hash((task.key, label)) / 7, "ok", "", 0.01) for label in LABELS),
                        1.0, 10**9)
                for task in tasks
            ]  # fmt: skip
            start = time.perf_counter()
            for group in chunks(outcomes, GROUP):
                store.add(group, ORIGIN)
            adding += time.perf_counter() - start
    scores = ARCHITECTURES * len(LABELS)
    say(f"asked for in {asking:.1f} s, written in {adding:.1f} s: {scores / (asking + adding):,.0f} scores per second")
    say(f"size on disk: {path.stat().st_size / 1e6:,.0f} MB, {path.stat().st_size / scores:.1f} bytes per score")


def read(path: Path) -> None:
    """Time what reads."""
    with Store(path) as store:
        start = time.perf_counter()
        say(f"{store.counts()} in {time.perf_counter() - start:.1f} s")
        start = time.perf_counter()
        for numbers in chunks(range(ARCHITECTURES), ASKED):
            assert not store.ask({key(number): key(number) for number in numbers}, LABELS)
        say(f"nothing left to ask for, told in {time.perf_counter() - start:.1f} s")
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    seconds, peak, rows, scores = json.loads(done.stdout)
    assert (rows, scores) == (ARCHITECTURES, ARCHITECTURES * len(LABELS))
    say(f"tabulated in {seconds:.1f} s with a peak of {peak:.2f} GB")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "scale.db"
    if not target.exists():
        write(target)
    read(target)
