"""Number of parameters."""

from __future__ import annotations

from naslib_zc_plugin.extend import proxy
from naslib_zc_plugin.observations.layers import parameter_sizes


@proxy(needs=[parameter_sizes()], version=1, paper="baseline", higher_is_better=True, aliases=["num_params"])
def params(sizes: list[int]) -> float:
    """Compute the number of parameters.

    Trainable or not; one that several modules share counts once. Higher is better.

    Args:
        sizes: number of values of each parameter.

    Returns:
        The sum.

    >>> params([12, 3])
    15.0
    """
    return float(sum(sizes))
