"""The extras of this package, and which of their distributions are installed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version

NAME = "naslib-zc-plugin"
_REQUIREMENT = re.compile(r"""([\w.-]+)[^;]*;\s*(.*?)\s*(?:and\s+)?extra\s*==\s*["']([\w-]+)["']""")


def extras() -> dict[str, dict[str, str]]:
    """Extra → its distributions that are not installed, and under which condition they are wanted (empty: always).

    Without entries where this package itself is not installed, but read from a source tree.
    """
    try:
        return missing(requires(NAME) or ())
    except PackageNotFoundError:
        return {}


def missing(requirements: Iterable[str]) -> dict[str, dict[str, str]]:
    """As :func:`extras`, of requirements as metadata write them; extras made of others are left out."""
    found: dict[str, dict[str, str]] = {}
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None or match[1] == NAME:
            continue
        name, condition, extra = match.groups()
        lacking = found.setdefault(extra, {})
        if installed(name) is None:
            lacking[name] = condition.removesuffix(" and").strip("() ")
    return found


def installed(distribution: str) -> str | None:
    """The version of a distribution; None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
