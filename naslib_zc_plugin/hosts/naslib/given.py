"""What a configuration of NASLib's says of a strategy.

NASLib's own is a ``CfgNode`` with flat keys below ``search``; any mapping, or any object with such attributes, does.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from naslib_zc_plugin.strategies import STRATEGIES

NAMES = {"population": "population_size", "sample": "sample_size"}
"""Our options that NASLib's optimizers call otherwise."""
_OWN = ("domain", "score", "seed")  # not the configuration's to say


def value(config: Any, path: str, default: Any = None) -> Any:
    """What a configuration holds under a dotted path; ``default`` where there is nothing, or None.

    Args:
        config: mappings or objects, one in the other.
        path: such as ``"search.seed"``.
        default: what else.
    """
    for name in path.split("."):
        config = config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)
    return default if config is None else config


def options(strategy: str, config: Any) -> dict[str, Any]:
    """The options of a strategy that ``config.search`` holds, by our names.

    They are there under their own name or NASLib's (:data:`NAMES`), beside what other optimizers read. A strategy that
    is put ``around`` another and given by its name alone gets its options from there as well.

    Raises:
        ValueError: no such strategy, or a setting under both names.
    """
    found: dict[str, Any] = {}
    for name in _parameters(strategy):
        both = [given for given in (name, NAMES.get(name)) if given and value(config, f"search.{given}") is not None]
        if len(both) > 1:
            raise ValueError(f"config.search has {' and '.join(both)}, which are the same: leave one out")
        if both:
            found[name] = value(config, f"search.{both[0]}")
    if isinstance(found.get("around"), str):
        found["around"] = {"name": found["around"], **options(found["around"], config)}
    return found


def names(strategy: str) -> list[str]:
    """What ``config.search`` may call the options of a strategy: our names, then NASLib's.

    Raises:
        ValueError: no such strategy.
    """
    own = _parameters(strategy)
    return [*own, *(NAMES[name] for name in own if name in NAMES)]


def _parameters(strategy: str) -> list[str]:
    return [name for name in inspect.signature(STRATEGIES.load(strategy)).parameters if name not in _OWN]
