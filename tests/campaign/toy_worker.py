"""A scoring process without torch, for tests of those that watch it: made-up scores, and the harm that a key names.

It speaks the lines of :mod:`naslib_zc_plugin.campaign.worker`, and starts in a few hundredths of a second. The engine
``toy``, which the fixture of that name registers, is the local one with these processes.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from naslib_zc_plugin.campaign.config import Config
    from naslib_zc_plugin.campaign.engines.local import LocalEngine

COMMAND = (sys.executable, "-m", "tests.campaign.toy_worker")


def value(key: str, label: str) -> float:
    """Return a number in [0, 1) with all its 53 bits, the same everywhere."""
    (bits,) = struct.unpack("<Q", hashlib.blake2b(f"{key} {label}".encode(), digest_size=8).digest())
    return float((bits >> 11) / 2**53)


def engine(config: Config, workers: int = 1) -> LocalEngine:
    """Start the local engine with processes of this module."""
    from naslib_zc_plugin.campaign.engines.local import LocalEngine

    return LocalEngine(config, workers, COMMAND)


def outcome(task: dict[str, Any]) -> dict[str, Any]:
    """Do the harm, or return made-up scores."""
    harm = task["key"].partition("-")[0]
    if harm == "hang":
        time.sleep(1000)
    elif harm in ("segfault", "killed"):
        os.kill(os.getpid(), signal.SIGSEGV if harm == "segfault" else signal.SIGKILL)
    elif harm == "crash":
        os._exit(3)
    status, reason = ("failed", f"{harm}: made up") if harm in ("memory", "unbuildable") else ("ok", "")
    rows = [
        {"label": label, "value": None if reason else value(task["key"], label), "status": status, "reason": reason,
         "seconds": 0.5}
        for label in task["labels"]
    ]  # fmt: skip
    return {"key": task["key"], "rows": rows, "seconds": 1.0, "memory": 2**21, "exhausted": harm == "memory"}


def _read(inbox: Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        inbox.put(json.loads(line))
    os._exit(0)


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    setup = json.loads(sys.stdin.readline())
    shown, inbox = setup["images"], Queue[dict[str, Any]]()
    if not (Path(shown).exists() if isinstance(shown, str) else shown["classes"]):
        print(json.dumps({"refused": f"DataError: {shown}: made up"}), flush=True)
        return
    threading.Thread(target=_read, args=(inbox,), daemon=True).start()
    answer: dict[str, Any] = {"ready": True}
    while not answer.get("exhausted"):
        print(json.dumps(answer), flush=True)
        task = inbox.get()
        time.sleep(setup["network"].get("slow", 0))
        answer = outcome(task)
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
