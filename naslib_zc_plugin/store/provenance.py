"""The provenance of results: everything that they depend on, compared before a file is continued.

A campaign's provenance is made by :func:`naslib_zc_plugin.campaign.config.provenance`, a search's by
:mod:`naslib_zc_plugin.search`; both are plain values under names that are stored and never change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from naslib_zc_plugin.probes import Probe, Tokens

EXTENDABLE = ("architectures", "proxies")
"""Entries that may grow in a store (``--extend``) without touching the scores in it."""

DERIVED = ("truth", "singletons", "command", "image_options", "detours")
"""Entries that no score depends on, or that follow from the others or from the scores."""


def digest(shown: Probe | Tokens) -> str:
    """Return the SHA-256 of images and labels, or of tokens and targets; the file's name and format have no part."""
    facts: tuple[Any, ...]
    arrays: tuple[Any, ...]
    if isinstance(shown, Tokens):
        facts, arrays = (shown.tokens.shape, shown.vocabulary_size), (shown.tokens, shown.targets)
    else:
        facts, arrays = (shown.images.shape, str(shown.images.dtype), shown.classes), (shown.images, shown.labels)
    found = hashlib.sha256(repr(facts).encode())
    for array in arrays:
        found.update(b"" if array is None else array.tobytes())
    return found.hexdigest()


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """Return the differences between two provenances, as ``name: before → now``, by the name of the top-level entry.

    Images are their content, whatever their file is called, and so is the data set that they are of.

    >>> changes({"seed": 0, "truth": "a"}, {"seed": 1, "truth": "b"})
    {'seed': 'seed: 0 → 1'}
    """
    found: dict[str, str] = {}
    shown = _content(now.get("images"))
    equal = {*DERIVED, "images", "dataset"} if shown and shown == _content(before.get("images")) else DERIVED
    for name in sorted({*before, *now}):
        if name not in equal and before.get(name) != now.get(name):
            found[name] = "; ".join(_lines(name, before.get(name), now.get(name)))
    if "builder" in found:
        found["builder"] = (
            f"builder: {before.get('builder') or 'none'} → {now.get('builder') or 'none'}, "
            f"so {now.get('space', 'the space')} gives other networks for the same keys"
        )
    return found


def contradictions(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """Return the differences for which two sets of scores do not belong together.

    Other architectures, and proxies that only one of them has, are none.

    >>> contradictions({"proxies": {"snip": 1}, "seed": 0}, {"proxies": {"snip": 2, "zen": 1}, "seed": 0})
    {'snip': 'proxies.snip'}
    """
    found = {name: line for name, line in changes(before, now).items() if name not in EXTENDABLE}
    for label, asked in now["proxies"].items():
        if before["proxies"].get(label, asked) != asked:
            found[label] = f"proxies.{label}"
    return found


def _content(images: Any) -> Any:
    return images.get("sha256") if isinstance(images, dict) else None


def _lines(name: str, before: Any, now: Any) -> Iterator[str]:
    """Yield each difference below an entry."""
    if isinstance(before, dict) and isinstance(now, dict):
        for part in sorted({*before, *now}):
            if before.get(part) != now.get(part):
                yield from _lines(f"{name}.{part}", before.get(part), now.get(part))
        return
    yield f"{name}: {_short(before)} → {_short(now)}"


def _short(value: Any) -> str:
    text = "none" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
