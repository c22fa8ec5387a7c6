"""Words of a text as sequences of tokens, by hand and as in the benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import Tokens, probe


def text(folder: Path, content: str, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def read(path: Path, **options: Any) -> Tokens:
    found = probe(path, **options)
    assert isinstance(found, Tokens)
    return found


def test_columns_run_on_over_lines(tmp_path: Path) -> None:
    # a b . c a . d b . (a point for the end of a line), in two columns of four; the last is left out
    found = read(text(tmp_path, "a b\nc a\n d  b\n"), columns=2, length=3)
    assert found.tokens.tolist() == [[0, 1, 2], [0, 2, 4]]
    assert found.targets is not None
    assert found.targets.tolist() == [[1, 2, 3], [2, 4, 1]]
    assert (found.vocabulary_size, found.classes) == (5, 5)
    later = read(text(tmp_path, "a b\nc a\n d  b\n"), columns=2, length=2, start=1)
    assert later.tokens.tolist() == [[1, 2], [2, 4]]


def test_other_texts_number_words_first(tmp_path: Path) -> None:
    text(tmp_path, "b\n", "train.txt")
    found = read(text(tmp_path, "a b\n"), columns=1, length=2, before=["train.txt"], vocabulary_size=7)
    assert found.tokens.tolist() == [[2, 0]]
    assert found.vocabulary_size == 7


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("a b\n", {"columns": 2, "length": 2}, "at least 6 words"),
        ("a b c\n", {"columns": 1, "length": 2, "vocabulary_size": 3}, "at most 3 different words"),
        ("a b c", {"columns": 1, "length": 2}, "does not end"),
        ("a b\n", {"columns": 1, "length": 2, "before": ["none.txt"]}, "no such file"),
    ],
)
def test_what_cannot_be_cut_is_refused(tmp_path: Path, content: str, options: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(text(tmp_path, content), **options)


def test_numbers_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        read(text(tmp_path, "a b\n"), columns=0)
