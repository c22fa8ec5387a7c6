"""Words of a text as sequences of tokens, by hand and as in the benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import Tokens, probe
from naslib_zc_plugin.probes import text as text_module


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": 0}, "columns must be a whole number of at least 1, found 0"),
        ({"columns": "1"}, "columns must be a whole number of at least 1, found '1'"),
        ({"length": 1.0}, "length must be a whole number of at least 1, found 1.0"),
        ({"length": True}, "length must be a whole number of at least 1, found True"),
        ({"start": -1}, "start must be a whole number of at least 0, found -1"),
        ({"vocabulary_size": -1}, "vocabulary_size must be a whole number of at least 0, found -1"),
        ({"before": 5}, "before must be names of texts, found 5"),
        ({"before": [5]}, "before must be names of texts, found \\[5\\]"),
    ],
)
def test_options_are_checked(tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(text(tmp_path, "a b\n"), **{"columns": 1, "length": 1, **options})


def test_one_text_before_needs_no_list(tmp_path: Path) -> None:
    text(tmp_path, "b\n", "train.txt")
    found = read(text(tmp_path, "a b\n"), columns=1, length=2, before="train.txt")
    assert found.tokens.tolist() == [[2, 0]]


def test_a_line_ends_where_files_are_read_line_by_line(tmp_path: Path) -> None:
    # Form feeds and the separators of Unicode part words, not lines.
    found = read(text(tmp_path, "a\u2028b\x0cc\x85d\r\na\n"), columns=1, length=6)
    assert found.tokens.tolist() == [[0, 1, 2, 3, 4, 0]] and found.vocabulary_size == 5


@pytest.mark.parametrize("chosen", [[0.5], [[0, 1]], ["a"], [True, True], 2.0, None, "2", [], 0, [2], [-1], 3])
def test_batches_are_of_sequences_that_are_there(tmp_path: Path, chosen: Any) -> None:
    found = read(text(tmp_path, "a b c\n" * 4), columns=2, length=3)
    assert found.batch(2)[0].shape == (2, 3) and found.batch([1, 1, 0])[0].shape == (3, 3)
    with pytest.raises(ValueError, match="ask for 1 to 2|flat sequence of integers"):
        found.batch(chosen)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 16])
def test_words_do_not_depend_on_the_blocks_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    content = "a bb\tccc  a\r\n\nlonger-word a\rb\u00a0c \u2028 d\n" * 3
    path = tmp_path / "text.txt"
    path.write_bytes(content.encode())
    lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    words = [word for line in lines for word in [*line.split(), "<eos>"]]
    names = list(dict.fromkeys(words))
    monkeypatch.setattr(text_module, "_BLOCK", size)
    found = probe(path, columns=1, length=len(words) - 1)
    assert isinstance(found, Tokens) and found.targets is not None
    assert [names[number] for number in [*found.tokens[0], found.targets[0, -1]]] == words
