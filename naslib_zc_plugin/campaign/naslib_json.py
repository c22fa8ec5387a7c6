"""Scores in the form of NASLib and NAS-Bench-Suite-Zero, ``zc_<space>.json``: written, and read without trust.

``{data set: {architecture: {proxy: {"score": …, "time": …}, "val_accuracy": …}}}``, where an architecture is the text
of NASLib's spec, such as ``(4, 0, 3, 1, 4, 3)``, and times are seconds. Data sets and proxies have NASLib's names, and
scores are as NASLib's code takes them (:func:`naslib_number`). Parameters and FLOPs are single ones, not millions.
"""

from __future__ import annotations

import ast
import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from naslib_zc_plugin.benchmarks import BENCHMARKS, benchmark, list_benchmarks, nasbench201
from naslib_zc_plugin.files import DataError, existing, path_part, readable, real_number, replacing, shown
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.files.texts import JsonText
from naslib_zc_plugin.protocols import protocol
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.spaces.nasbench201 import keys
from naslib_zc_plugin.store.parquet import write_parquet

NAMES = {"naswot": "nwot"}
"""Our name of a proxy → NASLib's, if they differ."""
ACCURACY = "val_accuracy"
_LIMIT = 1e30
PREFIX = "published_"
"""Prefix of the labels of scores that were read."""

_EXPECTED = "scores in the form of NASLib's zc_<space>.json"
_SENTINEL = -1e8  # NASLib's number for a score that is NaN or infinite
_OURS = {theirs: ours for ours, theirs in NAMES.items()}
_DATASETS = {theirs: ours for ours, theirs in nasbench201.NASLIB.items()}
_LIMITS = Limits(rows=1_000_000)
_EMPTY = "a mapping that is not empty, not {}"
_LONGEST = 4096  # characters of an architecture
_PROXIES, _OF_SCORE = 1000, 24  # of a data set; bytes of memory


def naslib_number(proxy: str, version: int, higher_is_better: bool, value: float) -> float:
    """Return a score as NASLib's files have it: higher is better, and a number in single precision.

    Synaptic flow is its logarithm, as NASLib writes it; numbers beyond ±1e30 are cut there.

    Args:
        proxy: its name.
        version: of the proxy; 0: the number is NASLib's already.
        higher_is_better: the proxy's direction.
        value: the score, finite.
    """
    if version and proxy in protocol("naslib").logs and value > 0:
        value = math.log(value)
    return min(max(value if higher_is_better else -value, -_LIMIT), _LIMIT)


def below(low: float, high: float) -> float:
    """Return the number of an undefined score among others: below the lowest by a tenth of their range.

    The distance is at least half a millionth of the lowest, since NASLib ranks in single precision.

    Args:
        low: the lowest of the others, as :func:`naslib_number` gives them.
        high: the highest.
    """
    return low - max((high - low) / 10 or 1, abs(low) / 2e6)


def write_suite(
    draft: Path, records: Iterable[Mapping[str, Any]], facts: Mapping[str, Any], data: str | Path | None = None
) -> int:
    """Write records of a store, and return the number of scores.

    Undefined scores are left out, which NASLib's readers do not expect:
    :func:`naslib_zc_plugin.hosts.naslib.zc_api` ranks them last instead. A proxy that has another name in NASLib is
    there under both.

    Args:
        draft: the file.
        records: of a store.
        facts: of the store.
        data: a data directory, for the accuracies; there are none without.

    Raises:
        DataError: the data directory has no table of the space.
    """
    name = getattr(space(facts["space"]), "naslib_key", str)
    accuracies = accuracies_of(facts, data) if data is not None else {}
    scores: dict[str, dict[str, Any]] = {}
    count = 0
    for record in records:
        if record["status"] == "ok":
            found = scores.setdefault(name(record["key"]), {})
            label = record["proxy"]
            one = facts["proxies"][label]
            value = naslib_number(one["name"], one["version"], one["higher_is_better"], record["value"])
            found[label] = found[NAMES.get(label, label)] = {"score": value, "time": record["seconds"]}
            if record["key"] in accuracies:
                found[ACCURACY] = accuracies[record["key"]]
            count += 1
    dataset = nasbench201.NASLIB.get(facts["dataset"], facts["dataset"])
    draft.write_text(json.dumps({dataset: scores}), encoding="utf-8")
    return count


