"""EPE-NAS: correlations of input gradients within classes."""

from __future__ import annotations

from itertools import product

from torch import Tensor

from naslib_zc_plugin.extend import FORWARD, NotApplicable, input_jacobian, observation, proxy
from naslib_zc_plugin.passes import ForwardPass, Steps
from naslib_zc_plugin.proxies._formulas import correlations


@observation(labels=True)
def sample_classes(p: ForwardPass) -> Steps[tuple[Tensor, int]]:
    """Return the class index of each sample, (N,), and the number of logits.

    Raises:
        Undefined: labels are not one class index per sample.
    """
    logits = yield FORWARD
    if p.batch.classes is None:
        raise NotApplicable("samples are grouped by class: labels must be one class index per sample")
    p.check_finite()
    return p.batch.classes, logits.shape[-1] if logits.ndim > 1 else 1


@proxy(
    needs=[input_jacobian(), sample_classes()],
    version=1,
    paper="Lopes et al., ICANN 2021",
    higher_is_better=True,
    aliases=["epe"],
)
def epe_nas(jacobian: Tensor, classes: tuple[Tensor, int]) -> float:
    r"""Compute the correlations of input gradients, class by class.

    Sum over classes c of :math:`|\sum_{ij} \log(|R^c_{ij}| + k)|`, k = 1e-5, where :math:`R^c` are the correlations
    of the input gradients of the samples of c; rows as for ``jacov``. Higher is better. For more than 100 logits each
    class's sum is divided by its number of samples, classes of one sample are left out (the reference fails on them
    and goes on), and the score is the sum of the differences :math:`|s_c - s_{c'}|` over all ordered pairs, divided by
    the number of classes.

    Source: VascoLopes/EPE-NAS as in NASLib.

    Args:
        jacobian: gradients of the sum of the logits by each sample, (N, D).
        classes: index of each sample's class, (N,), and the number of logits.

    Returns:
        The score.

    Raises:
        Undefined: labels are not one class index per sample, the network is dead, or, for more than 100 logits, every
            class has a single sample.

    >>> import torch
    >>> jacobian = torch.tensor([[1.0, 2.0, 4.0], [2.0, 4.0, 8.0], [0.0, 3.0, 0.0]])
    >>> round(epe_nas(jacobian, (torch.tensor([0, 0, 1]), 10)), 6)
    5e-05
    """
    labels, logits = classes
    matrix = correlations(jacobian).abs().add(1e-5).log()
    members = [(labels == label).nonzero().flatten() for label in labels.unique()]
    if logits <= 100:
        return sum(abs(matrix[rows][:, rows].sum().item()) for rows in members)
    sums = [matrix[rows][:, rows].sum().item() / len(rows) for rows in members if len(rows) > 1]
    if not sums:
        raise NotApplicable("every class has a single sample: there is nothing to correlate")
    return sum(abs(a - b) for a, b in product(sums, sums)) / len(sums)
