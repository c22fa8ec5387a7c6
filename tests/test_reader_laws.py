"""The readers' suite itself: its attacks are real, and it fails on readers that trust."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from naslib_zc_plugin.files import DataError
from tests import reader_laws as attacks
from tests.reader_laws import ChecksummedReader, CountedReader, PickledReader


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_each_call_would_act(tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "canary"
    for call in attacks.calls(canary):
        stream = pickle.dumps(call, protocol)
        assert not canary.exists()
        pickle.loads(stream)
        assert canary.exists()
        canary.rmdir() if canary.is_dir() else canary.unlink()


def test_each_tag_would_act(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for tag in attacks.tags(canary):
        with pytest.raises(yaml.YAMLError):
            yaml.safe_load(tag)
        assert not canary.exists()
        yaml.unsafe_load(tag)
        canary.rmdir()


class Trusting(PickledReader, CountedReader, ChecksummedReader):
    """A pickled list of three numbers, read as files usually are."""

    reader = "trusting"

    def make(self, folder: Path, values: Any = (1, 2, 3), protocol: int = 4) -> Path:
        (folder / "values").write_bytes(pickle.dumps(list(values), protocol))
        return folder / "values"

    def read(self, source: Path) -> Any:
        try:
            return pickle.loads(source.read_bytes())
        except OSError as error:
            raise DataError(source, "a list", str(error)) from error

    def miscounted(self, folder: Path) -> Any:
        yield self.make(folder, [1, 2])

    def pickled(self, folder: Path, payload: Any, protocol: int) -> Path:
        return self.make(folder, [1, 2, payload], protocol)


@pytest.mark.parametrize(
    "law",
    [
        "a_file_cut_short_is_refused",
        "another_file_is_refused",
        "wrong_rows_are_refused",
        "a_hostile_pickle_never_acts",
        "a_damaged_byte_is_refused_or_harmless",
    ],
)
def test_a_trusting_reader_fails(tmp_path: Path, law: str) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception, pickle.UnpicklingError, EOFError)):
        getattr(Trusting(), f"test_{law}")(tmp_path)


def test_what_it_does_well_passes(tmp_path: Path) -> None:
    Trusting().test_what_is_whole_is_read(tmp_path)
    Trusting().test_a_missing_source_is_refused(tmp_path)


class Untidy(Trusting):
    """Leaves half of a file behind when it fails."""

    def read(self, source: Path) -> Any:
        shutil.copy(__file__, source.parent / "half")
        raise DataError(source, "better", "worse")


def test_what_is_left_behind_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        Untidy().refuse(Untidy().make(tmp_path))
