"""Number of parameters."""

from __future__ import annotations

from naslib_zc_plugin.extend import Sizes, proxy


@proxy(needs=[Sizes()], version=1, paper="baseline", higher_is_better=True)
def params(sizes: list[int]) -> float:
    """Number of parameters, trainable or not; one that several modules share counts once. Higher is better."""
    return float(sum(sizes))
