"""Images that exist without a download: scikit-learn's handwritten digits, and synthetic ones.

The synthetic ones are those of the data ablation of epsilon (Gracheva, 2022, appendix A.4). Published Spearman
correlations of epsilon with CIFAR-10 accuracy (5,000 architectures of NAS-Bench-201, batches of 256): real images .87,
grey .87, normal .54, uniform .56, uniform on [0, 1] .61.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes.base import Probe, Source

_SIZE = 8
_PREFIX = "synthetic:"
_KINDS = ("grey", "normal", "uniform", "uniform01")


def digits(source: str | Path = "digits", size: int = _SIZE) -> Probe:
    """Return 1,797 real images of the digits 0 to 9 in three equal channels, grey levels 0..16 scaled to 0..255.

    Args:
        source: the text ``digits``.
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


def synthetic(source: str | Path, n: int = 256, size: int = 32, classes: int = 10, seed: int = 0) -> Probe:
    """Return ``n`` square float32 images of three channels, with labels dealt evenly and then shuffled.

    ``grey``: solid images whose level rises evenly from 0 (black, the first) to 1 (white, the last).
    ``normal``: every value from N(0, 1). ``uniform``: from U(-1, 1). ``uniform01``: from U(0, 1).

    Args:
        source: ``synthetic:`` and one of these kinds.
        n: number of images.
        size: height and width.
        classes: number of classes.
        seed: of the draw.

    Raises:
        DataError: unknown kind, or a number below one.
    """
    kind = str(source)[len(_PREFIX) :]
    if kind not in _KINDS:
        raise DataError(source, f"synthetic: and one of {', '.join(_KINDS)}", repr(kind))
    if min(n, size, classes) < 1:
        found = f"n={n}, size={size}, classes={classes}"
        raise DataError(source, "n, size and classes of at least 1", found)
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % classes)
    shape = (n, size, size, 3)
    if kind == "grey":
        images = np.broadcast_to(np.linspace(0, 1, n, dtype=np.float32).reshape(n, 1, 1, 1), shape).copy()
    elif kind == "normal":
        images = rng.standard_normal(shape, dtype=np.float32)
    else:
        images = rng.random(shape, dtype=np.float32)
        if kind == "uniform":
            images = 2 * images - 1
    return Probe(str(source), images, labels, classes)


DIGITS = Source(lambda source: str(source) == "digits", digits)
SYNTHETIC = Source(lambda source: str(source).startswith(_PREFIX), synthetic)
