"""EPE-NAS: correlations of input gradients within classes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

from torch import Tensor

from naslib_zc_plugin.extend import ForwardObservation, InputJacobian, Run, Undefined, proxy
from naslib_zc_plugin.proxies.jacov import correlations


@dataclass(frozen=True)
class Classes(ForwardObservation):
    """Class index of each sample, (N,), and the number of logits."""

    labels: ClassVar[bool] = True

    def read(self, run: Run) -> tuple[Tensor, int]:
        """The classes.

        Raises:
            Undefined: labels are not one class index per sample.
        """
        if run.batch.classes is None:
            raise Undefined("samples are grouped by class: labels must be one class index per sample")
        return run.batch.classes, run.logits.shape[-1]


@proxy(needs=[InputJacobian(), Classes()], version=1, paper="Lopes et al., ICANN 2021", higher_is_better=True)
def epe_nas(jacobian: Tensor, classes: tuple[Tensor, int]) -> float:
    r"""Sum over classes c of :math:`|\sum_{ij} \log(|R^c_{ij}| + k)|`, R^c correlations of input gradients, k = 1e-5.

    Rows as for ``jacov``. Higher is better. For more than 100 logits: each class's sum is divided by its number of
    samples, classes of one sample are left out (the reference fails on them and goes on), and the score is the sum of
    the differences :math:`|s_c - s_{c'}|` over all ordered pairs divided by the number of classes. Source:
    VascoLopes/EPE-NAS as in NASLib.
    """
    labels, logits = classes
    matrix = correlations(jacobian).abs().add(1e-5).log()
    members = [(labels == label).nonzero().flatten() for label in labels.unique()]
    if logits <= 100:
        return sum(abs(matrix[rows][:, rows].sum().item()) for rows in members)
    sums = [matrix[rows][:, rows].sum().item() / len(rows) for rows in members if len(rows) > 1]
    if not sums:
        raise Undefined("every class has a single sample: there is nothing to correlate")
    return sum(abs(a - b) for a, b in product(sums, sums)) / len(sums)
