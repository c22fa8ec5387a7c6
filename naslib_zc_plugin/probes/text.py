"""Texts as tokens: words, as language models of Penn Treebank and WikiText see them, and WordPiece, as BERT does.

WordPiece needs the package tokenizers, which the extra ``nlp`` brings.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from naslib_zc_plugin.files import DataError, existing, readable
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.files.texts import read_text
from naslib_zc_plugin.probes.base import Source, Tokens

END = "<eos>"
VOCABULARY = "vocab.txt"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_EXPECTED = "a text in UTF-8, a sentence a line, whose last line ends"
_BLANK = re.compile(r"\n[^\S\n]*\n")
_LIMITS = Limits()
_WORD = 200  # bytes of memory of a word and its number
_BLOCK, _LONGEST = 1 << 16, 1 << 16  # characters that are read at once, and of a word
_DIFFERENT = 1_000_000  # words; WikiText-103 has 267,735
_DOCUMENT = 1 << 20  # characters; the tokenizer takes a hundred times as many bytes


def words(
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
        source: the ``.txt`` file.
        columns: number of sequences; 50 where NAS-Bench-NLP's networks are evaluated, 20 where they train.
        length: words of a sequence.
        start: words of each column to leave out.
        before: one or several texts in the same folder whose words are numbered first: training and validation text,
            for the numbers of NAS-Bench-NLP.
        vocabulary_size: of the networks; the words found unless given (10,000 for Penn Treebank).

    Raises:
        ValueError: a number out of its range, or no number.
        DataError: the text does not exist, is no text, is too short, or has more words than ``vocabulary_size``.
    """
    least = {"columns": (columns, 1), "length": (length, 1), "start": (start, 0)}
    for option, (value, lowest) in {**least, "vocabulary_size": (vocabulary_size, 0)}.items():
        if not _is_whole(value) or value < lowest:
            raise ValueError(f"{option} must be a whole number of at least {lowest}, found {value!r}")
    first = (before,) if isinstance(before, str) else before
    if not isinstance(first, Sequence) or not all(isinstance(name, str) for name in first):
        raise ValueError(f"before must be names of texts, found {before!r}")
    numbers: dict[str, int] = {}
    for name in first:
        _numbered(Path(source).parent / name, numbers)
    text = _numbered(Path(source), numbers)
    deep = len(text) // columns
    if deep < start + length + 1:
        expected = f"at least {columns * (start + length + 1)} words, the ends of lines included"
        raise DataError(source, expected, f"{len(text)}")
    if vocabulary_size and vocabulary_size < len(numbers):
        raise DataError(source, f"at most {vocabulary_size} different words", f"{len(numbers)}")
    whole = np.frombuffer(text, np.int32)[: deep * columns].reshape(columns, deep)
    rows = whole[:, start : start + length + 1].astype(np.int64)
    return Tokens(str(source), rows[:, :-1].copy(), vocabulary_size or len(numbers), rows[:, 1:].copy())


