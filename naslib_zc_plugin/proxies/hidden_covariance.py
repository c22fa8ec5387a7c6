"""Hidden covariance."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from naslib_zc_plugin.extend import HiddenStates, Undefined, proxy
from naslib_zc_plugin.proxies.jacov import covariance_score


def states(layer: int = 1, rows: str = "units") -> Sequence[HiddenStates]:
    """The hidden states of all layers.

    Raises:
        ValueError: no such layer or rows.
    """
    if not isinstance(layer, int) or layer == 0:
        raise ValueError(f"layer must be 1, 2 … from the first, or -1, -2 … from the last, not {layer!r}")
    if rows not in ("units", "samples"):
        raise ValueError(f"rows must be 'units' or 'samples', not {rows!r}")
    return [HiddenStates()]


@proxy(needs=states, version=1, paper="Serianni & Kalita, ACL 2023", higher_is_better=True)
def hidden_covariance(layers: list[Tensor | None], *, layer: int = 1, rows: str = "units") -> float:
    r"""Correlations R of a recurrent layer's hidden states: :math:`-\sum_i [\log(\lambda_i + k) + 1/(\lambda_i + k)]`.

    λ: eigenvalues of R, k = 1e-5, the formula of ``jacov``. R: correlations between units over samples and steps, of
    the states before each step (zero before the first). Higher is better. Undefined without a recurrent layer, where a
    row never changes, and for layers of ``nn.LSTM`` and its like that cannot be seen: all but the upper one, and those
    that run both ways. Others are seen where they stack a state (N, width) per step (``torch.stack``), as is whatever
    else a network stacks like that.

    Source: aaronserianni/training-free-nas. Its paper speaks of the samples' states; the code, whose values are
    published, correlates the units: ``rows="samples"`` is the other reading.

    Args:
        layers: states (N, T, width) of each layer; None where they cannot be seen.
        layer: which, 1 the first, -1 the last; the first has the highest correlation in that paper.
        rows: ``"units"``: R of the layer's units; ``"samples"``: of the samples.
    """
    if abs(layer) > len(layers):
        raise Undefined(f"the network has {len(layers)} recurrent layers, and no layer {layer}")
    chosen = layers[layer - 1 if layer > 0 else layer]
    if chosen is None:
        raise Undefined("of torch's own layers with num_layers above 1 only the upper one can be seen")
    matrix = chosen.flatten(1) if rows == "samples" else chosen.flatten(0, 1).T
    return covariance_score(matrix, f"hidden states of layer {layer} never change, or are not finite")
