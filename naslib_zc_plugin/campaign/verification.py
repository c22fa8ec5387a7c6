"""Scores of a file made anew, for a sample of its architectures, by what the file says of how they were made.

:func:`config_of` makes the configuration out of the provenance, and checks that it is the same; :class:`Verification`
scores with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from random import Random
from typing import Any

from naslib_zc_plugin.campaign.config import Config, provenance
from naslib_zc_plugin.campaign.engines import Task
from naslib_zc_plugin.campaign.scorer import Scorer
from naslib_zc_plugin.configuration import check
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import Tokens, probe
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.provenance import contradictions
from naslib_zc_plugin.table import STATUSES, ScoreTable

TOLERANCE = 1e-4
"""How much of itself a score may differ: other processors add in another order, and embedded scores are rounded."""
_NEEDED = ("space", "preset", "images", "dataset", "proxies", "seed", "threads", "device")
_IGNORED = ("torch", "software", "rounded")  # what may differ between two makings of one score
_CHANGES = ("batch_size", "balanced", "augment", "same_batch", "size")  # the protocol's fields that `batch` changes
_MADE = ("ok", "undefined")
_OLD = {"flavour": "variant"}  # an option of networks, by the name that stores have


@dataclass(frozen=True)
class Recomputed:
    """A score of a file, and the one that was made anew.

    Attributes:
        key: the architecture.
        label: of the proxy.
        stored: the file's score, NaN where it is undefined.
        made: the new one, NaN where it has no value.
        status: of the new one.
        reason: why it has no value.
    """

    key: str
    label: str
    stored: float
    made: float
    status: str
    reason: str

    @property
    def difference(self) -> float:
        """The difference as a share of the larger of both; infinite where one has a value and the other has none."""
        if math.isnan(self.stored) and math.isnan(self.made):
            return 0.0 if self.status == "undefined" else math.inf
        return relative_difference(self.stored, self.made)


def relative_difference(first: float, second: float) -> float:
    """Return the difference as a share of the larger of both; infinite if one of them is NaN.

    >>> relative_difference(2.0, 1.0), relative_difference(0.0, 0.0)
    (0.5, 0.0)
    """
    if math.isnan(first) or math.isnan(second):
        return math.inf
    largest = max(abs(first), abs(second))
    return abs(first - second) / largest if largest else 0.0


def config_of(table: ScoreTable, folder: Path, data: Path | None = None) -> Config:
    """Return the configuration of a file's scores, from their provenance.

    Args:
        table: the scores.
        folder: where images or tokens are looked for by the name of their file.
        data: the data directory, in which and in whose ``probes`` they are looked for as well.

    Raises:
        ValueError: the provenance is incomplete, names what is not installed, or does not lead to the same scores, such
            as with images of other content; the message says what.
        DataError: the images or tokens are not there.
    """
    facts = table.facts
    if lacking := [name for name in _NEEDED if name not in facts]:
        raise ValueError(f"{table.name} does not say how its scores were made: it lacks {', '.join(lacking)}")
    try:
        source = _source(facts, folder, data)
        rules, held = facts["preset"], probe(**source)
        declared = {} if facts["dataset"] == PurePath(held.name).stem else {"dataset": facts["dataset"]}
        config = check(
            Config,
            {
                "space": facts["space"], "preset": rules["name"], "seed": facts["seed"], "architectures": "all",
                "tokens" if isinstance(held, Tokens) else "images": {**source, **declared},
                "proxies": [
                    {"name": each["name"], "label": label, **each["options"]}
                    for label, each in facts["proxies"].items()
                ],
                "batch": {name: rules[name] for name in _CHANGES if rules.get(name) is not None},
                "network": {_OLD.get(name, name): value for name, value in facts.get("network", {}).items()},
                "threads": facts["threads"], "device": facts["device"],
            },
            table.name,
        )  # fmt: skip
    except (AttributeError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise ValueError(f"{table.name} does not say how its scores were made: {found}") from error
    _check_device(config)
    before = {name: value for name, value in facts.items() if name not in _IGNORED}
    now = {name: value for name, value in provenance(config).items() if name not in _IGNORED}
    if differences := contradictions(before, now):
        raise ValueError(f"{table.name} was made otherwise than here: {'; '.join(differences.values())}")
    return config


def drawn(table: ScoreTable, number: int, seed: int) -> list[str]:
    """Return random architectures of a table, of those that have a score.

    Raises:
        ValueError: there are none.
    """
    made = [STATUSES.index(status) for status in _MADE]
    keys = [
        key
        for row, key in enumerate(table.keys)
        if any(column.status[row] in made for column in table.columns.values())
    ]
    if not keys:
        raise ValueError(f"{table.name} has no scores")
    return Random(seed).sample(sorted(keys), min(number, len(keys)))


def recompute(table: ScoreTable, config: Config, keys: Sequence[str]) -> Iterator[list[Recomputed]]:
    """Yield for each architecture its scores beside those that are made anew; failed and pending ones are left out.

    Raises:
        ValueError: a key that is not of the space.
    """
    score, canonical = Scorer(config), space(config.space).canonical
    rows = {key: row for row, key in enumerate(table.keys)}
    for key in keys:
        row = rows[key]
        stored = {
            label: float(column.values[row])
            for label, column in table.columns.items()
            if STATUSES[column.status[row]] in _MADE
        }
        made = score(Task(canonical(key), tuple(stored)))
        yield [
            Recomputed(
                key, each.label, stored[each.label], math.nan if each.value is None else each.value, each.status,
                each.reason,
            )
            for each in made.rows
        ]  # fmt: skip


def _source(facts: Mapping[str, Any], folder: Path, data: Path | None) -> dict[str, Any]:
    """Return the source of images or tokens and its options: a file that lies somewhere, or one of the package's."""
    given = facts["images"]
    name = PurePath(str(given["name"])).name
    places = [root / name for root in (folder, *([data, data / "probes"] if data else []))]
    found = next((str(place) for place in places if place.exists()), name)
    try:
        probe(found, **facts.get("image_options", {}))
    except DataError as error:
        if found == name and error.found.startswith("no such"):
            looked = ", ".join(map(str, places))
            raise DataError(name, f"the images or tokens of the scores at one of {looked}", "no such file") from error
        raise
    return {"source": found, **facts.get("image_options", {})}


def _check_device(config: Config) -> None:
    import torch

    if config.device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"the scores were made on {config.device}, which this machine lacks: verify where it is")
