"""What other distributions register with this package, by entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points


def registered(group: str) -> list[EntryPoint]:
    """The entry points of a group, of all installed distributions."""
    points = entry_points()
    # Python 3.9 gives a mapping of groups.
    return list(points.select(group=group) if hasattr(points, "select") else points.get(group, ()))
