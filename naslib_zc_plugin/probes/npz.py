"""Images, or tokens, in numpy's archive format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import DataError, existing, inside
from naslib_zc_plugin.files.archives import npy_array, open_zip, read_member
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.probes.base import Probe, Tokens

_ARRAYS = ("images", "labels", "classes", "tokens", "input_ids", "vocabulary_size")
_KINDS = ("images", "tokens", "input_ids")
_LIMITS = Limits(members=1000)
_CLASSES = 10_000_000  # a network has an output, or a vector, for each


def recognises(source: str | Path) -> bool:
    """Return whether the source's name ends in ``.npz``."""
    return Path(source).suffix == ".npz"


def load(source: str | Path, length: int | None = None) -> Probe | Tokens:
    """Read ``images``, ``labels`` and ``classes``; arrays of Python objects are refused, never unpickled.

    ``images`` and the range of ``labels`` are as in :class:`Probe`, the labels any integers; ``classes`` is
    the number of classes or the list of their names (absent: the largest label plus one).

    Instead of them there may be a text, with ``vocabulary_size`` (absent: the largest token plus one): either
    ``tokens``, (time, sequences), whose targets are the tokens of a step later; or ``input_ids``, (sequences, length),
    without targets.

    Args:
        source: the ``.npz`` file.
        length: tokens to keep of each sequence; all by default.

    Raises:
        DataError: no such file, damaged, a missing array, or a wrong type, shape or label.
        ValueError: a ``length`` of images, or one that the sequences do not have.
    """
    arrays = _read(Path(source))
    if "images" not in arrays:
        tokens = _tokens(source, arrays)
        return tokens if length is None else tokens.cut(length)
    if length is not None:
        raise ValueError(f"{source} holds images, which have no length")
    if arrays["labels"].dtype.kind not in "iu":
        raise DataError(source, "labels of an integer type", f"{arrays['labels'].dtype}")
    labels = arrays["labels"].astype(np.int64)
    return Probe(str(source), arrays["images"], labels, _classes(source, arrays.get("classes"), labels))


def _tokens(source: str | Path, arrays: dict[str, NDArray[Any]]) -> Tokens:
    """Return the sequences in ``tokens`` or ``input_ids``."""
    found = arrays["input_ids"] if "input_ids" in arrays else arrays["tokens"].T
    if found.dtype.kind not in "iu" or found.ndim != 2 or 0 in found.shape:
        raise DataError(source, "tokens of an integer type, of two dimensions", f"{found.dtype} {found.shape}")
    found = found.astype(np.int64)
    given = arrays.get("vocabulary_size", found.max() + 1)
    if given.size != 1 or given.dtype.kind not in "iu":
        raise DataError(source, "a vocabulary_size, an integer", f"{given.dtype} {given.shape}")
    size = int(given.item())
    if size < 1 and "vocabulary_size" in arrays:
        raise DataError(source, "a vocabulary_size of at least 1", f"{size}")
    if size > _CLASSES:
        raise DataError(source, f"at most {_CLASSES:,} tokens in a vocabulary", f"{size}")
    if "input_ids" in arrays:
        return Tokens(str(source), found, size)
    if found.shape[1] < 2:
        raise DataError(source, "at least two steps of tokens, of which the second is the target", f"{found.shape[1]}")
    return Tokens(str(source), np.ascontiguousarray(found[:, :-1]), size, np.ascontiguousarray(found[:, 1:]))


def _classes(source: str | Path, classes: NDArray[Any] | None, labels: NDArray[Any]) -> int:
    """Return the number of classes, which the file gives as a number, by names, or not at all."""
    if classes is None:
        count = int(labels.max(initial=-1)) + 1
    elif classes.ndim == 1:
        count = len(classes)
    elif classes.ndim == 0 and classes.dtype.kind in "iu":
        count = int(classes)
    else:
        found = f"{classes.dtype} of shape {classes.shape}"
        raise DataError(source, "'classes' as a number or a list of names", found)
    if count > _CLASSES:
        raise DataError(source, f"at most {_CLASSES:,} classes", f"{count}")
    return count


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """Return the archive's known arrays, those of exactly one kind of probe."""
    meter = Meter(existing(path, "a .npz file"), _LIMITS)
    arrays: dict[str, NDArray[Any]] = {}
    with open_zip(path, "a .npz file of plain arrays", meter) as archive:
        places = {member: inside(path, member) for member in archive.namelist()}
        names = [str(place.with_suffix("")) for place in places.values() if place.suffix == ".npy"]
        for member, place in places.items():
            name = str(place.with_suffix(""))
            if place.suffix == ".npy" and name in _ARRAYS:
                if name in arrays:
                    raise DataError(path, "arrays of different names", f"{name!r} twice")
                arrays[name] = npy_array(path / member, read_member(path, archive, member, meter))
    kinds = [name for name in _KINDS if name in arrays]
    if len(kinds) != 1 or (kinds == ["images"] and "labels" not in arrays):
        raise DataError(path, "arrays 'images' and 'labels', 'tokens', or 'input_ids'", f"arrays {sorted(names)}")
    return arrays
