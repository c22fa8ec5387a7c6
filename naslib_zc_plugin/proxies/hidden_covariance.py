"""Hidden covariance."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from naslib_zc_plugin.extend import Bounds, NotApplicable, proxy
from naslib_zc_plugin.observations.hidden_states import hidden_states
from naslib_zc_plugin.proxies._formulas import covariance_score


@proxy(needs=[hidden_states()], version=1, paper="Serianni & Kalita, ACL 2023", higher_is_better=True)
def hidden_covariance(
    layers: list[Tensor | None],
    *,
    layer: Annotated[int, Bounds(without=0)] = 1,
    rows: Literal["units", "samples"] = "units",
) -> float:
    r"""Compute jacov's formula on a recurrent layer's hidden states.

    :math:`-\sum_i [\log(\lambda_i + k) + 1/(\lambda_i + k)]`; λ: eigenvalues of R, k = 1e-5; R: correlations between
    units over samples and steps, of the states before each step (zero before the first). Higher is better. Layers of
    one's own are seen where they stack a state (N, width) per step (``torch.stack``), as is whatever else a network
    stacks like that.

    Source: aaronserianni/training-free-nas. Its paper has the samples' states; the code, whose values are published,
    correlates the units: ``rows="samples"`` is the other reading.

    Args:
        layers: states of each layer, (N, T, width); None where they cannot be seen.
        layer: which, 1 the first, -1 the last; the first has the highest correlation in that paper.
        rows: R is that of the layer's units, or of the samples.

    Returns:
        The score.

    Raises:
        Undefined: no recurrent layer of that number, a row that never changes, or a layer of ``nn.LSTM`` and its like
            that cannot be seen: all but the upper one, and those that run both ways.

    >>> import torch
    >>> states = torch.tensor([[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]])  # two units, not correlated
    >>> round(hidden_covariance([states]), 4)
    -2.0
    """
    if abs(layer) > len(layers):
        raise NotApplicable(f"the network has {len(layers)} recurrent layers, and no layer {layer}")
    chosen = layers[layer - 1 if layer > 0 else layer]
    if chosen is None:
        raise NotApplicable("of torch's own layers with num_layers above 1 only the upper one can be seen")
    matrix = chosen.flatten(1) if rows == "samples" else chosen.flatten(0, 1).T
    return covariance_score(matrix, f"hidden states of layer {layer} never change, or are not finite")
