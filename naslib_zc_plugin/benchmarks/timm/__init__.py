r"""Real, trained models: ImageNet accuracies that timm (pytorch-image-models, Apache-2.0) measured of its weights.

The table has a row for each model (an architecture and the tag of its training) and image size. What is read has one
for each architecture that was trained on ImageNet-1k alone, without other data and without a teacher (:func:`alone`).

**One truth.** Trainings differ more than many architectures do: ResNet-50 stands there with 29 of them, from 76.0 to
81.2 %. ``accuracy`` is the architecture's part of an additive model,

.. math:: \text{top1} = \text{architecture} + \text{tag} + \text{slope} \cdot \log_2(\text{pixels} / 224),

by least squares, with one square of each tag's effect added (:data:`SHRINKAGE`), which leaves the effect of a tag that
no other joins at 0: the top-1 accuracy in % at 224 × 224 after an average training. ``best_top1`` is that of the best
row. Chosen by the 45 architectures with several tags, 208 rows: of a tag that is left out, the model gives the
accuracies with an error of .87 (root mean square), without the slope 1.12, an architecture's own mean 1.78; random
halves of the tags agree by a Spearman correlation of .87, and by .84 where the best rows stand for them.

>>> family("tf_efficientnet_b0"), family("vit_small_patch16_224")
('efficientnet', 'vit')
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.benchmarks._formats import Columns
from naslib_zc_plugin.benchmarks._table import Benchmark, ColumnInfo, Table, Truth
from naslib_zc_plugin.files import DataError, shown

REFERENCE = 224
"""Height and width of the images at which accuracies are compared."""
SHRINKAGE = 1.0
"""Weight of the squares of the tags' effects."""

OTHER_DATA = frozenset(
    "in12k in21k in22k jft yfcc100m ig1b laion2b laiona webli openai clip mim m30m 6m swag seer ssl swsl ns".split()
)
"""Parts of tags that name data besides ImageNet-1k, or weights made of such data."""
TEACHERS = frozenset("dist distilled ssld usi".split())
"""Parts of tags that name a training by a teacher."""
TAUGHT = ("volo", "lvvit", "beit")
"""Beginnings of architectures whose trainings have one, whatever the tag: labels for each token by another network."""

NUMBERS = {
    "top5": ("top-5 accuracy", "%"),
    "top1_imagenetv2": ("top-1 accuracy on ImageNet-v2, matched frequency", "%"),
    "top1_imagenet_r": ("top-1 accuracy on ImageNet-R", "%"),
    "top1_imagenet_real": ("top-1 accuracy with the labels of ImageNet-ReaL", "%"),
    "params_M": ("parameters", "M"),
    "gmacs": ("multiply-adds, thousand millions", ""),
    "macts": ("activations, millions", ""),
    "benchmark_img_size": ("pixels of a side for which gmacs, macts and times are", ""),
    "cpu_i9_10940x_ms_per_image": ("milliseconds for an image on one processor", ""),
}
"""Further numbers, of the row that was timed on images closest to the reference."""


def alone(model: str) -> bool:
    """Return whether a model was trained on ImageNet-1k alone and without a teacher, by its name.

    >>> alone("resnet50.a1_in1k"), alone("resnet50.fb_swsl_ig1b_ft_in1k"), alone("edgenext_base.usi_in1k")
    (True, False, False)
    """
    architecture, _, tag = model.partition(".")
    taught = architecture.startswith(TAUGHT) or "distilled" in architecture.split("_")
    return not taught and (OTHER_DATA | TEACHERS).isdisjoint(tag.split("_"))


def family(key: str) -> str:
    """Return the family of an architecture: the letters that its name begins with, without who ported it."""
    name = re.sub("^(tf|legacy|gluon|dm|eca|ese|nf|wide|lambda)_", "", key)
    return re.split(r"v?\d|_", name)[0]


@dataclass(frozen=True)
class TimmTable(Table):
    """A table of models, which is read as one of architectures."""

    def check(self, path: Path, columns: Columns, promised: bytes | None = None) -> Benchmark:
        """Return the benchmark in the columns of a table of models, as :meth:`Table.check` does."""
        return super().check(path, _of_architectures(path, columns), promised)