def accuracies_of(facts: Mapping[str, Any], data: str | Path | None) -> dict[str, float]:
    """Return NASLib's validation accuracy, by key, for a campaign's space and data set.

    Raises:
        ValueError: the space's benchmark has none that NASLib knows.
        DataError: the data directory has no table of the space.
    """
    column = nasbench201.naslib_accuracy(facts["dataset"]) if facts["space"] == nasbench201.TABLE.name else None
    if column is None:
        raise ValueError(
            f"NASLib's files have no accuracies of {facts['space']} on {facts['dataset']}; they do of nasbench201 on "
            f"{', '.join(nasbench201.NASLIB)}"
        )
    return benchmark(facts["space"], data).column(column)


# Reading --------------------


def import_suite(source: Path, name: str, data: Path) -> list[Path]:
    """Write the scores of a file, as exports that leaderboards and searches read, one for each data set.

    Labels are NASLib's names after ``published_``; accuracies are a column as well. The number -1e8, NaN and
    infinities are undefined scores. Keys are ours in NAS-Bench-201 and NASLib's, with plain numbers, everywhere else.

    Args:
        source: the file.
        name: the name of its search space.
        data: the data directory to write to.

    Returns:
        The files written, ``<data>/<name>/published_<data set>.parquet``, each whole.

    Raises:
        DataError: no such file, one that holds something else or is more than the limits, a name of a space or of a
            data set that is no part of a path, or a benchmark's table in the place of a file to write.
        ImportError: pyarrow is not installed.
    """
    path_part(source, name, "the name of a search space")
    meter = Meter(existing(source, _EXPECTED), _LIMITS)
    with readable(source, _EXPECTED), source.open(encoding="utf-8") as file:
        tables = dict(_tables(source, name, JsonText(file, meter), meter))
    targets = {data / name / f"{PREFIX}{dataset}.parquet": dataset for dataset in tables}
    for other in list_benchmarks():
        with suppress(TypeError):  # of another distribution, which cannot be loaded
            if data / BENCHMARKS.load(other).file in targets:
                raise DataError(source, "other data sets", f"one whose scores would replace the table of {other}")
    for target, dataset in targets.items():
        with replacing(target) as draft:
            write_parquet(draft, tables[dataset].records(), _facts(source, name, dataset, tables[dataset]))
    return list(targets)


