"""A text in WordPiece, as BERT is shown it. Needs the package tokenizers, which the extra ``nlp`` brings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from naslib_zc_plugin.files import DataError, readable
from naslib_zc_plugin.probes.tokens import Tokens
from naslib_zc_plugin.probes.words import is_whole, lines_of, text_of

VOCABULARY = "vocab.txt"
_BLANK = re.compile(r"\n[^\S\n]*\n")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def recognises(source: str | Path) -> bool:
    """Whether ``source`` is a folder with a vocabulary, ``vocab.txt``."""
    return (Path(source) / VOCABULARY).is_file()


def load(source: str | Path, text: str = "text.txt", length: int = 512, lowercase: bool = True) -> Tokens:
    """Read the documents of a text, each cut or padded to ``length`` tokens; without targets.

    Documents are what blank lines part, those of spaces too. Each one is ``[CLS]``, its pieces, ``[SEP]``; behind them
    comes padding.

    Args:
        source: folder that holds ``vocab.txt``, a piece a line (as Hugging Face's tokenizers of BERT save it).
        text: file in that folder.
        length: tokens of a sequence.
        lowercase: whether pieces are of small letters without accents.

    Raises:
        ValueError: a length below 3.
        DataError: no such text or none at all, or a vocabulary without BERT's special pieces or with a piece twice.
        ImportError: tokenizers is not installed.
    """
    if not is_whole(length) or length < 3:
        fits = "for a piece between [CLS] and [SEP]"
        raise ValueError(f"length must be a whole number of at least 3, {fits}; found {length!r}")
    folder = Path(source)
    documents = [part for part in _BLANK.split(text_of(folder / text)) if part.strip()]
    if not documents:
        raise DataError(folder / text, "documents, parted by blank lines", "blank lines")
    pieces = lines_of(text_of(folder / VOCABULARY))
    numbers = {piece: number for number, piece in enumerate(pieces)}
    expected = f"a piece a line, {', '.join(SPECIAL)} among them"
    lacking = [piece for piece in SPECIAL if piece not in numbers]
    if lacking:
        raise DataError(folder / VOCABULARY, expected, f"no {lacking[0]}")
    if len(numbers) < len(pieces):
        twice = next(piece for number, piece in enumerate(pieces) if numbers[piece] != number)
        raise DataError(folder / VOCABULARY, expected, f"{twice!r} twice")
    tokenizer = _tokenizer(numbers, lowercase)
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(pad_id=pieces.index("[PAD]"), length=length)
    with readable(folder, "a text and a vocabulary of WordPiece"):
        rows = [encoded.ids for encoded in tokenizer.encode_batch(documents)]
    return Tokens(str(source), np.array(rows, np.int64), len(pieces))


def _tokenizer(numbers: dict[str, int], lowercase: bool) -> Any:
    try:
        from tokenizers import BertWordPieceTokenizer
    except ImportError as error:
        raise ImportError("texts in WordPiece need tokenizers: pip install 'naslib-zc-plugin[nlp]'") from error
    return BertWordPieceTokenizer(numbers, lowercase=lowercase)
