"""Keys of NATS-Bench's size space: five numbers of channels, such as ``16:40:56:24:40``."""

from __future__ import annotations

from collections.abc import Sequence

CHANNELS = (8, 16, 24, 32, 40, 48, 56, 64)
LAYERS = 5


def parse(key: str) -> tuple[int, ...]:
    """The numbers of a key.

    Raises:
        ValueError: not five of :data:`CHANNELS`, written plainly.
    """
    parts = key.split(":")
    known = list(map(str, CHANNELS))
    wrong = [part for part in parts if part not in known]
    if len(parts) != LAYERS or wrong:
        found = f"found {wrong[0]!r}" if wrong else f"found {len(parts)}"
        raise ValueError(f"{key!r}: expected {LAYERS} numbers of {', '.join(known)}, joined by ':'; {found}")
    return tuple(map(int, parts))


def format(numbers: Sequence[int]) -> str:
    """The key of five numbers; inverse of :func:`parse`."""
    return ":".join(map(str, numbers))
