"""What newer releases of NumPy, scikit-learn and torch no longer take."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from naslib_zc_plugin.hosts.naslib.compat._overlay import overlay
from naslib_zc_plugin.hosts.naslib.compat._record import Repair

_SUM = ("naslib.utils",)
_SQUARED = ("naslib.utils", "naslib.utils.zerocost", "naslib.defaults.predictor_evaluator")
_GPWL = ("naslib.predictors.gp.gpwl",)
_SEMINAS = ("naslib.predictors.seminas", "naslib.predictors.omni_seminas")


def _refuses_generators() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            np.sum(number for number in (1,))  # type: ignore[call-overload]
        except TypeError:
            return True
    return False


def _sum(values: Any, *arguments: Any, **options: Any) -> Any:
    """``np.sum``; of a generator the sum of what it gives."""
    return sum(values) if isinstance(values, Iterator) else np.sum(values, *arguments, **options)


def _refuses_ragged() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            np.array([[1], [1, 2]])
        except ValueError:
            return True
    return False


def _array(values: Any, *arguments: Any, **options: Any) -> Any:
    """``np.array``; of sequences that differ in length an array of objects."""
    try:
        return np.array(values, *arguments, **options)
    except ValueError:
        found = np.empty(len(values), dtype=object)
        for place, value in enumerate(values):
            found[place] = value
        return found


def _lacks_int() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return not hasattr(np, "int")


def _refuses_floats() -> bool:
    import torch

    try:
        torch.LongTensor([np.float32(1)])
    except TypeError:
        return True
    return False


def _long_tensor(values: Any) -> Any:
    """``torch.LongTensor`` of numbers that are integers, whatever their type."""
    import torch

    return torch.LongTensor([int(value) for value in values])


def _refuses_squared() -> bool:
    if find_spec("sklearn") is None:
        return False
    from sklearn.metrics import mean_squared_error

    return "squared" not in inspect.signature(mean_squared_error).parameters


def _mean_squared_error(y_true: Any, y_pred: Any, *, squared: bool = True, **options: Any) -> Any:
    """Scikit-learn's mean squared error; its root where ``squared`` is false."""
    from sklearn.metrics import mean_squared_error, root_mean_squared_error

    return (mean_squared_error if squared else root_mean_squared_error)(y_true, y_pred, **options)


SUM = Repair(
    name="numpy-sum",
    breaks="NumPy 2.4 sums no generator: naslib.utils.count_parameters_in_MB fails, and with it "
    "Trainer(...) for every optimizer but RandomSearch",
    remedy="`np.sum` inside naslib.utils takes one",
    detect=_refuses_generators,
    apply=partial(overlay, _SUM, "np", sum=_sum),
)

LONG = Repair(
    name="torch-long",
    breaks="Python 3.10 takes no float for an int, and torch.LongTensor none of NumPy's: the predictors NAO, SemiNAS "
    "and OmniSemiNAS fail",
    remedy="`torch.LongTensor` inside their two modules takes them",
    detect=_refuses_floats,
    apply=partial(overlay, _SEMINAS, "torch", LongTensor=_long_tensor),
)

RAGGED = Repair(
    name="numpy-ragged",
    breaks="NumPy 1.24 makes no array of what differs in length: the predictor GPWL fails on its graphs",
    remedy="`np.array` inside its module makes one of objects",
    detect=_refuses_ragged,
    apply=partial(overlay, _GPWL, "np", array=_array),
)

INT = Repair(
    name="numpy-int",
    breaks="NumPy 1.24 removed np.int: the predictors SemiNAS and OmniSemiNAS fail when fitted semi-supervised",
    remedy="`np.int` inside their two modules is int",
    detect=_lacks_int,
    apply=partial(overlay, _SEMINAS, "np", int=int),
)

SQUARED = Repair(
    name="sklearn-squared",
    breaks="scikit-learn 1.6 removed mean_squared_error(squared=): every metric of naslib.utils.compute_scores and "
    "PredictorEvaluator is NaN, without a word",
    remedy="`metrics.mean_squared_error` inside NASLib's three modules takes it",
    detect=_refuses_squared,
    apply=partial(overlay, _SQUARED, "metrics", mean_squared_error=_mean_squared_error),
)
