"""Images in numpy's archive format."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import DataError, existing, inside, readable
from naslib_zc_plugin.probes.base import Probe

_ARRAYS = ("images", "labels", "classes")


def recognises(source: str | Path) -> bool:
    """Whether the source's name ends in ``.npz``."""
    return Path(source).suffix == ".npz"


def load(source: str | Path) -> Probe:
    """Read ``images``, ``labels`` and ``classes``; arrays of Python objects are refused, never unpickled.

    ``images`` and the range of ``labels`` are as in :class:`Probe`, the labels any integers; ``classes`` is
    the number of classes or the list of their names (absent: the largest label plus one).

    Raises:
        DataError: no such file, damaged, a missing array, or a wrong type, shape or label.
    """
    arrays = _read(Path(source))
    if arrays["labels"].dtype.kind not in "iu":
        raise DataError(source, "labels of an integer type", f"{arrays['labels'].dtype}")
    labels = arrays["labels"].astype(np.int64)
    return Probe(str(source), arrays["images"], labels, _classes(source, arrays.get("classes"), labels))


def _classes(source: str | Path, classes: NDArray[Any] | None, labels: NDArray[Any]) -> int:
    if classes is None:
        return int(labels.max(initial=-1)) + 1
    if classes.ndim == 1:
        return len(classes)
    if classes.ndim == 0 and classes.dtype.kind in "iu":
        return int(classes)
    found = f"{classes.dtype} of shape {classes.shape}"
    raise DataError(source, "'classes' as a number or a list of names", found)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    if not zipfile.is_zipfile(existing(path, "a .npz file")):
        raise DataError(path, "a .npz file", "a file that is no zip archive, or a truncated one")
    with readable(path, "a .npz file of plain arrays"), np.load(path, allow_pickle=False) as archive:
        names = [str(inside(path, name)) for name in archive.files]
        arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in names if name in _ARRAYS}
    if not {"images", "labels"} <= arrays.keys():
        raise DataError(path, "arrays 'images' and 'labels'", f"arrays {sorted(names)}")
    return arrays
