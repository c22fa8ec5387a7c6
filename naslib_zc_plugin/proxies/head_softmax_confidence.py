"""Softmax confidence of attention heads."""

from __future__ import annotations

from torch import Tensor

from naslib_zc_plugin.extend import FORWARD, Forward, NotApplicable, observation, proxy
from naslib_zc_plugin.passes import ForwardPass, Steps


@observation(setting=Forward(without_graph=True))  # maxima feel last bits
def largest_over_heads(p: ForwardPass) -> Steps[list[float]]:
    """Average over samples and pairs of positions the largest weight among the heads, per call of attention: list.

    Every softmax with heads, (N, heads, queries, keys), is seen; others are none of attention's.

    Raises:
        Undefined: no attention was seen.
    """
    means: list[float] = []

    def see(output: Tensor) -> None:
        if output.ndim == 4 and len(output) == p.batch.size:
            means.append(output.amax(1).mean().item())

    p.on("softmax", see)
    yield FORWARD
    if not means:
        raise NotApplicable("no softmax over (samples, heads, queries, keys) was seen: no attention")
    return means


@proxy(needs=[largest_over_heads()], version=1, paper="Serianni & Kalita, ACL 2023", higher_is_better=True)
def head_softmax_confidence(found: list[float], *, average: bool = False) -> float:
    r"""Compute the sum over attention layers of the largest attention weights.

    :math:`\mathrm{mean}_{n,q,k} \max_h A_{nhqk}`, A the attention weights; n: samples, h: heads, q and k: positions;
    weights before dropout, also those inside torch's attention functions. Higher is better. No labels, no gradients.

    Source: aaronserianni/training-free-nas. Its networks with Fourier or cosine transforms compute a softmax of the
    transform that nothing uses and that its scores count: so do FlexiBERT networks of the variant ``"published"``.
    The paper's text takes the maximum over positions and the mean over heads.

    Args:
        found: the mean of the maxima for each call of attention.
        average: return the mean over layers (that code's "normalized") instead of the sum.

    Returns:
        The sum or the mean.

    Raises:
        Undefined: the network has no attention.

    >>> head_softmax_confidence([0.5, 0.25]), head_softmax_confidence([0.5, 0.25], average=True)
    (0.75, 0.375)
    """
    return sum(found) / (len(found) if average else 1)