def wordpiece(source: str | Path, text: str = "text.txt", length: int = 512, lowercase: bool = True) -> Tokens:
    """Read the documents of a text, each cut or padded to ``length`` tokens; without targets.

    Documents are separated by blank lines, which may hold spaces. Each is ``[CLS]``, its pieces, ``[SEP]``, padding.

    Args:
        source: folder that holds ``vocab.txt``, a piece a line (as Hugging Face's tokenizers of BERT save it).
        text: file in that folder.
        length: tokens of a sequence.
        lowercase: whether pieces are of small letters without accents.

    Raises:
        ValueError: a length below 3.
        DataError: the text does not exist or is empty, or the vocabulary has no special pieces or a piece twice.
        ImportError: tokenizers is not installed.
    """
    if not _is_whole(length) or length < 3:
        fits = "for a piece between [CLS] and [SEP]"
        raise ValueError(f"length must be a whole number of at least 3, {fits}; found {length!r}")
    folder = Path(source)
    documents = [part for part in _BLANK.split(_text(folder / text)) if part.strip()]
    if not documents:
        raise DataError(folder / text, "documents, parted by blank lines", "blank lines")
    if max(map(len, documents)) > _DOCUMENT:
        raise DataError(folder / text, f"documents of at most {_DOCUMENT:,} characters", "a longer one")
    Meter(folder / text, _LIMITS).take("memory", 16 * len(documents) * length)
    pieces = _lines(_text(folder / VOCABULARY))
    numbers = {piece: number for number, piece in enumerate(pieces)}
    expected = f"a piece a line, {', '.join(SPECIAL)} among them"
    missing = [piece for piece in SPECIAL if piece not in numbers]
    if missing:
        raise DataError(folder / VOCABULARY, expected, f"no {missing[0]}")
    if len(numbers) < len(pieces):
        twice = next(piece for number, piece in enumerate(pieces) if numbers[piece] != number)
        raise DataError(folder / VOCABULARY, expected, f"{twice!r} twice")
    try:
        from tokenizers import BertWordPieceTokenizer
    except ImportError as error:
        raise ImportError("texts in WordPiece need tokenizers: pip install 'naslib-zc-plugin[nlp]'") from error
    tokenizer = BertWordPieceTokenizer(numbers, lowercase=lowercase)
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(pad_id=pieces.index("[PAD]"), length=length)
    with readable(folder, "a text and a vocabulary of WordPiece"):
        rows = [np.array(tokenizer.encode(document).ids, np.int64) for document in documents]
    return Tokens(str(source), np.array(rows), len(pieces))


def _is_whole(value: Any) -> bool:
    """Return whether an option is a whole number; True and False are none."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _text(path: Path) -> str:
    """Read a plain text; raise :class:`DataError` for a web page, or a text whose last line does not end."""
    text = read_text(path, _EXPECTED, Meter(path, _LIMITS))
    _check_text(path, text[:1000], text[-1:])
    return text


def _check_text(path: Path, beginning: str, end: str) -> None:
    """Raise :class:`DataError` for a web page, or a text whose last line does not end."""
    if beginning.lstrip().lower().startswith(("<!doctype html", "<html")):
        raise DataError(path, _EXPECTED, "a web page")
    if end != "\n":
        raise DataError(path, _EXPECTED, "a last line that does not end" if end else "nothing")


def _lines(text: str) -> list[str]:
    """Return the lines of a text as files are read line by line: str.splitlines knows more ends."""
    return text.split("\n")[:-1]


def _numbered(path: Path, numbers: dict[str, int]) -> array[int]:
    """Return the numbers of a text's words, with :data:`END` after each line; those that are new are added."""
    found, known, rest, sign = array("i"), len(numbers), "", ""
    meter = Meter(existing(path, _EXPECTED), _LIMITS)
    with readable(path, _EXPECTED), path.open(encoding="utf-8") as file:
        while block := file.read(_BLOCK):
            if not sign:
                _check_text(path, block, "\n")
            sign, block = block[-1], rest + block
            cut = max(block.rfind(" "), block.rfind("\n")) + 1  # the last word may go on in the next block
            rest = block[cut:]
            if len(rest) > _LONGEST:
                raise DataError(path, f"words of at most {_LONGEST:,} characters", "a longer one")
            words = block[:cut].replace("\n", f" {END}\n").split()
            found.extend([numbers.setdefault(word, len(numbers)) for word in words])
            meter.allow("memory", found.itemsize * len(found) + _WORD * (len(numbers) - known))
            meter.check_time()
            if len(numbers) > _DIFFERENT:
                raise DataError(path, f"at most {_DIFFERENT:,} different words", "more")
    _check_text(path, "", sign)
    return found


WORDS = Source(lambda source: Path(source).suffix == ".txt", words)
WORDPIECE = Source(lambda source: (Path(source) / VOCABULARY).is_file(), wordpiece)