@dataclass
class _Scores:
    """The scores of a data set: for each the numbers of its key and proxy, the score, and seconds or NaN."""

    keys: dict[str, int] = field(default_factory=dict)
    proxies: dict[str, int] = field(default_factory=dict)
    places: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    seconds: array[float] = field(default_factory=lambda: array("d"))

    def add(self, key: str, proxy: str, value: float, seconds: float | None) -> None:
        """Add a score."""
        row = self.keys.setdefault(key, len(self.keys))
        self.places.append(row * _PROXIES + self.proxies.setdefault(proxy, len(self.proxies)))
        self.values.append(value)
        self.seconds.append(math.nan if seconds is None else seconds)

    def check(self) -> None:
        """Raise ``ValueError`` unless there are scores, each once, of few proxies."""
        if not self.places:
            raise ValueError(_EMPTY)
        if len(self.proxies) > _PROXIES:
            raise ValueError(f"more than {_PROXIES} proxies")
        places, counts = np.unique(np.frombuffer(self.places, np.int64), return_counts=True)
        if (counts > 1).any():
            key, proxy = divmod(int(places[counts.argmax()]), _PROXIES)
            raise ValueError(f"{list(self.proxies)[proxy]} of {list(self.keys)[key]} twice")

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the records, by key and proxy."""
        keys, proxies = list(self.keys), list(self.proxies)
        of_row: dict[int, list[int]] = {}
        for number, place in enumerate(self.places):
            of_row.setdefault(place // _PROXIES, []).append(number)
        for row in sorted(of_row, key=keys.__getitem__):
            for number in sorted(of_row[row], key=lambda number: proxies[self.places[number] % _PROXIES]):
                value, seconds = self.values[number], self.seconds[number]
                defined = math.isfinite(value) and value != _SENTINEL
                yield {
                    "key": keys[row], "proxy": PREFIX + proxies[self.places[number] % _PROXIES], "version": 0,
                    "value": value if defined else None, "status": "ok" if defined else "undefined",
                    "reason": "" if defined else f"published as {value:g}",
                    "seconds": seconds if seconds == seconds else None,
                }  # fmt: skip


def _tables(source: Path, name: str, text: JsonText, meter: Meter) -> Iterator[tuple[str, _Scores]]:
    """Yield the scores of each data set, of which one architecture at a time is read.

    Raises:
        ValueError: the text has another form.
    """
    seen: set[str] = set()
    for theirs in _names(text):
        dataset = _DATASETS.get(theirs, theirs)
        path_part(source, dataset, "the name of a data set")
        if dataset.casefold() in seen:
            raise ValueError(f"the data set {dataset} twice")
        seen.add(dataset.casefold())
        scores = _Scores()
        for architecture in _names(text):
            key = _key(name, architecture)
            found = text.value("{")
            if not found:
                raise ValueError(_EMPTY)
            meter.take("rows")
            meter.take("memory", 2 * len(key) + _OF_SCORE * len(found))
            for proxy, score in found.items():
                proxy.encode()  # half of a character cannot be written
                value, seconds = (score, None) if proxy == ACCURACY else (score["score"], score["time"])
                try:
                    scores.add(key, proxy, real_number(value), None if seconds is None else real_number(seconds))
                except (TypeError, ValueError) as error:
                    raise ValueError(f"{proxy} is {shown(score)}") from error
        scores.check()
        yield dataset, scores
    if not seen:
        raise ValueError("no data set")
    if text.peek():
        raise ValueError("more after its end")


def _names(text: JsonText) -> Iterator[str]:
    """Yield the names in the object that comes next; the caller takes the value of each."""
    text.take("{")
    if text.peek() == "}":
        raise ValueError(_EMPTY)
    separator = ","
    while separator == ",":
        found = text.value('"')
        text.take(":")
        yield found
        separator = text.take(",}")


def _key(name: str, text: str) -> str:
    """Return the key of an architecture, whose text is a literal of Python."""
    if len(text) > _LONGEST:
        raise ValueError(f"an architecture of {len(text):,} characters")
    try:
        spec = _plain(ast.literal_eval(text))
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"{shown(text)} as an architecture: {error}") from error
    return keys.from_naslib(spec) if name == "nasbench201" else str(spec)


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_plain(each) for each in value)
    if type(value) not in (int, str):
        raise ValueError(f"an architecture holds numbers, not {shown(value)}")
    return value


def _facts(source: Path, name: str, dataset: str, scores: _Scores) -> dict[str, Any]:
    proxies = {
        PREFIX + theirs: {"name": _OURS.get(theirs, theirs), "version": 0, "higher_is_better": True, "options": {}}
        for theirs in sorted(scores.proxies)
    }
    truth = nasbench201.naslib_accuracy(dataset) if name == nasbench201.TABLE.name else None
    return {
        "space": name, "dataset": dataset, "architectures": len(scores.keys), "preset": {"name": "published"},
        "source": source.name, "truth": truth, "proxies": proxies,
    }  # fmt: skip
