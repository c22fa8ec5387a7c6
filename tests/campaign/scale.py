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
from typing import Callable

from naslib_zc_plugin.campaign.engines import Outcome, Row
from naslib_zc_plugin.campaign.plan import chunks
from naslib_zc_plugin.campaign.store import Store
from tests.campaign.made import ORIGIN, facts

ARCHITECTURES, GROUP, ASKED = 423_624, 16, 500
LABELS = "grad_norm snip grasp fisher synflow jacov naswot epe_nas zen l2_norm plain params flops".split()
Clock = Callable[[], float]

READ = """
import json, re, sys, time
from pathlib import Path
from naslib_zc_plugin.campaign.store import read_table
start, busy = time.perf_counter(), time.process_time()
table = read_table(sys.argv[1])
found = [len(table), sum(column.count("ok") for column in table.columns.values())]
# GB; getrusage would count the process that started this one as well, which its first memory was a copy of.
peak = int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e6
print(json.dumps([time.perf_counter() - start, time.process_time() - busy, peak, *found]))
"""


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def key(number: int) -> str:
    """32 hexadecimal digits, like the hashes of NAS-Bench-101, in no order."""
    return f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"


def write(path: Path, architectures: int = ARCHITECTURES, clock: Clock = time.perf_counter) -> float:
    """Fill a store as a campaign does, asked for by 500 and written by a few; the seconds that the store took."""
    taken = 0.0
    with Store(path) as store:
        store.declare(facts(LABELS))
        for numbers in chunks(range(architectures), ASKED):
            start = clock()
            tasks = store.ask({key(number): key(number) for number in numbers}, LABELS)
            taken += clock() - start
            outcomes = [
                Outcome(task.key, tuple(Row(label, hash((task.key, label)) / 7, "ok", "", 0.01) for label in LABELS),
                        1.0, 10**9)
                for task in tasks
            ]  # fmt: skip
            start = clock()
            for group in chunks(outcomes, GROUP):
                store.add(group, ORIGIN)
            taken += clock() - start
    return taken


def known(path: Path, architectures: int = ARCHITECTURES, clock: Clock = time.perf_counter) -> tuple[float, float]:
    """Seconds until it is known how many are done, and until it is known of each."""
    with Store(path) as store:
        start = clock()
        assert store.counts().done == architectures
        counted = clock() - start
        start = clock()
        for numbers in chunks(range(architectures), ASKED):
            assert not store.ask({key(number): key(number) for number in numbers}, LABELS)
        return counted, clock() - start


def tabulated(path: Path, architectures: int = ARCHITECTURES) -> tuple[float, float, float]:
    """Seconds on the clock and of the processor, and GB at most, of a process that reads the table."""
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    seconds, busy, peak, rows, scores = json.loads(done.stdout)
    assert (rows, scores) == (architectures, architectures * len(LABELS))
    return seconds, busy, peak


def main() -> None:
    """The command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "scale.db"
    scores = ARCHITECTURES * len(LABELS)
    if not target.exists():
        seconds = write(target)
        say(f"written in {seconds:.1f} s: {scores / seconds:,.0f} scores per second")
        say(f"size on disk: {target.stat().st_size / 1e6:,.0f} MB, {target.stat().st_size / scores:.1f} bytes a score")
    counted, told = known(target)
    say(f"what is done counted in {counted:.1f} s; nothing left to ask for, told in {told:.1f} s")
    seconds, _, peak = tabulated(target)
    say(f"tabulated in {seconds:.1f} s with a peak of {peak:.2f} GB")


if __name__ == "__main__":
    main()
