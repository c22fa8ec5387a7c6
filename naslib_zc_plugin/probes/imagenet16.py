"""ImageNet16-120: the first 120 classes of ImageNet at 16×16 pixels (Chrabaszcz et al., 2017; NAS-Bench-201).

The official files of ImageNet16, ``train_data_batch_1`` to ``train_data_batch_10`` and ``val_data``, are
pickles of a dict with ``data`` (uint8, images × 768, channel by channel) and ``labels`` (1..1000).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import DataError, existing, unpickle
from naslib_zc_plugin.probes.base import Probe

_SIDE = 16
_CLASSES = 120
_FILES = {"train": tuple(f"train_data_batch_{number}" for number in range(1, 11)), "val": ("val_data",)}
_NAMES = frozenset(_FILES["train"] + _FILES["val"])


def recognises(source: str | Path) -> bool:
    """Return whether the source is named as one of the official files, or a folder that holds one."""
    path = Path(source)
    return path.name in _NAMES or any((path / name).is_file() for name in _NAMES)


def load(source: str | Path, split: str = "train") -> Probe:
    """Return the images of classes 1 to 120, relabelled 0 to 119, in the official order.

    Args:
        source: the folder of the official files, or one of them.
        split: ``"train"`` (all ten files) or ``"val"``; for a folder.

    Raises:
        DataError: a file is missing, damaged or not of this form, or asks to run code.
    """
    path = Path(source)
    if split not in _FILES:
        raise DataError(path, "split 'train' or 'val'", repr(split))
    parts = [_read(file) for file in ([path / name for name in _FILES[split]] if path.is_dir() else [path])]
    images = np.concatenate([images for images, _ in parts])
    labels = np.concatenate([labels for _, labels in parts])
    return Probe("imagenet16_120", images, labels, _CLASSES)


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the images of the first 120 classes in a file, (n, 16, 16, 3), and their labels from 0."""
    content = unpickle.read_pickle(existing(path, "an official file of ImageNet16"))
    if not isinstance(content, dict) or not {"data", "labels"} <= content.keys():
        names = [key for key in content if isinstance(key, str)][:10] if isinstance(content, dict) else []
        found = f"keys {names}" if isinstance(content, dict) else type(content).__name__
        raise DataError(path, "a dict with 'data' and 'labels'", found)
    data = content["data"]
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (3 * _SIDE * _SIDE,):
        found = f"{data.dtype} of shape {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise DataError(path, "'data' as uint8 of shape (n, 768)", found)
    labels = _labels(path, content["labels"], len(data))
    kept = labels <= _CLASSES
    return data[kept].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1).copy(), labels[kept] - 1


def _labels(path: Path, values: Any, n: int) -> NDArray[np.int64]:
    """Return a file's labels after checking their type, number and range."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise DataError(path, "'labels' as a list of integers", type(values).__name__)
    if len(values) != n:
        raise DataError(path, f"{n} labels", f"{len(values)}")
    if n and (min(values) < 1 or max(values) > 1000):
        low, high = (max(-9999, min(each, 9999)) for each in (min(values), max(values)))
        raise DataError(path, "labels in 1..1000", f"labels in {low}..{high}")
    return np.array(values, dtype=np.int64)
