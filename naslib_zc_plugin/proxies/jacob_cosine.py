"""Jacobian cosine."""

from __future__ import annotations

from torch import Tensor

from naslib_zc_plugin.extend import InputJacobian, Undefined, proxy


def cosine_score(jacobian: Tensor) -> float:
    """The score of input gradients, (N, D).

    Raises:
        Undefined: a single sample, or a gradient that is zero or not finite.
    """
    samples = len(jacobian)
    if samples < 2:
        raise Undefined("cosines between samples need at least two")
    rows = jacobian.double()
    cosines = rows @ rows.T / rows.norm(dim=1).outer(rows.norm(dim=1))
    if not bool(cosines.isfinite().all()):
        raise Undefined("the outputs do not depend on the input, or their gradient is not finite")
    roots = cosines.fill_diagonal_(0).abs() ** (1 / 20)
    return 1 - float(roots.sum()) / 2 / (samples**2 - samples)


@proxy(
    needs=[InputJacobian()], version=1, paper="Celotti et al., 2020; Serianni & Kalita, ACL 2023", higher_is_better=True
)
def jacob_cosine(jacobian: Tensor) -> float:
    r"""Cosines c of samples' input gradients: :math:`1 - \frac{1}{N^2 - N} \sum_{i < j} |c_{ij}|^{1/20}`.

    Rows as for ``jacov``: by the embedding's output where the inputs are tokens. From 0.5 (all parallel, where
    ``jacov`` runs away) to 1 (all orthogonal). Higher is better. Undefined for a dead network. Source:
    aaronserianni/training-free-nas.
    """
    return cosine_score(jacobian)
