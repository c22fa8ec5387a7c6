"""Texts in WordPiece against the greedy rule, written out."""

from __future__ import annotations

from pathlib import Path

import pytest

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import Tokens, probe

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "able", ",", "the", "##s", "z"]
DOCUMENTS = ["The unaffable, able\nthes", "zz, the", "able " * 20]

pytest.importorskip("tokenizers")


def folder(path: Path, text: str, pieces: list[str] = PIECES) -> Path:
    (path / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    (path / "text.txt").write_text(text, encoding="utf-8")
    return path


def greedy(word: str) -> list[int]:
    """The longest piece that fits, again and again; a word that does not come out is unknown."""
    found: list[int] = []
    while word:
        start = "##" if found else ""
        fitting = [end for end in range(len(word), 0, -1) if start + word[:end] in PIECES]
        if not fitting:
            return [1]
        found.append(PIECES.index(start + word[: fitting[0]]))
        word = word[fitting[0] :]
    return found


def test_documents_are_cut_into_the_longest_pieces(tmp_path: Path) -> None:
    found = probe(folder(tmp_path, "\n\n".join(DOCUMENTS) + "\n"), length=12)
    assert isinstance(found, Tokens) and (found.vocabulary_size, found.targets) == (len(PIECES), None)
    for row, document in zip(found.tokens.tolist(), DOCUMENTS):
        words = document.lower().replace(",", " , ").split()
        ids = [number for word in words for number in greedy(word)][:10]
        assert row == [2, *ids, 3] + [0] * (10 - len(ids))
    assert found.tokens[0].tolist() == [2, 9, 4, 5, 6, 8, 7, 9, 10, 3, 0, 0]


def test_lines_of_spaces_are_blank_and_pieces_are_lines_of_the_file(tmp_path: Path) -> None:
    pieces = [*PIECES, "a\u2028b", "last"]
    found = probe(folder(tmp_path, "the\n \nable last\n \t\n\n", pieces), length=5)
    assert isinstance(found, Tokens) and found.vocabulary_size == len(PIECES) + 2
    assert found.tokens.tolist() == [[2, 9, 3, 0, 0], [2, 7, len(PIECES) + 1, 3, 0]]


def test_faults_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a piece a line.*found no \\[UNK\\]"):
        probe(folder(tmp_path, "the\n", ["[PAD]", "the"]))
    with pytest.raises(DataError, match="documents, parted by blank lines"):
        probe(folder(tmp_path, "\n \n\n"))
    with pytest.raises(DataError, match="a last line that does not end"):
        probe(folder(tmp_path, "the"))
    with pytest.raises(ValueError, match="at least 3"):
        probe(folder(tmp_path, "the\n"), length=2)
    with pytest.raises(ValueError, match="length must be a whole number of at least 3, .* found '8'"):
        probe(folder(tmp_path, "the\n"), length="8")
    with pytest.raises(DataError, match="a piece a line.*; found 'un' twice"):
        probe(folder(tmp_path, "the\n", [*PIECES, "un"]))
