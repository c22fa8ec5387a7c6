"""What gives an architecture its fitness: one file is one evaluator, found by its name.

A file ``<name>.py`` offers ``evaluator(search, data, scores, **options)``, which returns an :class:`Evaluator`.
"""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import cast

from naslib_zc_plugin.search.config import Search
from naslib_zc_plugin.search.evaluators.base import Evaluation, Evaluator
from naslib_zc_plugin.search.scores import Scores

__all__ = ["Evaluation", "Evaluator", "evaluator", "evaluators"]


def evaluators() -> list[str]:
    """Names of the evaluators."""
    return sorted(module.name for module in iter_modules(__path__) if module.name != "base")


def evaluator(search: Search, data: str | Path | None, scores: Scores | None) -> Evaluator:
    """The evaluator that a search names, with the options that it gives.

    Args:
        search: the search.
        data: the data directory.
        scores: the proxies' scores, where the search uses some.

    Raises:
        ValueError: no such evaluator, or an option that it does not have.
        DataError: a file that is not what it should be.
    """
    options = dict(search.evaluator)
    name = options.pop("name")
    if name not in evaluators():
        close = get_close_matches(name, evaluators(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(evaluators())}"
        raise ValueError(f"unknown evaluator {name!r}; {hint}")
    make = import_module(f"{__name__}.{name}").evaluator
    try:
        inspect.signature(make).bind(search, data, scores, **options)
    except TypeError as error:
        raise ValueError(f"evaluator {name}: {error}") from error
    return cast(Evaluator, make(search, data, scores, **options))
