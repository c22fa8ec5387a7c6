"""Width times depth."""

from __future__ import annotations

from naslib_zc_plugin.extend import proxy
from naslib_zc_plugin.observations.paths import Paths, layer_paths
from naslib_zc_plugin.observations.stages import blocks
from naslib_zc_plugin.passes import NotApplicable


@proxy(needs=[layer_paths(mixing=True)], version=1, paper="baseline", higher_is_better=True)
def width_depth(found: Paths) -> float:
    """Compute the sum over blocks of the width of their outputs: width times depth, where all are of one width.

    The blocks follow each other on the one way that every path takes, and each mixes positions: a transformer's (with
    attention, a transform or a convolution), a residual block of convolutions, a convolution where nothing goes round
    it, not pooling alone; without positions, each layer is one. Width: number of channels or features. The classifier,
    and what comes before the first block (embeddings, a stem), do not count. Higher is better. No data, no labels.

    On spaces of transformers this is a baseline that few published proxies beat.

    Args:
        found: the paths.

    Returns:
        The sum.

    Raises:
        Undefined: no path that can be differentiated leads from the inputs to the outputs, or there is no block.

    >>> import torch
    >>> from naslib_zc_plugin import score
    >>> encoder = torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    >>> blocks = torch.nn.TransformerEncoder(encoder, 3, enable_nested_tensor=False)
    >>> net = torch.nn.Sequential(torch.nn.Linear(8, 16), blocks, torch.nn.Linear(16, 4))
    >>> score(net, torch.randn(4, 5, 8), ["width_depth"])["width_depth"].value
    48.0
    """
    widths = [value.channels for value in blocks(found)[1:]]
    if not widths:
        raise NotApplicable("no block follows the first value that every path passes")
    return float(sum(widths))
