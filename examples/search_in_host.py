"""Runs searches in our own loop and in a host's, and compares their evaluations, step by step.

    python examples/search_in_host.py configs/search_*.yaml --host naslib --data DIR

One repeat of every search of each configuration: first by ``host: none``, then by ``host: nni``, which is NNI's
``NasExperiment`` in its NasBench201 space, or by ``host: naslib``, which is NASLib's ``Trainer`` with its graph of
NAS-Bench-201 (with NASLib on ``PYTHONPATH``). Prints a line per search, and ends with 1 if a history differs. A search
whose scores are missing is named and left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from naslib_zc_plugin.search import LoadedSearch, load_data, run_experiment
from naslib_zc_plugin.search.config import Experiment, SearchConfig, load_experiment, select_searches
from naslib_zc_plugin.search.journal import Entry, Journal, histories
from naslib_zc_plugin.search.loop import HOSTS


def history(search: LoadedSearch, host: str, folder: Path) -> tuple[list[Entry], float]:
    """Return the evaluations of one repeat in the loop of a host, and the seconds that passed."""
    hosted = replace(search, config=search.config.model_copy(update={"host": host, "repeats": 1}))
    path = folder / f"{host}.db"
    start = time.perf_counter()
    with Journal(path) as journal:
        run_experiment([hosted], journal)
    return histories(path)[search.config.label].get(0, []), time.perf_counter() - start


def compared(search: LoadedSearch, host: str) -> tuple[bool, str]:
    """Return whether both loops evaluate the same architectures, with the same fitness and clock, and a line on it."""
    with tempfile.TemporaryDirectory() as folder:
        (ours, own), (theirs, other) = (history(search, loop, Path(folder)) for loop in ("none", host))
    took = f"{own:.1f} s in our loop, {other:.1f} s in that of {host}"
    if ours == theirs:
        return True, f"the same {len(ours):,} evaluations; {took}"
    step = next((n for n, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1]), min(len(ours), len(theirs)))
    shown = (entries[step] if step < len(entries) else "nothing" for entries in (ours, theirs))
    return False, f"DIFFERENT from step {step} of {len(ours):,} and {len(theirs):,}: {' | '.join(map(str, shown))}"


def ready(experiment: Experiment, search: SearchConfig, data: Path | None) -> LoadedSearch | str:
    """Return the search with all that it needs, or a text about the missing part."""
    try:
        (prepared,) = load_data(select_searches(experiment, [search.label]), data)
    except ValueError as error:
        return str(error)
    return prepared


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", type=Path, nargs="+", metavar="CONFIG")
    parser.add_argument("--host", required=True, choices=[host for host in HOSTS.names() if host != "none"])
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    same = left = different = 0
    for config in arguments.configs:
        experiment = load_experiment(config, arguments.data)
        for search in experiment.searches:
            found = ready(experiment, search, arguments.data)
            if isinstance(found, str):
                left += 1
                print(f"{config.stem}: {search.label}: left out: {found}", flush=True)
                continue
            equal, line = compared(found, arguments.host)
            same, different = same + equal, different + (not equal)
            print(f"{config.stem}: {search.label}: {line}", flush=True)
    print(f"{same} searches with the same history in both loops, {different} with another, {left} left out")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
