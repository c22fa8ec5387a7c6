"""Which values the types of options take, and how they are said."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Optional, Union

import numpy as np
import pytest

from naslib_zc_plugin.record import Bounds, ProxyRequest, takes, values_text

SHARE = Annotated[float, Bounds(least=0, most=1)]


@pytest.mark.parametrize(
    ("kind", "text", "right", "wrong"),
    [
        (Literal["a", "b", 1], "'a', 'b' or 1", ["a", 1], ["c", True, 1.0, None]),
        (bool, "True or False", [True], [1, "yes", np.bool_(True)]),
        (int, "an integer", [3, np.int64(3)], [True, 3.0, "3"]),
        (float, "a number", [3, 0.5, np.float32(1)], [True, "3", None]),
        (str, "a text", ["", "a"], [1, None]),
        (SHARE, "a number from 0 to 1", [0, 1, 0.5], [-0.1, 2, float("nan"), True]),
        (Annotated[int, Bounds(above=0, without=3)], "an integer above 0 other than 3", [1, 4], [0, 3]),
        (Optional[str], "a text or None", ["a", None], [1]),
        (Union[str, Sequence[str]], "a text or a sequence of texts", ["a", ["a"], ()], [[1], 1]),
        (tuple[float, float], "2 numbers", [(1, 2), [1.0, 2]], [(1,), (1, "2"), "12", 3]),
        (Sequence[SHARE], "a sequence of numbers from 0 to 1", [[0.5], ()], [[2], "12"]),
        (Annotated[Sequence[float], Bounds(distinct=True)], "a sequence of different numbers", [[1, 2]], [[1, 1]]),
        (dict, "dict", [{}], [[]]),
        (dict[str, int], "dict", [{"a": 1}], [[]]),
        (Any, "any value", [1, "a", None], []),
    ],
)
def test_a_type_takes_its_values_and_no_others(kind: Any, text: str, right: list[Any], wrong: list[Any]) -> None:
    assert values_text(kind) == text
    assert all(takes(kind, value) for value in right)
    assert not any(takes(kind, value) for value in wrong)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="needs X | Y of Python 3.10")
def test_unions_of_newer_pythons() -> None:
    assert takes(str | None, None) and not takes(str | None, 3) and values_text(int | str) == "an integer or a text"


def test_the_label_of_a_request_is_its_name_unless_given() -> None:
    assert ProxyRequest("naswot").label == "naswot" and ProxyRequest("naswot", label="mine").label == "mine"
