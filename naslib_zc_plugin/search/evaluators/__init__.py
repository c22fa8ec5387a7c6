"""Evaluators, which give an architecture its fitness: one file is one evaluator, found by its name.

A file ``<name>.py`` offers its class as ``EVALUATOR``, an :class:`~naslib_zc_plugin.search.loop.Evaluator` that is made
by ``EVALUATOR(config, data, scores, **options)``: the :class:`~naslib_zc_plugin.search.config.SearchConfig`, the data
directory, the proxies' scores if the search uses some, and the options of the configuration. Other
distributions register theirs in the entry-point group ``naslib_zc_plugin.evaluators``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from naslib_zc_plugin.registry import Registry, check_options
from naslib_zc_plugin.search.loop import Evaluator

if TYPE_CHECKING:
    from naslib_zc_plugin.search.config import SearchConfig

EVALUATORS: Registry[Callable[..., Evaluator]] = Registry(
    "evaluator",
    "naslib_zc_plugin.search.evaluators",
    "naslib_zc_plugin.evaluators",
    attribute="EVALUATOR",
    is_entry=lambda name, found: callable(found),
    requirement="it must be made by EVALUATOR(config, data, scores, **options)",
)


def list_evaluators(pattern: str = "*") -> list[str]:
    """Return the sorted names of the evaluators that match a shell-style pattern; none of them is imported.

    >>> list_evaluators()
    ['benchmark', 'proxy', 'training']
    """
    return EVALUATORS.names(pattern)


def load_evaluator(config: SearchConfig, data: str | Path | None, scores: Any) -> Evaluator:
    """Return the evaluator that a search names, with the options that it gives.

    Args:
        config: the search.
        data: the data directory.
        scores: the proxies' scores, where the search uses some.

    Raises:
        ValueError: there is no such evaluator, it does not have an option, or one is missing.
        DataError: a file is missing or has other content.
    """
    options = dict(config.evaluator)
    name = options.pop("name")
    make = EVALUATORS.load(name)
    check_options(f"evaluator {name}", make, options, first=3)
    return make(config, data, scores, **options)
