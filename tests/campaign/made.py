"""Stores with made-up scores, without a worker: what the tests of the store, its exports and merges fill it with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from naslib_zc_plugin.campaign.engines import Outcome, Row
from naslib_zc_plugin.campaign.store import Store
from tests.campaign.toy_worker import value

LABELS = ("naswot", "snip", "zen")


def facts(labels: Sequence[str] = LABELS, **changes: Any) -> dict[str, Any]:
    """What a campaign on the toy space would declare."""
    proxies = {label: {"name": label, "version": 1, "higher_is_better": True, "options": {}} for label in labels}
    plain = {"space": "toy", "dataset": "digits", "architectures": "all", "seed": 0, "threads": 1, "truth": "none"}
    return {**plain, "proxies": proxies, **changes}


ORIGIN: Mapping[str, Any] = {"device": "cpu", "threads": 1, "seed": 0, "torch": "2", "package": "0"}


def ok(key: str, label: str, seconds: float = 0.5) -> Row:
    """A score."""
    return Row(label, value(key, label), "ok", "", seconds)


def scored(key: str, labels: Sequence[str] = LABELS, seconds: float = 2.0) -> Outcome:
    """All scores of an architecture."""
    return Outcome(key, tuple(ok(key, label) for label in labels), seconds, 10**6)


def fill(path: Path, outcomes: Iterable[Outcome], labels: Sequence[str] = LABELS, **changes: Any) -> Path:
    """A closed store with these outcomes, each in a transaction."""
    with Store(path) as store:
        store.declare(facts(labels, **changes))
        for outcome in outcomes:
            store.ask({outcome.key: outcome.key}, labels)
            store.add([outcome], ORIGIN)
    return path


def content(path: Path) -> dict[tuple[str, str], tuple[float | None, str, str]]:
    """Value, status and reason of every score that a store exports."""
    from naslib_zc_plugin.campaign.store import records

    return {(one["key"], one["proxy"]): (one["value"], one["status"], one["reason"]) for one in records(path)}


def expected(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], tuple[float | None, str, str]]:
    """What :func:`content` gives of a store with these outcomes."""
    return {(one.key, row.label): (row.value, row.status, row.reason) for one in outcomes for row in one.rows}
