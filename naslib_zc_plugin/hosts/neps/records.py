"""What a run's proxy found, beside NePS's own files: one line of JSON for each network scored and each trial proposed.

NePS lets an optimizer keep nothing with a trial, and compares its options when a run goes on. So scores lie in
``proxy_scores.jsonl`` in the run's directory, written while NePS holds the lock of its optimizer. A line that a killed
process left unfinished is read as if it were not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neps.state import NePSState

from naslib_zc_plugin.strategies import ProxyAgreement, proxy_agreement

FILE = "proxy_scores.jsonl"


@dataclass(frozen=True)
class TrialScore:
    """A trial that an optimizer of ours proposed.

    Attributes:
        trial: NePS's id of it.
        by: ``"warm_up"``, ``"candidates"``, or the optimizer inside alone: ``"around"``, or ``"control"`` where it was
            scored to see whether the proxy is of use.
        network: the name of its network.
        score: of the proxy, higher is better; None: there is none, or it was not asked for.
    """

    trial: str
    by: str
    network: str
    score: float | None


class RunRecord:
    """The lines of a run, read as they come and added one by one; without a file they are kept in memory only.

    >>> from naslib_zc_plugin.hosts.neps.records import RunRecord  # doctest: +SKIP
    >>> RunRecord().add({"trial": "1"})  # doctest: +SKIP
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self._read = 0  # bytes
        self._torn = False

    def open(self, folder: Path | None) -> None:
        """Name the run's directory, once it is known."""
        if folder is not None and self.path is None:
            self.path = folder / FILE

    def news(self) -> Iterator[dict[str, Any]]:
        """Yield the lines that other processes, or this search before it was stopped, have written."""
        if self.path is None or not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                self._torn = not line.endswith(b"\n")
                if self._torn:
                    return  # read again from its start: the rest may come
                self._read += len(line)
                try:
                    found = json.loads(line)
                except ValueError:  # what a killed process left
                    continue
                if isinstance(found, dict):
                    yield found

    def add(self, line: dict[str, Any]) -> None:
        """Add a line at once."""
        if self.path is None:
            return
        text = json.dumps(line, allow_nan=False).encode() + b"\n"
        with self.path.open("ab") as file:
            # A torn line is ended, so that it spoils itself alone.
            file.write(b"\n" + text if self._torn else text)
        self._torn = False


def _lines(root: str | Path) -> Iterator[dict[str, Any]]:
    if not (Path(root) / FILE).exists():
        raise FileNotFoundError(f"{root} holds no {FILE}: no optimizer of ours has run there")
    record = RunRecord()
    record.open(Path(root))
    return record.news()


def read_trials(root: str | Path) -> list[TrialScore]:
    """Return the trials that an optimizer of ours proposed in a run, in their order.

    Args:
        root: the run's directory.

    Raises:
        FileNotFoundError: none has.
    """
    found: dict[str, TrialScore] = {}
    for line in _lines(root):
        if "trial" in line:  # a later one is that of the trial: the process was killed after the first
            found[line["trial"]] = TrialScore(line["trial"], line["by"], line["network"], line["score"])
    return list(found.values())


def read_scores(root: str | Path) -> dict[str, float | None]:
    """Return the proxy's score by trial, higher better; None where there is none; arguments as :func:`read_trials`."""
    return {each.trial: each.score for each in read_trials(root)}


def agreement(root: str | Path) -> ProxyAgreement:
    """Return how well the proxy agrees with the results of a run so far.

    Args:
        root: the run's directory.

    Raises:
        FileNotFoundError: no optimizer of ours has run there.
    """
    scores = read_scores(root)
    trials = NePSState.create_or_load(Path(root), load_only=True).lock_and_read_trials()
    both = [
        (score, -result)
        for name, score in scores.items()
        if score is not None and name in trials and (result := objective(trials[name])) is not None
    ]
    return proxy_agreement([score for score, _ in both], [fitness for _, fitness in both])


def objective(trial: Any) -> float | None:
    """Return what a trial's evaluation gave, lower better; None: it has not ended, has failed, or has several."""
    report = trial.report
    if report is None or report.err is not None or not isinstance(report.objective_to_minimize, (int, float)):
        return None
    return float(report.objective_to_minimize)
