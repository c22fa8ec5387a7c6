"""``--write`` writes the record; ``--against WORKTREE`` compares this tree with another on this machine, bit by bit."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]


def recorded(tree: Path, wanted: str) -> dict[str, Any]:
    """The record of a tree's package, made by this lock in a process of its own."""
    from . import record

    environment = {
        **os.environ,
        "PYTHONPATH": f"{tree}{os.pathsep}{TESTS}",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.json.gz"
        words = [sys.executable, "-m", "lock", "--write", str(path), "--only", wanted]
        subprocess.run(words, cwd=tree, env=environment, check=True)
        return record.read(path)


def main() -> int:
    """Exit code 1: something differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.lock", description=__doc__)
    parser.add_argument("--write", nargs="?", const="", metavar="FILE", help="make the record, numbers.json.gz or FILE")
    parser.add_argument("--against", type=Path, metavar="WORKTREE", help="compare with another tree")
    parser.add_argument("--only", default="", metavar="PREFIX", help="sections whose name begins so")
    parser.add_argument(
        "--stores", nargs="+", metavar="KIND", help="campaign, search, strategies, nni, naslib: were made once"
    )
    words = parser.parse_args()
    from . import compare, record

    if words.write is not None:
        from . import face

        made: dict[str, Any] = {"machine": record.machine(), "entries": dict(record.entries(words.only))}
        if face.strays():
            sys.exit(f"imported from elsewhere than {face.PLACE}: {', '.join(face.strays())}")
        path = Path(words.write) if words.write else record.NUMBERS
        record.write(path, made)
        number = sum(map(len, made["entries"].values()))
        print(f"{number:,} entries of {face.PLACE} in {path}", file=sys.stderr)
        return 0
    if words.stores:
        from . import continued, hosted

        for kind in words.stores:
            (hosted if kind in ("nni", "naslib") else continued).make(kind)
        return 0
    if words.against is None:
        parser.error("--write or --against")
    theirs, ours = (recorded(tree.resolve(), words.only) for tree in (words.against, TESTS.parent))
    found = compare.bitwise(theirs["entries"], ours["entries"])
    print(found.report())
    return 1 if found.differences else 0


if __name__ == "__main__":
    sys.exit(main())
