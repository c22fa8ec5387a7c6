"""Attention confidence."""

from __future__ import annotations

from naslib_zc_plugin.extend import FORWARD, Forward, NotApplicable, observation, proxy
from naslib_zc_plugin.observations.layers import PROJECTIONS, linear_names
from naslib_zc_plugin.passes import ForwardPass, LayerCall, Steps
from naslib_zc_plugin.proxies._formulas import Patterns, several


@observation(setting=Forward(without_graph=True))  # maxima feel last bits
def largest_over_positions(p: ForwardPass, layers: tuple[str, ...] = PROJECTIONS) -> Steps[list[float]]:
    """Average over samples and features the largest value over positions, per call of a named linear layer: list.

    Args:
        p: the pass.
        layers: shell-style patterns of the modules' names.

    Raises:
        Undefined: no named layer was called, or an output is not (samples, positions, features).
    """
    named = linear_names({name: p.weights[name] for name in p.network.layers}, layers)
    means: list[float] = []

    def see(call: LayerCall) -> None:
        if call.name not in named:
            return
        if call.output.ndim < 3 or call.batch or len(call.output) != p.batch.size:
            shape = tuple(call.output.shape)
            raise NotApplicable(f"a projection's output {shape} is not (samples, positions, features)")
        means.append(call.output.detach().amax(1).mean().item())

    p.on_layers(see)
    yield FORWARD
    if not means:
        raise NotApplicable(f"no linear layer named like {', '.join(layers)} was called")
    return means


@proxy(
    needs=lambda layers: [largest_over_positions(several(layers))],
    version=1,
    paper="Serianni & Kalita, ACL 2023 (code)",
    higher_is_better=True,
)
def head_confidence(found: list[float], *, layers: Patterns = PROJECTIONS, average: bool = False) -> float:
    r"""Compute the sum over attention's projections of their largest outputs.

    :math:`\mathrm{mean}_{n,f} \max_t z_{ntf}`, z the outputs; n: samples, t: positions, f: features. Projections: the
    linear layers that make queries, keys and values, and their like in FlexiBERT; each call counts. Higher is better.
    No labels, no gradients.

    Source: aaronserianni/training-free-nas, which calls attention confidence the maximum over axis 1 of the outputs
    that its hooks see: positions here. The paper's text has the maximum of attention weights, see
    ``head_softmax_confidence``.

    Args:
        found: the mean of the maxima for each call of a projection.
        layers: shell-style patterns of the modules' names.
        average: return the mean over projections (that code's "normalized") instead of the sum.

    Returns:
        The sum or the mean.

    Raises:
        Undefined: no layer is named so (torch's ``nn.MultiheadAttention`` has no projections of its own), or its
            output is not (samples, positions, features).

    >>> head_confidence([1.5, 0.5]), head_confidence([1.5, 0.5], average=True)
    (2.0, 1.0)
    """
    return sum(found) / (len(found) if average else 1)
