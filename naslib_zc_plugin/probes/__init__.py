"""Probe batches: the images or tokens, real or synthetic, on which networks are observed.

A source is a module of this folder with ``recognises(source)`` and ``load(source, **options)``, or an object with both
(:class:`~naslib_zc_plugin.probes.base.Source`). Other distributions register theirs in the entry-point group
``naslib_zc_plugin.probes`` (name = module, or module:object); they are tried after ours. Importing this needs numpy
only; no source executes anything in a data file.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes.base import Probe, Source, Tokens
from naslib_zc_plugin.registry import Registry, check_options

__all__ = ["PROBES", "Probe", "Source", "Tokens", "images", "probe"]

logger = logging.getLogger(__name__)
_ORDER = ("synthetic", "digits", "scenes", "npz", "words", "wordpiece", "cifar", "imagenet16")
PROBES: Registry[Source] = Registry(
    "source of probes",
    "naslib_zc_plugin.probes",
    "naslib_zc_plugin.probes",
    attribute="",
    is_entry=lambda name, found: (
        callable(getattr(found, "recognises", None)) and callable(getattr(found, "load", None))
    ),
    requirement="it must have recognises(source) and load(source, **options)",
    others=["base", "builtin", "text"],
    more={
        "digits": f"{__name__}.builtin:DIGITS",
        "synthetic": f"{__name__}.builtin:SYNTHETIC",
        "words": f"{__name__}.text:WORDS",
        "wordpiece": f"{__name__}.text:WORDPIECE",
    },
)
"""All sources of images and tokens, those of other distributions too."""


def probe(source: str | Path, **options: Any) -> Probe | Tokens:
    """Read or make labelled images, or read sequences of tokens.

    Args:
        source: one of

            - a ``.npz`` file with ``images``, ``labels`` and, if wanted, ``classes``; or, for :class:`Tokens`, with
              ``tokens`` or ``input_ids`` and ``vocabulary_size``;
            - a ``.txt`` file, whose words are tokens (options ``columns``, ``length``, ``start``, ``before``,
              ``vocabulary_size``);
            - ``"digits"``: scikit-learn's handwritten digits (option ``size``);
            - ``"scenes"``: a digit of those anywhere on a canvas, beside pieces of others (options ``n``, ``size``,
              ``pieces``, ``seed``), see :mod:`.scenes`;
            - ``"synthetic:grey"``, ``"synthetic:normal"``, ``"synthetic:uniform"``, ``"synthetic:uniform01"``
              (options ``n``, ``size``, ``classes``, ``seed``);
            - the binary version of CIFAR-10 or CIFAR-100, archive or folder (option ``split``);
            - a folder with a ``text.txt`` and BERT's ``vocab.txt``, for :class:`Tokens` in WordPiece (options ``text``,
              ``length``, ``lowercase``);
            - the folder of ImageNet16, or one of its files, for ImageNet16-120 (option ``split``);
            - anything that a source of another distribution recognises.
        options: parameters of the source's ``load``.

    Returns:
        The images or the tokens, checked.

    Raises:
        DataError: the source is not recognised, does not exist or holds something else.
        TypeError: the source has no such option.

    >>> len(probe("synthetic:grey", n=4))
    4
    """
    kind = _source_of(source)
    if kind is not None:
        try:
            check_options(str(source), kind.load, options, first=1)
        except ValueError as error:
            raise TypeError(str(error)) from None
        return kind.load(source, **options)
    raise DataError(
        source,
        "a .npz or .txt file, 'digits', 'scenes', 'synthetic:<kind>', the binary CIFAR archive or folder, or "
        "ImageNet16's",
        "a file or folder of another kind" if Path(source).exists() else "no such file or folder",
    )


def images(source: str | Path, **options: Any) -> Probe:
    """Read or make labelled images, as :func:`probe` does.

    Args:
        source: see :func:`probe`.
        options: see :func:`probe`.

    Returns:
        The images.

    Raises:
        DataError: as :func:`probe`, and where the source holds tokens.
        TypeError: the source has no such option.

    >>> images("synthetic:normal", n=4, size=8).images.shape
    (4, 8, 8, 3)
    """
    found = probe(source, **options)
    if isinstance(found, Tokens):
        raise DataError(source, "images", "tokens")
    return found


def _source_of(source: str | Path) -> Source | None:
    """Return the first source that recognises a path or text: ours, then those of others, whose errors are logged."""
    for name in (*_ORDER, *(name for name in PROBES.names() if name not in _ORDER)):
        try:
            if PROBES.load(name).recognises(source):
                return PROBES.load(name)
        except Exception as error:
            if name in _ORDER:
                raise
            logger.warning("the source of probes %r is left out: %s: %s", name, type(error).__name__, error)
    return None
