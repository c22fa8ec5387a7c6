"""Probe batches: the images or tokens, real or made, on which networks are observed.

One file is one source; it offers ``recognises(source)`` and ``load(source, **options)``. Importing this needs
numpy only; no source executes anything that a data file says.
"""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import cifar, digits, imagenet16, npz, synthetic, wordpiece, words
from naslib_zc_plugin.probes.base import Probe
from naslib_zc_plugin.probes.tokens import Tokens

__all__ = ["Probe", "Tokens", "images", "probe"]

_SOURCES = (synthetic, digits, npz, words, wordpiece, cifar, imagenet16)


def probe(source: str | Path, **options: Any) -> Probe | Tokens:
    """Read or make labelled images, or read sequences of tokens.

    Args:
        source: one of

            - a ``.npz`` file with ``images``, ``labels`` and, if wanted, ``classes``; or, for :class:`Tokens`, with
              ``tokens`` or ``input_ids`` and ``vocabulary_size``;
            - a ``.txt`` file, whose words are tokens (options ``columns``, ``length``, ``start``, ``before``,
              ``vocabulary_size``);
            - ``"digits"``: scikit-learn's handwritten digits (option ``size``);
            - ``"synthetic:grey"``, ``"synthetic:normal"``, ``"synthetic:uniform"``, ``"synthetic:uniform01"``
              (options ``n``, ``size``, ``classes``, ``seed``);
            - the binary version of CIFAR-10 or CIFAR-100, archive or folder (option ``split``);
            - a folder with a ``text.txt`` and BERT's ``vocab.txt``, for :class:`Tokens` in WordPiece (options ``text``,
              ``length``, ``lowercase``);
            - the folder of ImageNet16, or one of its files, for ImageNet16-120 (option ``split``).
        options: as the source takes them, see its ``load``.

    Raises:
        DataError: the source is not recognised, not there or not what it should be.
        TypeError: an option that the source does not take.
    """
    for kind in _SOURCES:
        if kind.recognises(source):
            _check_options(source, kind, options)
            found: Probe | Tokens = kind.load(source, **options)
            return found
    raise DataError(
        source,
        "a .npz or .txt file, 'digits', 'synthetic:<kind>', the binary CIFAR archive or folder, or ImageNet16's",
        "a file or folder of another kind" if Path(source).exists() else "no such file or folder",
    )


def images(source: str | Path, **options: Any) -> Probe:
    """As :func:`probe`, for what takes images only.

    Raises:
        DataError: also if the source holds tokens.
    """
    found = probe(source, **options)
    if isinstance(found, Tokens):
        raise DataError(source, "images", "tokens")
    return found


def _check_options(source: str | Path, kind: ModuleType, options: dict[str, Any]) -> None:
    known = list(signature(kind.load).parameters)[1:]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(f"{source}: no option {unknown[0]!r}; there is {', '.join(known) or 'none'}")
