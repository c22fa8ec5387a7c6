"""The pages of docs/results say what the committed scores give.

A page's tables are computed again only where something behind them has changed: the page, the scores and printed
values, the benchmarks' tables, or the code that makes tables of them. ``fingerprints.json`` holds a hash of all that
for each page that was right. ``python -m tests.examples.pages`` computes the other pages and renews their hashes.
"""

from __future__ import annotations

import json
import sys
import warnings
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Callable

from tests.examples import EXAMPLES, example

ROOT = EXAMPLES.parent
RESULTS = ROOT / "docs" / "results"
KNOWN = Path(__file__).with_name("fingerprints.json")
BENCHMARKS = ("flexibert", "nasbench101", "nasbench201", "nasbench_nlp", "timm")


def _epsilon(data: Path) -> dict[str, str]:
    module = example("epsilon_results")
    return module.tables(module.Results(data, RESULTS))


def _nasbench201(data: Path) -> dict[str, str]:
    module = example("nasbench201_results")
    return module.tables(module.Results(data, RESULTS / "scores"))


def _gradalign(data: Path) -> dict[str, str]:
    module = example("gradalign_results")
    return module.tables(module.Results(data, RESULTS))


def _flexibert(data: Path) -> dict[str, str]:
    module = example("flexibert_results")
    return module.tables(module.Results(data, RESULTS))


PAGES: dict[str, tuple[str, Callable[[Path], dict[str, str]]]] = {
    "epsilon": ("epsilon_results", _epsilon),
    "flexibert": ("flexibert_results", _flexibert),
    "frontier": ("frontier_results", lambda data: example("frontier_results").tables(data, RESULTS)),
    "gradalign": ("gradalign_results", _gradalign),
    "nasbench201": ("nasbench201_results", _nasbench201),
    "nasbench_nlp": ("nlp_results", lambda data: example("nlp_results").tables(data, RESULTS)),
    "timm": ("timm_results", lambda data: example("timm_results").tables(data, RESULTS)),
}
"""Page → the example that makes it, and its tables."""


def check(page: str, data: Path) -> None:
    """Assert that the page holds the tables of the committed scores."""
    if known().get(page) == fingerprint(page, data):
        return
    assert is_right(page, data), f"docs/results/{page}.md says something else than the scores: make it again"
    warnings.warn(f"{page}.md was computed again: python -m tests.examples.pages renews its hash", stacklevel=2)


def is_right(page: str, data: Path) -> bool:
    """Whether the page's tables are those of the committed scores."""
    text = (RESULTS / f"{page}.md").read_text(encoding="utf-8")
    replaced: Callable[..., str] = example("result_pages").replaced
    return replaced(text, PAGES[page][1](data)) == text


def known() -> dict[str, str]:
    """The hashes of the pages that were right."""
    return json.loads(KNOWN.read_text(encoding="utf-8")) if KNOWN.exists() else {}


def fingerprint(page: str, data: Path) -> str:
    """A hash of the page and of all that is behind it."""
    code = [EXAMPLES / f"{PAGES[page][0]}.py", EXAMPLES / "result_pages.py", ROOT / "naslib_zc_plugin" / "table.py"]
    code += [path for path in (ROOT / "naslib_zc_plugin" / "report").glob("*.py") if path.stem != "cost"]
    return _hash((RESULTS / f"{page}.md", *sorted(code))) + _numbers(data)


@cache
def _numbers(data: Path) -> str:
    folders = [RESULTS / "scores", RESULTS / "printed", *(data / name for name in BENCHMARKS)]
    return _hash(tuple(sorted(path for folder in folders for path in folder.glob("*") if path.is_file())))


def _hash(paths: tuple[Path, ...]) -> str:
    found = sha256()
    for path in paths:
        found.update(path.name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    return found.hexdigest()[:24]


def main() -> None:
    """Compute the pages whose hash is old, and renew it where they are right."""
    data = next(folder for folder in (ROOT.parent / "shared", ROOT / "shared") if folder.is_dir()) / "data"
    hashes = known()
    for page in PAGES:
        now = fingerprint(page, data)
        if hashes.get(page) != now:
            if is_right(page, data):
                hashes[page] = now
            found = "renewed" if hashes.get(page) == now else "says something else than the scores"
            sys.stdout.write(f"{page}: {found}\n")
    KNOWN.write_text(json.dumps(hashes, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
