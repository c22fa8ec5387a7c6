"""How much a reader takes from a file that others made: declared before it reads, and checked while it does.

A small file may unpack to terabytes, or take hours. Every reader has :class:`Limits`, and counts on a :class:`Meter`
what it takes. Large files may take longer, and those whose official ones need it more memory, in proportion to the disk
that they really occupy. Whoever trusts a file raises limits by :data:`RAISE` in the environment.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from time import thread_time

from naslib_zc_plugin.files import DataError

RAISE = "NAS_ZC_LIMITS"
"""The environment variable that raises limits, such as ``memory=4G,rows=1e8,seconds=600``."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_GIVEN = re.compile(r"\s*([a-z]+)\s*=\s*([0-9]+(?:\.[0-9]*)?(?:e[0-9]+)?)\s*([KMGT]?)\s*")
_SMALL = 32 << 20  # bytes; of what a file has beyond them comes more memory and time
_SECONDS_OF_A_BYTE = (0.25 / 2**20, 2.0 / 2**20)  # below and beyond _SMALL


@dataclass(frozen=True)
class Limits:
    """The most that a reader takes from one file.

    Attributes:
        memory: bytes that the content takes when it is unpacked and decoded.
        members: files in an archive.
        rows: rows, lines, records or objects.
        depth: brackets, or archives of values, within each other.
        seconds: of processor time.
        growth: bytes of memory that are added for each byte of the file beyond 32 MiB.
    """

    memory: int = 320 << 20
    members: int = 20_000
    rows: int = 5_000_000
    depth: int = 100
    seconds: float = 10.0
    growth: int = 0

    def of(self, path: str | Path) -> Limits:
        """Return the limits for a file: more memory and time for a large one, and what the environment raises.

        Raises:
            ValueError: the environment's limits cannot be understood.

        >>> Limits().of("no_such_file") == Limits().of("another")
        True
        """
        size = occupied(path)
        beyond = max(0, size - _SMALL)
        slow, fast = _SECONDS_OF_A_BYTE
        larger = replace(
            self,
            memory=self.memory + self.growth * beyond,
            seconds=self.seconds + slow * min(size, _SMALL) + fast * beyond,
        )
        return replace(larger, **{name: max(value, getattr(larger, name)) for name, value in _raised().items()})


def occupied(path: str | Path) -> int:
    """Return the bytes of disk that a file, or the files of a folder, really occupy; holes do not count.

    >>> occupied("no_such_file")
    0
    """
    try:
        found = os.stat(path)
        if Path(path).is_dir():
            with os.scandir(path) as entries:
                return sum(occupied(entry.path) for entry in entries if entry.is_file())
    except OSError:
        return 0
    blocks: int = getattr(found, "st_blocks", found.st_size // 512 + 1)
    return min(found.st_size, 512 * blocks)


def _raised() -> dict[str, int]:
    """Return the limits that the environment names."""
    found = {}
    names = [each.name for each in fields(Limits) if each.name != "growth"]
    for part in filter(str.strip, os.environ.get(RAISE, "").split(",")):
        given = _GIVEN.fullmatch(part)
        if given is None or given[1] not in names:
            raise ValueError(f"{RAISE}: {part!r} is no limit; write NAME=NUMBER, of {', '.join(names)}")
        found[given[1]] = int(float(given[2]) * _UNITS[given[3]])
    return found


class Meter:
    """What a reader has taken from a file so far.

    >>> Meter("rows.csv", Limits(rows=2)).take("rows", 3)
    Traceback (most recent call last):
        ...
    naslib_zc_plugin.files.DataError: rows.csv: expected at most 2 rows; found 3 or more (a file that you trust: ...
    """

    def __init__(self, path: str | Path, limits: Limits | None = None, begun: float | None = None) -> None:
        self.path, self.limits = path, (limits or Limits()).of(path)
        self._used = {"memory": 0, "members": 0, "rows": 0}
        self._begun = thread_time() if begun is None else begun

    def part(self, path: str | Path) -> Meter:
        """Return a meter for a member of the file: its memory is counted anew, its time is the file's."""
        made = Meter(path, begun=self._begun)
        made.limits = self.limits
        return made

    def take(self, what: str, amount: int = 1) -> None:
        """Count ``memory``, ``members`` or ``rows``, and look at the clock.

        Raises:
            DataError: that is more than the limit, or takes too long.
        """
        self._used[what] += amount
        self.allow(what, self._used[what])
        self.check_time()

    def allow(self, what: str, amount: float) -> None:
        """Raise :class:`DataError` if an amount is beyond the limit of that name; count nothing."""
        most = getattr(self.limits, what)
        if amount > most:
            unit = {"memory": "bytes of memory", "seconds": "seconds of processor time", "depth": "levels"}
            raise DataError(
                self.path,
                f"at most {most:,.0f} {unit.get(what, what)}",
                f"{amount:,.0f} or more (a file that you trust: raise the limit by {RAISE}={what}={2 * amount:.0f} "
                "in the environment)",
            )

    def check_time(self) -> None:
        """Raise :class:`DataError` if reading has taken more processor time than the limit."""
        self.allow("seconds", thread_time() - self._begun)
