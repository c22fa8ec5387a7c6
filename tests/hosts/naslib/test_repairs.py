"""The repairs as such: what they detect, what they refuse, and that nothing happens unasked. NASLib is not needed."""

from __future__ import annotations

import collections
import collections.abc
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.hosts.naslib.compat import (
    CORNERS,
    command,
    missing,
    plain_scalars,
    repair,
    repairs,
    squared_error,
    sum_any,
)


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def _detects(name: str) -> bool:
    return next(each for each in repairs() if each.name == name).detect()


def test_each_says_what_breaks_and_what_is_done() -> None:
    names = [each.name for each in repairs()]
    assert len(set(names)) == len(names) >= 6
    for each in repairs():
        assert each.breaks and each.remedy and each.status in ("applied", "needed", "not needed")


def test_a_name_that_is_none_is_refused_before_anything_is_done() -> None:
    with pytest.raises(ValueError, match="no repair 'numpy'; there are collections, "):
        repair(["collections", "numpy"])


def test_importing_repairs_nothing() -> None:
    code = (
        "import collections, sys\nbefore = hasattr(collections, 'Iterable'), list(sys.meta_path)\n"
        "import naslib_zc_plugin.hosts.naslib\nfrom naslib_zc_plugin.hosts.naslib import compat\ncompat.repairs()\n"
        "assert (hasattr(collections, 'Iterable'), list(sys.meta_path)) == before\n"
        "assert not {'naslib', 'torch', 'torchvision'} & set(sys.modules)"
    )
    done = _python(code)
    assert done.returncode == 0, done.stderr


def test_a_repair_is_applied_once_and_says_so() -> None:
    code = (
        "import collections\nfrom naslib_zc_plugin.hosts.naslib.compat import repair, repairs\n"
        "needed = [each.name for each in repairs() if each.status == 'needed']\n"
        "only = [name for name in needed if name == 'numpy-hashes']\n"
        "assert repair(['numpy-hashes']) == only and repair(['numpy-hashes']) == []\n"
        "assert [each.name for each in repairs() if each.status == 'applied'] == only\n"
        "assert repair() == [name for name in needed if name not in only] and repair() == []\n"
        "assert not [each for each in repairs() if each.status == 'needed']"
    )
    done = _python(code)
    assert done.returncode == 0, done.stderr


def test_where_python_has_the_names_nothing_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "Iterable", collections.abc.Iterable, raising=False)
    assert not _detects("collections")
    monkeypatch.delattr(collections, "Iterable")
    # Before, Python gives it on demand, and warns.
    assert _detects("collections") is (sys.version_info >= (3, 10))


def test_what_numpy_and_scikit_learn_take_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    monkeypatch.setattr(np, "sum", sum)
    monkeypatch.setattr(metrics, "mean_squared_error", lambda y_true, y_pred, squared=True: 0.0)
    assert not _detects("numpy-sum") and not _detects("sklearn-squared")

    def refuses(values: Any) -> Any:
        raise TypeError("Calling np.sum(generator)")

    monkeypatch.setattr(np, "sum", refuses)
    monkeypatch.setattr(metrics, "mean_squared_error", lambda y_true, y_pred: 0.0)
    assert _detects("numpy-sum") and _detects("sklearn-squared")


def test_packages_that_are_missing_are_named_with_their_command() -> None:
    assert missing(["json", "no_such_module", "numpy"]) == ["no_such_module"]
    assert command("skimage") == "pip install scikit-image" and command("six") == "pip install six"
    assert command("torchvision").startswith("pip install --no-deps 'torchvision==0.")
    assert {"pybnn", "xgboost", "turtle"} <= set(CORNERS)


_NUMBERS = st.integers(-(2**31), 2**31 - 1)
_ANY = st.recursive(
    st.one_of(_NUMBERS, _NUMBERS.map(np.int64), st.floats(width=32, allow_nan=False).map(np.float32), st.text()),
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.lists(inner, max_size=4),
    max_leaves=20,
)


@given(_ANY)
def test_plain_changes_no_value_and_leaves_no_scalar_of_numpy(value: Any) -> None:
    found = plain_scalars(value)
    assert found == value and type(found) is (value.item().__class__ if isinstance(value, np.generic) else type(value))
    flat = [found]
    while flat:
        each = flat.pop()
        assert not isinstance(each, np.generic)
        flat += each if isinstance(each, (tuple, list)) else ()


@given(st.lists(_NUMBERS.map(np.int64), min_size=6, max_size=6).map(tuple))
def test_the_text_of_a_plain_hash_is_that_of_its_numbers(value: tuple[np.int64, ...]) -> None:
    assert str(plain_scalars(value)) == "(" + ", ".join(f"{int(number):d}" for number in value) + ")"
    assert hash(plain_scalars(value)) == hash(value)


@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=1, max_size=20))
def test_the_error_and_its_root_are_as_defined(pairs: list[tuple[float, float]]) -> None:
    if not hasattr(pytest.importorskip("sklearn.metrics"), "root_mean_squared_error"):
        pytest.skip("scikit-learn before 1.4, which takes squared= itself")
    true, given_ = np.array(pairs).T
    squares = [(a - b) ** 2 for a, b in pairs]
    assert squared_error(true, given_) == pytest.approx(sum(squares) / len(pairs))
    assert squared_error(true, given_, squared=False) == pytest.approx((sum(squares) / len(pairs)) ** 0.5)


def test_sums() -> None:
    assert sum_any(number for number in (1, 2, 3)) == 6
    assert sum_any(np.ones((2, 3)), axis=0).tolist() == [2, 2, 2]
