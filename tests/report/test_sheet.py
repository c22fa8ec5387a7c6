"""Words in Markdown."""

from __future__ import annotations

import pytest

from naslib_zc_plugin.report.sheet import escaped


@pytest.mark.parametrize(
    "text, shown",
    [
        ("|none~0|", r"\|none~0\|"),
        ("val_12 < *", r"val\_12 \< \*"),
        ("again by `nas-zc search a_b.yaml`, a_b", r"again by `nas-zc search a_b.yaml`, a\_b"),
        ("a_b ` c_d", r"a\_b ` c\_d"),
    ],
)
def test_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown
