"""Expressivity of AZ-NAS."""

from __future__ import annotations

from naslib_zc_plugin.extend import proxy
from naslib_zc_plugin.observations.stages import Shown, stage_entropies, stage_observations
from naslib_zc_plugin.proxies._formulas import Patterns, several


@proxy(
    needs=lambda stages, inputs: stage_observations(stage_entropies, several(stages), inputs),
    version=1,
    paper="Lee & Ham, CVPR 2024",
    higher_is_better=True,
)
def az_expressivity(entropies: list[float], *, stages: Patterns = (), inputs: Shown = "noise") -> float:
    r"""Compute the sum over stages of the entropy of features.

    :math:`\sum_l H_l`, :math:`H_l = -\sum_i p_i \log(p_i + 10^{-8})`; p: eigenvalues of the covariance of the channels
    of stage l over samples and positions, divided by their sum, so that :math:`H_l \le \log C_l`. Features are those of
    N(0, 1) in the shape of the batch, in train mode, for weights of convolution and linear layers drawn anew (Kaiming's
    normal initialisation by their inputs; biases 0, norms as new); of tokens, the embeddings are drawn. Higher is
    better; ``repeats=`` averages over draws. No data, no labels.

    Stages: the outputs of the modules that the network names (spaces with cells: the stem, each cell and each
    reduction); of any other network values that every path from input to output passes, however its modules are
    nested: one before the first block and the output of each block, a convolution with its norm and activation, a
    residual block, a cell, a transformer's block, see :func:`~.observations.stages.graph_stages`.

    Source: cvlab-yonsei/AZ-NAS, the code for NAS-Bench-201, which draws 64 samples; here it is as many as the batch
    has. It takes the features of the stem, of every cell and of every reduction. The stages by the graph are the same
    values in NAS-Bench-201's networks, unless all edges of a cell copy their input or leave it out: such a cell is no
    block. Where features do not vary it returns −∞. Its code for vision transformers is in evaluation mode.

    Args:
        entropies: of the stages, in the order of the forward run.
        stages: names of the modules whose outputs are the stages; empty: as above.
        inputs: N(0, 1), or the batch.

    Returns:
        The sum.

    Raises:
        Undefined: the features of a stage do not vary, or are not finite; no stage is found, or one is not reached.

    >>> az_expressivity([1.5, 2.0])
    3.5
    """
    return sum(entropies)
