"""How the stores of this folder were made, and are continued: by the command line, and as NNI does.

``python -m tests.lock --stores`` made them, once, at the commit that brought them. They are not made again.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import histories

STORES = Path(__file__).parent / "stores"
MADE_WITH = "2.13.0+cpu"
"""The torch with which the stores were made."""
STOPPED = 75
"""Exit code of a command that was stopped and can go on."""
COUNTED = {"campaign": "SELECT COUNT(*) FROM score", "search": "SELECT COUNT(*) FROM evaluation"}
HALF = {"campaign": 8 * 9, "search": 80}
HISTORY = """
SELECT s.label, e.repeat, e.step, a.key, e.fitness
FROM evaluation e JOIN search s ON s.id = e.search JOIN architecture a ON a.id = e.architecture
ORDER BY s.label, e.repeat, e.step
"""


def command(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A command of the package, begun in a folder on one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TERM": "dumb"}
    line = [sys.executable, "-m", "naslib_zc_plugin", *words]
    return subprocess.Popen(
        line, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def go_on(folder: Path, kind: str) -> None:
    """Run what is left of the campaign or of the searches in a folder."""
    process = command(folder, {"campaign": "score", "search": "search"}[kind], f"{kind}.yaml")
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0, text


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """What a query finds in a store."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.execute(query))


def campaign_rows(folder: Path) -> list[list[str]]:
    """The scores of a campaign as its export has them: key, proxy, version, value, status."""
    process = command(folder, "export", "campaign.db", "exported.csv", "--canonical")
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    with (folder / "exported.csv").open(encoding="utf-8", newline="") as file:
        return [row[:5] for row in csv.reader(file)][1:]  # reasons may be worded otherwise


def search_rows(folder: Path) -> list[list[str]]:
    """The history of all searches: label, repeat, step, key, fitness."""
    return [[*map(str, row[:4]), repr(row[4])] for row in rows(folder / "search.db", HISTORY)]


HELD = {"campaign": campaign_rows, "search": search_rows}


def on_this_torch(folder: Path, kind: str) -> None:
    """Let a copied store say that it was made by the torch that is there: otherwise it is, rightly, refused."""
    table = {"campaign": "UPDATE fact SET value = ", "search": "UPDATE search SET facts = "}[kind]
    column = table.split()[-2]
    with closing(sqlite3.connect(folder / f"{kind}.db")) as connection, connection:
        connection.execute(f"{table}replace({column}, ?, ?)", (f'"{MADE_WITH}"', f'"{version("torch")}"'))


def strategy_states() -> dict[str, Any]:
    """By strategy: its state after 30 steps in NAS-Bench-201, and the keys of the 30 that follow."""
    found: dict[str, Any] = json.loads(gzip.decompress((STORES / "strategies.json.gz").read_bytes()))
    return found


def make_strategies() -> None:
    """Stop each strategy half way, keep its state; go on, keep the keys."""
    found = {}
    for label, make_one in histories.strategies().items():
        if " as " not in label:
            search = make_one("nasbench201")
            histories.history(search, 30)
            state = json.loads(json.dumps(search.state_dict()))
            found[label] = {"state": state, "next": histories.history(search, 30)}
    text = json.dumps(found, separators=(",", ":"))
    (STORES / "strategies.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def make(kind: str) -> None:
    """Begin, stop half way, keep that; go on to the end, keep what is then held."""
    if kind == "strategies":
        return make_strategies()
    folder = STORES / "made"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(STORES / f"{kind}.yaml", folder)
    store, name = folder / f"{kind}.db", {"campaign": "score", "search": "search"}[kind]
    process = command(folder, name, f"{kind}.yaml")
    while process.poll() is None and _number(store, kind) < HALF[kind]:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate()
    assert process.returncode == STOPPED, text
    shutil.copy(store, STORES)
    print(kind, "stopped with", _number(store, kind), "rows")
    go_on(folder, kind)
    held = HELD[kind](folder)
    print(kind, "done with", len(held), "rows")
    with (STORES / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(held)
    return shutil.rmtree(folder)


def _number(store: Path, kind: str) -> int:
    try:
        return int(str(rows(store, COUNTED[kind])[0][0])) if store.exists() else 0
    except sqlite3.Error:
        return 0
