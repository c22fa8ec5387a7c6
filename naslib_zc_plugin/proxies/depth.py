"""Depth."""

from __future__ import annotations

from naslib_zc_plugin.extend import proxy
from naslib_zc_plugin.observations.paths import Paths, layer_paths


@proxy(needs=[layer_paths()], version=1, paper="baseline", higher_is_better=True)
def depth(found: Paths) -> float:
    """Compute the number of convolution and linear layers on the longest path from inputs to outputs.

    The path that passes the most of them, in the graph of a forward run; a layer that it passes several times, as the
    steps of a recurrent one do, counts each time. What counts as a layer is as in ``layers``. Higher is better. No
    data, no labels.

    Args:
        found: the paths.

    Returns:
        The number.

    Raises:
        Undefined: no path that can be differentiated leads from the inputs to the outputs.

    >>> depth(Paths(layers=[], depth=3, cuts=[], head=None, mixed=set(), met=set(), channels={}))
    3.0
    """
    return float(found.depth)
