"""The one error of everything that reads files."""

from __future__ import annotations

from pathlib import Path


class DataError(ValueError):
    """A file, or another source of data, is not what it should be.

    Attributes:
        path: the file (with a member of an archive after it), or the source's name.
        expected: what should be there.
        found: what is there.
    """

    def __init__(self, path: str | Path, expected: str, found: str) -> None:
        super().__init__(path, expected, found)
        self.path, self.expected, self.found = path, expected, found

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}; found {self.found}"
