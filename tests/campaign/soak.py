"""Kills a real campaign hundreds of times and compares what it leaves with an undisturbed run.

    python -m tests.campaign.soak FOLDER --kills 200

Scores NAS-Bench-201 networks on handwritten digits. kill -9 hits the driver, or a worker or the process that workers
are forks of, drawn at random, at random moments; a driver that was killed is started again. At the end the canonical
exports must be equal byte by byte. The same command on the same folder goes on; it writes what it did to
FOLDER/soak.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import yaml

from naslib_zc_plugin.campaign.exchange import export
from naslib_zc_plugin.campaign.store import STORE, counts
from naslib_zc_plugin.store.database import StoreError, open_to_read

CONFIG = {
    "space": "nasbench201",
    "images": {"source": "digits", "size": 16},
    "proxies": ["naswot", "synflow", "grad_norm", "snip", "epsilon", "gradalign1", "gradalign2"],
    "preset": "lightweight",
    "batch": {"batch_size": 16},
    "network": {"C": 8, "N": 1},
    "engine": {"name": "local", "workers": 2},
    "time_limit": 120.0,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--architectures", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("whole", "killed"):
        text = yaml.safe_dump({**CONFIG, "architectures": arguments.architectures})
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    killed = _disturbed(folder / "killed.yaml", arguments.kills, arguments.architectures, random.Random(arguments.seed))
    assert _driver(folder / "whole.yaml").wait() == 0
    for name in ("whole", "killed"):
        export(folder / f"{name}.db", folder / f"{name}.csv", canonical=True)
    equal = (folder / "whole.csv").read_bytes() == (folder / "killed.csv").read_bytes()
    rows = (folder / "whole.csv").read_text(encoding="utf-8").count("\n") - 1
    found = {**killed, "architectures": arguments.architectures, "rows": rows, "equal": equal}
    (folder / "soak.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
    sys.exit(None if equal else f"the exports in {folder} differ")


def _disturbed(config: Path, kills: int, architectures: int, draw: random.Random) -> dict[str, int]:
    """Run the campaign to its end, with at least ``kills`` kills if it lasts that long; who was hit how often."""
    hit, store = {"driver": 0, "worker": 0, "starts": 0}, config.with_suffix(".db")
    while True:
        process = _driver(config)
        hit["starts"] += 1
        while process.poll() is None and hit["driver"] + hit["worker"] < kills:
            # Some architectures further on, then at any moment of what follows.
            _wait(process, store, _done(store) + draw.expovariate(kills / architectures / 0.8))
            time.sleep(draw.random())
            workers = _descendants(process.pid)
            if draw.random() < 0.75 and workers:
                _kill(draw.choice(workers))
                hit["worker"] += 1
            elif process.poll() is None:
                _kill(process.pid)
                hit["driver"] += 1
        if process.wait() == 0:
            return hit


def _wait(process: subprocess.Popen[bytes], store: Path, architectures: float) -> None:
    while process.poll() is None and _done(store) < architectures:
        time.sleep(0.05)


def _done(store: Path) -> int:
    try:
        with closing(open_to_read(store, STORE)) as connection:
            return counts(connection).done
    except StoreError:  # not there yet
        return 0


def _driver(config: Path) -> subprocess.Popen[bytes]:
    with config.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "naslib_zc_plugin", "score", str(config)], stderr=log, stdout=log
        )


def _descendants(pid: int) -> list[int]:
    """The process that the workers are forks of, if it is there, and they."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [each for word in found.stdout.split() for each in (int(word), *_descendants(int(word)))]


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # gone before it was killed
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
