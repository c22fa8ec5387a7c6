"""Words of a plain text, a sentence a line, as language models of Penn Treebank and WikiText are shown them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from naslib_zc_plugin.files import DataError, existing, readable
from naslib_zc_plugin.probes.tokens import Tokens

END = "<eos>"
_EXPECTED = "a text in UTF-8, a sentence a line, whose last line ends"


def recognises(source: str | Path) -> bool:
    """Whether ``source`` is a text file."""
    return Path(source).suffix == ".txt"


def load(
    source: str | Path,
    columns: int = 50,
    length: int = 70,
    start: int = 0,
    before: str | Sequence[str] = (),
    vocabulary_size: int = 0,
) -> Tokens:
    """Read sequences of words, each with the one that follows it as target.

    The words of all lines, each line's followed by ``<eos>``, are cut into ``columns`` texts of equal length (the rest
    is left out), and of each one ``length`` words are taken. Words are numbered as they first appear.

    Args:
        columns: number of sequences; 50 where NAS-Bench-NLP's networks are evaluated, 20 where they train.
        length: words of a sequence.
        start: words of each column to leave out.
        before: one or several texts in the same folder whose words are numbered first: training and validation text,
            for the numbers of NAS-Bench-NLP.
        vocabulary_size: of the networks; the words found unless given (10,000 for Penn Treebank).

    Raises:
        ValueError: a number out of its range, or no number.
        DataError: no such text, no text, too short, or of more words than ``vocabulary_size``.
    """
    least = {"columns": (columns, 1), "length": (length, 1), "start": (start, 0)}
    for option, (value, lowest) in {**least, "vocabulary_size": (vocabulary_size, 0)}.items():
        if not is_whole(value) or value < lowest:
            raise ValueError(f"{option} must be a whole number of at least {lowest}, found {value!r}")
    first = (before,) if isinstance(before, str) else before
    if not isinstance(first, Sequence) or not all(isinstance(name, str) for name in first):
        raise ValueError(f"before must be names of texts, found {before!r}")
    numbers: dict[str, int] = {}
    for name in first:
        for word in _words(Path(source).parent / name):
            numbers.setdefault(word, len(numbers))
    text = [numbers.setdefault(word, len(numbers)) for word in _words(Path(source))]
    deep = len(text) // columns
    if deep < start + length + 1:
        expected = f"at least {columns * (start + length + 1)} words, the ends of lines included"
        raise DataError(source, expected, f"{len(text)}")
    if vocabulary_size and vocabulary_size < len(numbers):
        raise DataError(source, f"at most {vocabulary_size} different words", f"{len(numbers)}")
    rows = np.array(text[: deep * columns], np.int64).reshape(columns, deep)[:, start : start + length + 1]
    return Tokens(str(source), rows[:, :-1].copy(), vocabulary_size or len(numbers), rows[:, 1:].copy())


def is_whole(value: Any) -> bool:
    """Whether an option is a whole number; True and False are none."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def text_of(path: Path) -> str:
    """A plain text, whole.

    Raises:
        DataError: no such text, a web page, or one whose last line does not end.
    """
    existing(path, _EXPECTED)
    with readable(path, _EXPECTED):
        text = path.read_text(encoding="utf-8")
    if text.lstrip().lower().startswith(("<!doctype html", "<html")):
        raise DataError(path, _EXPECTED, "a web page")
    if not text.endswith("\n"):
        raise DataError(path, _EXPECTED, "nothing" if not text else "a last line that does not end")
    return text


def lines_of(text: str) -> list[str]:
    """The lines of a text whose last line ends, as files are read line by line: str.splitlines knows more ends."""
    return text.split("\n")[:-1]


def _words(path: Path) -> Iterator[str]:
    for line in lines_of(text_of(path)):
        yield from line.split()
        yield END
