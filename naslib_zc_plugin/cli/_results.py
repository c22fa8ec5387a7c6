"""The quickstart's results: a row per architecture, written as it is done, from which a later run goes on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import naslib_zc_plugin as zc
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

_ADVICE = "--restart begins anew, --output DIR writes elsewhere"
FILES = (
    *("config.json", "scores.csv", "leaderboard.md", "leaderboard.csv", "leaderboard.html"),
    *("scatter.png", "heatmap.png"),
)


@dataclass(frozen=True)
class Row:
    """An architecture, its trained test accuracy (%), its scores (None: none), and why some are missing."""

    architecture: str
    accuracy: float
    scores: Mapping[str, float | None]
    notes: str = ""

    def status(self, name: str) -> int:
        """A proxy's position in :data:`~naslib_zc_plugin.table.STATUSES`."""
        if self.scores[name] is not None:
            return STATUSES.index("ok")
        failed = any(note.startswith(f"{name} failed:") for note in self.notes.split("; "))
        return STATUSES.index("failed" if failed else "undefined")


class Results:
    """``scores.csv`` in a folder, with the configuration that it was made with in ``config.json`` beside it.

    Args:
        folder: made if it is not there.
        proxies: the columns of scores.
        configuration: all that a score or an accuracy depends on, as JSON's plain values.
        restart: forget the results that are there.

    Raises:
        ValueError: the results there were made otherwise, or are no results.
        OSError: the folder cannot be written.
    """

    def __init__(
        self, folder: Path, proxies: Sequence[str], configuration: Mapping[str, Any], restart: bool = False
    ) -> None:
        self._path = folder / "scores.csv"
        self._proxies = list(proxies)
        self._configuration = configuration
        self._header = ["architecture", "accuracy", *proxies, "notes"]
        self.rows: dict[str, Row] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if restart:
            for name in FILES:
                (folder / name).unlink(missing_ok=True)
        if self._path.exists():
            _compare(folder, configuration)
            self._read()
        else:
            text = json.dumps(configuration, indent=1, ensure_ascii=False)
            (folder / "config.json").write_text(text + "\n", encoding="utf-8")
            self._append(self._header)

    def add(self, row: Row) -> None:
        """Write the row, at once."""
        scores = (row.scores[name] for name in self._proxies)
        cells = ["" if value is None else repr(value) for value in (row.accuracy, *scores)]
        self._append([row.architecture, *cells, " ".join(row.notes.split())])
        self.rows[row.architecture] = row

    def table(self, keys: Sequence[str], command: str) -> ScoreTable:
        """The scores of some architectures, with the configuration and the command that made them as facts.

        Costs are not known.
        """
        rows = [self.rows[key] for key in keys]
        columns = {}
        for name in self._proxies:
            values = np.array([np.nan if row.scores[name] is None else row.scores[name] for row in rows], dtype=float)
            status = np.array([row.status(name) for row in rows], dtype=np.uint8)
            info = zc.describe(name)
            unknown = np.full(len(rows), np.nan)
            columns[name] = Column(name, info.version, info.higher_is_better, values, status, unknown)
        return ScoreTable("quickstart", keys, columns, {**self._configuration, "command": command})

    def _append(self, line: Sequence[str]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(line)
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())

    def _read(self) -> None:
        """Take the whole lines; a run that was killed may have left a torn one at the end, which is cut off."""
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            self._path.write_bytes(whole)
        if not whole:
            self._append(self._header)
            return
        header, *lines = csv.reader(io.StringIO(whole.decode("utf-8")))
        if header != self._header:
            raise ValueError(f"{self._path} has other columns than it should: {_ADVICE}")
        for number, line in enumerate(lines, 2):
            self._take(number, line)

    def _take(self, number: int, line: Sequence[str]) -> None:
        try:
            architecture, accuracy, *scores, notes = line
            values = [float(score) if score else None for score in scores]
            if len(values) != len(self._proxies):
                raise ValueError(f"{len(values)} scores for {len(self._proxies)} proxies")
            row = Row(architecture, float(accuracy), dict(zip(self._proxies, values)), notes)
        except ValueError as error:
            raise ValueError(
                f"{self._path}, line {number}: {error}; remove the line, or begin anew with --restart"
            ) from error
        self.rows[architecture] = row


def _compare(folder: Path, configuration: Mapping[str, Any]) -> None:
    path = folder / "config.json"
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name in configuration if before.get(name) != configuration[name]]
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} does not tell how scores.csv beside it was made: {_ADVICE}") from error
    if changed:
        changes = ", ".join(_change(name, before.get(name), configuration[name]) for name in changed)
        raise ValueError(f"{folder} holds results of another configuration ({changes}): {_ADVICE}")


def _change(name: str, before: Any, now: Any) -> str:
    return name if isinstance(now, dict) else f"{name} was {before}, now {now}"