TABLE = TimmTable(
    name="timm",
    file="timm/imagenet.parquet",
    key="model",
    columns={
        "accuracy": ColumnInfo("top-1 accuracy on ImageNet at 224 pixels after an average training", "%", True),
        "best_top1": ColumnInfo("top-1 accuracy on ImageNet of the best training and image size", "%", True),
        "trainings": ColumnInfo("tags with a row"),
        **{name: ColumnInfo(what, unit, gaps=True) for name, (what, unit) in NUMBERS.items()},
    },
    family=family,
    title="Real models (timm)",
    truths={"imagenet": Truth("accuracy", "ImageNet")},
    converter=f"{__name__}.convert:columns",
)


def _of_architectures(path: Path, columns: Columns) -> Columns:
    """Return the columns of the architectures in a table of models; raise :class:`DataError` unless it is one."""
    models, sizes, top1 = _models(path, columns)
    kept = [row for row, model in enumerate(models) if alone(model)]
    if not kept:
        raise DataError(path, "models that were trained on ImageNet-1k alone", "none")
    names, tags = zip(*(models[row].split(".", 1) for row in kept))
    size, accuracy = sizes[kept], top1[kept]
    architectures, group = np.unique(names, return_inverse=True)
    effects = architecture_effects(group, np.unique(tags, return_inverse=True)[1], size, accuracy)
    numbers = {name: _number(path, columns, name)[kept] for name in NUMBERS if name in columns}
    rows = [np.flatnonzero(group == number) for number in range(len(architectures))]
    timed = numbers.get("benchmark_img_size", size)
    distance = np.abs(np.log2(np.where(np.isnan(timed), np.inf, timed) / REFERENCE))
    closest = np.array([of_it[np.lexsort((-accuracy[of_it], distance[of_it]))[0]] for of_it in rows])
    return {
        "model": architectures.tolist(),
        "accuracy": effects,
        "best_top1": np.array([accuracy[of_it].max() for of_it in rows]),
        "trainings": np.array([len({tags[row] for row in of_it}) for of_it in rows], dtype=np.float64),
        **{name: values[closest] for name, values in numbers.items()},
    }


def architecture_effects(
    architecture: NDArray[np.intp], tag: NDArray[np.intp], size: NDArray[np.float64], top1: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit the additive model of the module.

    Args:
        architecture: number of the architecture of each row, from 0.
        tag: number of its tag, from 0.
        size: pixels of a side of its images.
        top1: its accuracy in %.

    Returns:
        The part of each architecture, in %.

    >>> rows = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.full(4, 224.0), np.array([70.0, 72.0, 75.0, 77.0])
    >>> architecture_effects(*rows).round(6).tolist()
    [71.0, 76.0]
    """
    rows, architectures, tags = len(top1), int(architecture.max()) + 1, int(tag.max()) + 1
    design = np.zeros((rows + tags, architectures + tags + 1))
    design[np.arange(rows), architecture] = 1.0
    design[np.arange(rows), architectures + tag] = 1.0
    design[:rows, -1] = np.log2(size / REFERENCE)
    design[rows + np.arange(tags), architectures + np.arange(tags)] = SHRINKAGE**0.5
    found = np.linalg.lstsq(design, np.append(top1, np.zeros(tags)), rcond=None)[0]
    return np.asarray(found[:architectures], dtype=np.float64)


def _models(path: Path, columns: Columns) -> tuple[Sequence[str], NDArray[np.float64], NDArray[np.float64]]:
    """Return the models, the pixels of a side and the top-1 accuracies of a table, each model and size once."""
    unknown = set(columns) - {"model", "architecture", "tag", "img_size", "top1", "imagenet1k_only", *NUMBERS}
    if unknown:
        raise DataError(path, "columns of timm's results alone", f"columns {', '.join(sorted(unknown))}")
    models = columns.get("model", [])
    wrong = next((each for each in models if not (isinstance(each, str) and re.fullmatch(r"\w+\.\w+", each))), None)
    if not len(models) or wrong is not None:
        raise DataError(path, "models such as resnet50.a1_in1k", shown(wrong))
    sizes, top1 = (_number(path, columns, name) for name in ("img_size", "top1"))
    good = (sizes >= 1) & np.isfinite(sizes) & (top1 >= 0) & (top1 <= 100)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise DataError(path, "sizes of images and percents", f"{sizes[row]:g} and {top1[row]:g} of {models[row]}")
    if len(set(zip(models, sizes.tolist()))) < len(models):
        raise DataError(path, "a row for each model and image size", "some more than once")
    return models, sizes, top1


def _number(path: Path, columns: Columns, name: str) -> NDArray[np.float64]:
    values: Any = columns.get(name)
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        raise DataError(path, f"{name!r} as a column of numbers", "none" if values is None else shown(values[0]))
    return values.astype(np.float64)
