"""A text in WordPiece, as BERT is shown it. Needs the package tokenizers, which the extra ``nlp`` brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from naslib_zc_plugin.files import DataError, readable
from naslib_zc_plugin.probes.tokens import Tokens
from naslib_zc_plugin.probes.words import text_of

VOCABULARY = "vocab.txt"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def recognises(source: str | Path) -> bool:
    """Whether ``source`` is a folder with a vocabulary, ``vocab.txt``."""
    return (Path(source) / VOCABULARY).is_file()


def load(source: str | Path, text: str = "text.txt", length: int = 512, lowercase: bool = True) -> Tokens:
    """Read the documents of a text, each cut or padded to ``length`` tokens; without targets.

    Documents are what blank lines part. Each one is ``[CLS]``, its pieces, ``[SEP]``; behind them comes padding.

    Args:
        source: folder that holds ``vocab.txt``, a piece a line (as Hugging Face's tokenizers of BERT save it).
        text: file in that folder.
        length: tokens of a sequence.
        lowercase: whether pieces are of small letters without accents.

    Raises:
        ValueError: a length below 3.
        DataError: no such text or none at all, or a vocabulary without BERT's special pieces.
        ImportError: tokenizers is not installed.
    """
    if length < 3:
        raise ValueError(f"length must be at least 3, for a piece between [CLS] and [SEP]; found {length}")
    folder = Path(source)
    documents = [part for part in text_of(folder / text).split("\n\n") if part.strip()]
    if not documents:
        raise DataError(folder / text, "documents, parted by blank lines", "blank lines")
    pieces = text_of(folder / VOCABULARY).splitlines()
    lacking = [piece for piece in SPECIAL if piece not in pieces]
    if lacking:
        raise DataError(folder / VOCABULARY, f"a piece a line, {', '.join(SPECIAL)} among them", f"no {lacking[0]}")
    tokenizer = _tokenizer({piece: number for number, piece in enumerate(pieces)}, lowercase)
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
