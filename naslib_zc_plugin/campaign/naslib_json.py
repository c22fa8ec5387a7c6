"""Scores in the form of NASLib and NAS-Bench-Suite-Zero, ``zc_<space>.json``: written, and read without trust.

``{data set: {architecture: {proxy: {"score": …, "time": …}, "val_accuracy": …}}}``, where an architecture is the text
of NASLib's spec, such as ``(4, 0, 3, 1, 4, 3)``, and times are seconds. Data sets and proxies have NASLib's names, and
scores are as NASLib's code takes them (:func:`naslib_number`). Parameters and FLOPs are single ones, not millions.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks import benchmark, nasbench201
from naslib_zc_plugin.files import existing, readable, replacing
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
        DataError: no such file, or one that holds something else.
        ImportError: pyarrow is not installed.
    """
    with readable(existing(source, _EXPECTED), _EXPECTED):
        try:
            content = json.loads(source.read_text(encoding="utf-8"))
            tables = {dataset: _table(name, found) for dataset, found in _pairs(content)}
        except (AttributeError, RecursionError, SyntaxError, TypeError) as error:
            raise ValueError(str(error)) from error
        if not tables:
            raise ValueError("no data set")
    written = []
    for dataset, records in tables.items():
        ours = _DATASETS.get(dataset, dataset)
        written.append(data / name / f"{PREFIX}{ours}.parquet")
        with replacing(written[-1]) as draft:
            write_parquet(draft, records, _facts(source, name, ours, records))
    return written


def _pairs(content: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(content, dict) or not content:
        raise ValueError(f"a mapping that is not empty, not {str(content)[:80]!r}")
    yield from content.items()


def _table(name: str, found: Any) -> list[dict[str, Any]]:
    records: dict[tuple[str, str], dict[str, Any]] = {}
    for text, scores in _pairs(found):
        spec = _plain(ast.literal_eval(text))
        key = keys.from_naslib(spec) if name == "nasbench201" else str(spec)
        for proxy, score in _pairs(scores):
            record = _record(key, proxy, score)
            if (key, record["proxy"]) in records:
                raise ValueError(f"{proxy} of {text} twice")
            records[key, record["proxy"]] = record
    return [records[place] for place in sorted(records)]


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_plain(each) for each in value)
    if type(value) not in (int, str):
        raise ValueError(f"an architecture holds numbers, not {value!r}")
    return value


def _record(key: str, proxy: str, score: Any) -> dict[str, Any]:
    value, seconds = (score, None) if proxy == ACCURACY else (score["score"], score["time"])
    if not all(type(each) in (int, float) or (each is None and each is seconds) for each in (value, seconds)):
        raise ValueError(f"{proxy} is {score!r}")
    defined = math.isfinite(value) and value != _SENTINEL
    return {
        "key": key, "proxy": PREFIX + proxy, "version": 0, "value": float(value) if defined else None,
        "status": "ok" if defined else "undefined", "reason": "" if defined else f"published as {value:g}",
        "seconds": seconds,
    }  # fmt: skip


def _facts(source: Path, name: str, dataset: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    proxies = {}
    for label in dict.fromkeys(record["proxy"] for record in records):
        theirs = label[len(PREFIX) :]
        proxies[label] = {"name": _OURS.get(theirs, theirs), "version": 0, "higher_is_better": True, "options": {}}
    truth = nasbench201.naslib_accuracy(dataset) if name == nasbench201.TABLE.name else None
    return {
        "space": name, "dataset": dataset, "architectures": len({record["key"] for record in records}),
        "preset": {"name": "published"}, "source": source.name, "truth": truth, "proxies": proxies,
    }  # fmt: skip
