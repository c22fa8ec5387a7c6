"""The parts of a new proxy.

Eight names make any proxy:

- ``proxy``: the record of a proxy, a function from observations to a number;
- ``observation``, ``FORWARD``, ``NEXT``, ``Grad``: a look at the network, as a generator of requests, see
  :mod:`naslib_zc_plugin.passes.engine`;
- ``Undefined``: the exception to raise where the number does not exist, or its class ``NotApplicable`` where the
  definition does not cover the kind of network (no such layers);
- ``Forward``, ``PerSample``: how the network runs, on the whole batch or on each sample alone.

>>> import torch, naslib_zc_plugin as zc
>>> @observation()
... def sparsity(p):
...     shares = []
...     p.on("relu", lambda output: shares.append((output == 0).float().mean().item()))
...     yield FORWARD
...     return shares
>>> @proxy(needs=[sparsity()], version=1, paper="mine", higher_is_better=True)
... def mean_sparsity(shares):
...     if not shares:
...         raise Undefined("no ReLU was seen")
...     return sum(shares) / len(shares)

The rest are settings (weights and inputs of a pass), ready observations, and activations of one's own.
"""

from __future__ import annotations

from naslib_zc_plugin.observations import (
    activation_kernel,
    hessian_times_gradient,
    input_jacobian,
    operation_count,
    output_gradients,
    relu_agreement,
    sample_grams,
    sign_sums,
    weight_gradients,
)
from naslib_zc_plugin.observations.kernels import (
    Activation,
    Distance,
    Partition,
    euclidean,
    jensen_shannon,
    register_activation,
)
from naslib_zc_plugin.passes import (
    FORWARD,
    NEXT,
    Forward,
    Grad,
    Layer,
    NoForward,
    NotApplicable,
    PerSample,
    Undefined,
    observation,
)
from naslib_zc_plugin.passes.inputs import NormalPair, Ones
from naslib_zc_plugin.passes.network import Absolute, Reinitialized
from naslib_zc_plugin.record import Bounds, proxy

__all__ = [
    "FORWARD",
    "NEXT",
    "Absolute",
    "Bounds",
    "Activation",
    "Distance",
    "Forward",
    "Grad",
    "Layer",
    "NoForward",
    "NormalPair",
    "NotApplicable",
    "Ones",
    "Partition",
    "PerSample",
    "Reinitialized",
    "Undefined",
    "activation_kernel",
    "euclidean",
    "hessian_times_gradient",
    "input_jacobian",
    "jensen_shannon",
    "observation",
    "operation_count",
    "output_gradients",
    "proxy",
    "register_activation",
    "relu_agreement",
    "sample_grams",
    "sign_sums",
    "weight_gradients",
]
