"""What the numbers of a campaign depend on, to tell whether a store may be continued."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

import numpy as np

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.plan import KEYS, count
from naslib_zc_plugin.files import existing
from naslib_zc_plugin.probes import Probe, Tokens
from naslib_zc_plugin.spaces import space

GROWING = ("architectures", "proxies")
"""What may grow in a store (``--extend``) without touching the scores that are there."""

DERIVED = ("truth", "singletons", "command")
"""What no score depends on, or follows from the rest."""


def facts(config: Config) -> dict[str, Any]:
    """Everything that a score depends on besides its key, and what is scored, as values that JSON knows.

    The engine, the number of workers and the limits are not among them: they change no value.

    Raises:
        ValueError: the architectures, the proxies or the images cannot be had, or the protocol does not fit the images.
    """
    from naslib_zc_plugin.proxies import describe

    shown, protocol = config.probe(), config.protocol
    rules = protocol.stored()
    dataset = PurePath(shown.name).stem
    rules["normalisation"] = rules["normalisation"].get(dataset)
    for part in ("truth", "options", "spaces", "logs", "source"):
        del rules[part]
    if protocol.loss == "labels":  # as in stores of before there were others
        del rules["loss"]
    proxies = {
        label: {
            "name": request.name,
            "version": describe(request.name).version,
            "higher_is_better": describe(request.name).higher_is_better,
            "options": dict(request.options),
        }
        for label, request in config.requests().items()
    }
    plain = {
        "space": config.space,
        "network": dict(config.network),
        "architectures": _architectures(config),
        "preset": rules,
        "dataset": dataset,
        "images": {"name": PurePath(shown.name).name, "sha256": digest(shown)},
        "proxies": proxies,
        "seed": config.seed,
        "threads": config.threads,
        "device": config.device.partition(":")[0],
        "torch": version("torch"),
        "truth": config.truth or protocol.truth_of(dataset),
        "singletons": _singletons(config, shown) if protocol.same_batch else None,
    }
    same: dict[str, Any] = json.loads(json.dumps(plain))
    return same


def digest(shown: Probe | Tokens) -> str:
    """SHA-256 of the images and labels, or of the tokens and targets, whatever file they came from."""
    if isinstance(shown, Tokens):
        found = hashlib.sha256(repr((shown.tokens.shape, shown.vocabulary_size)).encode())
        found.update(shown.tokens.tobytes())
        found.update(b"" if shown.targets is None else shown.targets.tobytes())
        return found.hexdigest()
    found = hashlib.sha256(repr((shown.images.shape, str(shown.images.dtype), shown.classes)).encode())
    found.update(shown.images.tobytes())
    found.update(shown.labels.tobytes())
    return found.hexdigest()


def _singletons(config: Config, shown: Probe | Tokens) -> float | None:
    """Share of the batch's samples that are alone in their class, where gradients by class have nothing to compare."""
    _, labels = config.protocol.batch(shown, config.space, config.seed)
    if labels is None or isinstance(shown, Tokens):
        return None
    _, counts = np.unique(labels.numpy(), return_counts=True)
    return float((counts == 1).sum() / len(labels))


def _architectures(config: Config) -> Any:
    keys = config.architectures
    count(keys, space(config.space))
    if isinstance(keys, str) and keys != "all":
        return {"file": PurePath(keys).name, "sha256": hashlib.sha256(existing(keys, KEYS).read_bytes()).hexdigest()}
    return keys if isinstance(keys, (int, str)) else list(keys)


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """What differs, as ``name: before → now``, by the name of the top-level fact."""
    found: dict[str, str] = {}
    for name in sorted({*before, *now}):
        if name not in DERIVED and before.get(name) != now.get(name):
            found[name] = "; ".join(_lines(name, before.get(name), now.get(name)))
    return found


def _lines(name: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for part in sorted({*before, *now}):
            if before.get(part) != now.get(part):
                yield from _lines(f"{name}.{part}", before.get(part), now.get(part))
        return
    yield f"{name}: {_short(before)} → {_short(now)}"


def _short(value: Any) -> str:
    text = "none" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
