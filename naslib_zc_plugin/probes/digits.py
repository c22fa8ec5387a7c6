"""Scikit-learn's handwritten digits: 1,797 real images that are there without a download."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes.base import Probe

_SIZE = 8


def recognises(source: str | Path) -> bool:
    """Whether the source is the text ``digits``."""
    return str(source) == "digits"


def load(source: str | Path = "digits", size: int = _SIZE) -> Probe:
    """The digits 0 to 9 in three equal channels, grey levels 0..16 scaled to 0..255.

    Args:
        size: height and width, at least 8; enlarged from 8×8 by nearest neighbour.

    Raises:
        DataError: scikit-learn is absent, or ``size`` is too small.
    """
    if size < _SIZE:
        raise DataError(source, f"size of at least {_SIZE}", f"size={size}")
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        raise DataError(source, "scikit-learn: pip install 'naslib-zc-plugin[cli]'", str(error)) from error
    data = load_digits()
    nearest = np.arange(size) * _SIZE // size
    grey = np.rint(data.images * (255 / 16)).astype(np.uint8)[:, nearest][:, :, nearest]
    return Probe("digits", np.repeat(grey[..., None], 3, axis=3), data.target.astype(np.int64), classes=10)
