"""The laws that everything that reads downloaded files keeps, as tests to inherit, and hostile files to try it with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from naslib_zc_plugin.files import DataError

_PAGE = b"<!DOCTYPE html><html><head><title>404</title></head><body>Quota exceeded</body></html>\n"
_FLIPS = 16
_OUTWARD = ("../", "inner/../../", "/", "..\\", "C:\\")


class Call:
    """What a hostile file holds: an object that pickles as the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


def calls(canary: Path) -> list[Call]:
    """Calls of which each makes ``canary`` if it is ever executed."""
    return [
        Call(os.mkdir, str(canary)),
        Call(os.system, f"mkdir '{canary}'"),
        Call(exec, f"__import__('os').mkdir({str(canary)!r})"),
        Call(open, str(canary), "w"),
    ]


def tags(canary: Path) -> list[str]:
    """YAML values of which each makes ``canary`` if its tag is ever obeyed."""
    return [f"!!python/object/{kind}:os.mkdir [{str(canary)!r}]" for kind in ("apply", "new")]


class _Reader:
    """What the laws need to know of a reader."""

    reader: ClassVar[str]

    def make(self, folder: Path) -> Path:
        """Write a small source that is as it should be into ``folder``, the same at each call; return its path."""
        raise NotImplementedError

    def read(self, source: Path) -> Any:
        """What is in the source, so that equal sources give equal results; what is written goes beside it."""
        raise NotImplementedError

    def refuse(self, source: Path) -> None:
        """The source gives the one error, and no file is made, changed or lost."""
        before = _contents(source.parent)
        with pytest.raises(DataError) as caught:
            self.read(source)
        error = caught.value
        assert str(error.path).startswith(str(source))
        assert error.expected and error.found
        assert str(error) == f"{error.path}: expected {error.expected}; found {error.found}"
        assert _contents(source.parent) == before


class ReaderConformance(_Reader):
    """Inherit it, and those below that fit the format, under a name that pytest collects::

        class TestMyReader(PickledReader, CountedReader):
            reader = "my_package.my_reader"

            def make(self, folder):
                ...

    Whatever is wrong with a file, the reader raises one :class:`~naslib_zc_plugin.files.DataError` that names the
    file, what it expected and what it found, and leaves nothing half-read or half-written.

    Attributes:
        reader: dotted name of the module under test; of several, with spaces.
        cuts: where to cut the file, in parts of its length.
    """

    cuts: ClassVar[tuple[float, ...]] = (0.001, 0.1, 0.5, 0.9, 0.99)

    def damaged(self, source: Path) -> Path:
        """The file to damage: the source itself, or one of its files if it is a folder."""
        return source if source.is_file() else min(path for path in source.rglob("*") if path.is_file())

    def refuse_contents(self, source: Path, contents: Iterable[bytes]) -> None:
        """None of these contents of the file to damage is read; afterwards what was whole still is."""
        file = self.damaged(source)
        whole, first = file.read_bytes(), self.read(source)
        self.tidy(source)
        for content in contents:
            file.write_bytes(content)
            self.refuse(source)
        file.write_bytes(whole)
        assert self.read(source) == first

    def tidy(self, source: Path) -> None:
        """Remove what reading has written beside the source."""

    def test_what_is_whole_is_read(self, tmp_path: Path) -> None:
        """The same at each time."""
        source = self.make(tmp_path)
        assert self.read(source) == self.read(source)

    def test_a_file_cut_short_is_refused(self, tmp_path: Path) -> None:
        """At several places, the first and the last included."""
        source = self.make(tmp_path)
        whole = self.damaged(source).read_bytes()
        self.refuse_contents(source, (whole[: int(len(whole) * cut)] for cut in self.cuts))

    def test_another_file_is_refused(self, tmp_path: Path) -> None:
        """An empty one, or a web page instead of the download."""
        source = self.make(tmp_path)
        self.refuse_contents(source, (b"", _PAGE, _PAGE * 1000))

    def test_a_missing_source_is_refused(self, tmp_path: Path) -> None:
        """It is not found, and nothing is made in its place."""
        source = self.make(tmp_path)
        shutil.rmtree(source) if source.is_dir() else source.unlink()
        self.refuse(source)


class ChecksummedReader(ReaderConformance):
    """A format whose damage can be told."""

    def test_a_damaged_byte_is_refused_or_harmless(self, tmp_path: Path) -> None:
        """One bit flipped, here and there: the error, or what was read before; most of them are noticed."""
        source = self.make(tmp_path)
        file, first, refused = self.damaged(source), self.read(source), 0
        whole = file.read_bytes()
        for flip in range(_FLIPS):
            content = bytearray(whole)
            content[(2 * flip + 1) * len(whole) // (2 * _FLIPS)] ^= 1 << flip % 8
            file.write_bytes(content)
            self.tidy(source)
            try:
                assert self.read(source) == first
            except DataError:
                refused += 1
        assert refused > _FLIPS // 2


class CountedReader(ReaderConformance):
    """A format whose number of rows, records or members is known."""

    def miscounted(self, folder: Path) -> Iterable[Path]:
        """Sources in ``folder`` in which something is missing, doubled or not the right one."""
        raise NotImplementedError

    def test_wrong_rows_are_refused(self, tmp_path: Path) -> None:
        """Each of them."""
        count = 0
        for source in self.miscounted(tmp_path):
            self.refuse(source)
            count += 1
        assert count


class ArchivedReader(ReaderConformance):
    """An archive."""

    def packed(self, folder: Path, prefix: str) -> Path:
        """A source that is whole but for ``prefix``, which stands before the name of a member that is needed."""
        raise NotImplementedError

    @pytest.mark.parametrize("prefix", _OUTWARD)
    def test_a_member_that_leads_outside_is_refused(self, tmp_path: Path, prefix: str) -> None:
        """Absolute or through the parent folder, in either system's way to write it."""
        inner = tmp_path / "inner"
        inner.mkdir()
        before = _contents(tmp_path)
        source = self.packed(inner, f"{tmp_path}/" if prefix == "/" else prefix)
        self.refuse(source)
        source.unlink()
        assert _contents(tmp_path) == before


class PickledReader(ReaderConformance):
    """A format in which objects could be pickled, whether the reader reads them or not."""

    protocols: ClassVar[tuple[int, ...]] = (0, 2, 4)

    def pickled(self, folder: Path, payload: Any, protocol: int) -> Path:
        """A source that is whole but for ``payload``, pickled within it in the place of some value."""
        raise NotImplementedError

    def test_a_hostile_pickle_never_acts(self, tmp_path: Path) -> None:
        """It is refused, and its canary never appears."""
        canary = tmp_path / "canary"
        for protocol in self.protocols:
            for number, call in enumerate(calls(canary)):
                folder = tmp_path / f"{protocol}-{number}"
                folder.mkdir()
                source = self.pickled(folder, call, protocol)
                assert not canary.exists()
                self.refuse(source)
                assert not canary.exists()


class TaggedReader(_Reader):
    """YAML, which its users write; of the other laws none is for it, since half of a text may be a text."""

    def tagged(self, folder: Path, value: str) -> Path:
        """A source that is whole but for ``value``, YAML text that stands in the place of some value."""
        raise NotImplementedError

    def test_a_hostile_tag_never_acts(self, tmp_path: Path) -> None:
        """It is refused, and its canary never appears."""
        canary = tmp_path / "canary"
        for tag in tags(canary):
            self.refuse(self.tagged(tmp_path, tag))
            assert not canary.exists()


def _contents(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
