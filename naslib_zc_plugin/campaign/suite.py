"""Scores in the form of NASLib and NAS-Bench-Suite-Zero, ``zc_<space>.json``: names, and how they are written.

``{data set: {architecture: {proxy: {"score": …, "time": …}, "val_accuracy": …}}}``, where an architecture is the text
of NASLib's spec, such as ``(4, 0, 3, 1, 4, 3)``, and times are seconds. Data sets and proxies have NASLib's names, and
scores are as NASLib's code takes them (:func:`naslib_number`). Parameters and FLOPs are single ones, not millions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks import benchmark, nasbench201
from naslib_zc_plugin.protocols import protocol
from naslib_zc_plugin.spaces import space

NAMES = {"naswot": "nwot"}
"""Our name of a proxy → NASLib's, where it is another."""
ACCURACY = "val_accuracy"
_LIMIT = 1e30


def naslib_number(proxy: str, version: int, higher_is_better: bool, value: float) -> float:
    """A score as NASLib's files have it: higher is better, and a number in single precision.

    Synaptic flow is its logarithm, as NASLib writes it; what goes beyond ±1e30 is cut there.

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
    """The number of an undefined score among others: below the lowest by a tenth of their range.

    And by half a millionth of itself at least, since NASLib ranks in single precision.

    Args:
        low: the lowest of the others, as :func:`naslib_number` gives them.
        high: the highest.
    """
    return low - max((high - low) / 10 or 1, abs(low) / 2e6)


def write_suite(
    draft: Path, records: Iterable[Mapping[str, Any]], facts: Mapping[str, Any], data: str | Path | None = None
) -> int:
    """Write records of :mod:`.export`; returns how many scores.

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
    """What NASLib calls validation accuracy, by key, for a campaign's space and data set.

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
