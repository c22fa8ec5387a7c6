"""Scores in the form of NASLib and NAS-Bench-Suite-Zero (:mod:`.suite`), read without trust, as exports of ours."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks import nasbench201
from naslib_zc_plugin.campaign.parquet import write_parquet
from naslib_zc_plugin.campaign.suite import ACCURACY, NAMES
from naslib_zc_plugin.files import existing, readable, replacing
from naslib_zc_plugin.spaces.nasbench201 import keys

PREFIX = "published_"
"""Of the labels of scores that were read."""

_EXPECTED = "scores in the form of NASLib's zc_<space>.json"
_SENTINEL = -1e8  # NASLib's number for a score that is NaN or infinite
_OURS = {theirs: ours for ours, theirs in NAMES.items()}
_DATASETS = {theirs: ours for ours, theirs in nasbench201.NASLIB.items()}


def import_suite(source: Path, name: str, data: Path) -> list[Path]:
    """Write the scores of a file, as exports that leaderboards and searches read, one for each data set.

    Labels are NASLib's names after ``published_``; accuracies are a column as well. The number -1e8, NaN and
    infinities are undefined scores. Keys are ours in NAS-Bench-201 and NASLib's, with plain numbers, everywhere else.

    Args:
        source: the file.
        name: of its search space.
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
        facts = _facts(source, name, ours, records)
        target = data / name / f"{PREFIX}{ours}.parquet"
        with replacing(target) as draft:
            write_parquet(draft, records, facts)
        written.append(target)
    return written


def _pairs(content: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(content, dict) or not content:
        raise ValueError(f"a mapping that is not empty, not {str(content)[:80]!r}")
    yield from content.items()


def _table(name: str, found: Any) -> list[dict[str, Any]]:
    records: dict[tuple[str, str], dict[str, Any]] = {}
    for text, scores in _pairs(found):
        key = _key(name, text)
        for proxy, score in _pairs(scores):
            record = _record(key, proxy, score)
            if (key, record["proxy"]) in records:
                raise ValueError(f"{proxy} of {text} twice")
            records[key, record["proxy"]] = record
    return [records[place] for place in sorted(records)]


def _key(name: str, text: str) -> str:
    spec = _plain(ast.literal_eval(text))
    return keys.from_naslib(spec) if name == "nasbench201" else str(spec)


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
        "key": key,
        "proxy": PREFIX + proxy,
        "version": 0,
        "value": float(value) if defined else None,
        "status": "ok" if defined else "undefined",
        "reason": "" if defined else f"published as {value:g}",
        "seconds": seconds,
    }


def _facts(source: Path, name: str, dataset: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    labels = dict.fromkeys(record["proxy"] for record in records)
    proxies = {
        label: {
            "name": _OURS.get(label[len(PREFIX) :], label[len(PREFIX) :]),
            "version": 0,
            "higher_is_better": True,
            "options": {},
        }
        for label in labels
    }
    truth = nasbench201.naslib_accuracy(dataset) if name == nasbench201.TABLE.name else None
    return {
        "space": name,
        "dataset": dataset,
        "architectures": len({record["key"] for record in records}),
        "preset": {"name": "published"},
        "source": source.name,
        "truth": truth,
        "proxies": proxies,
    }
