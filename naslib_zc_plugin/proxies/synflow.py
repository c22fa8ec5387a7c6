"""Synaptic flow."""

from __future__ import annotations

from naslib_zc_plugin.extend import Layer, proxy
from naslib_zc_plugin.observations.gradients import flow_gradients
from naslib_zc_plugin.proxies._formulas import saliency


@proxy(
    needs=flow_gradients,
    version=1,
    paper="Tanaka et al., NeurIPS 2020; Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
    aliases={"synaptic_flow": {}, "synflow_bn": {"keep_norm": "*"}},
)
def synflow(layers: list[Layer], *, keep_norm: str = "") -> float:
    r"""Compute the synaptic flow of absolute weights, without batch norm.

    Sum over weights of convolution and linear layers of :math:`|W \cdot \partial R/\partial W|`; R: the sum of outputs
    for one sample of ones and absolute parameters, batch norm taken out, in double precision (values reach 1e50; rank
    them, or take logarithms as NASLib does). No data, no labels. Higher is better. Biases, as absolute values, take
    part in the forward run.

    Source: SamsungLabs/zero-cost-nas; one round, where Tanaka et al. prune in 100.

    Args:
        layers: each with its absolute weight and the gradient of R.
        keep_norm: shell-style pattern of names of modules whose batch norm stays, with statistics of the one sample.
            That code's own NAS-Bench-201 networks keep it in their reductions (``"*reduction*"`` here, for published
            values); ``"*"`` is its ``synflow_bn``.

    Returns:
        The sum.

    >>> import torch
    >>> synflow([Layer("head", torch.tensor([1.0, 2.0]), torch.tensor([3.0, 1.0]))])
    5.0
    """
    return saliency(layers)
