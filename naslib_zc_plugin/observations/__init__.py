"""Ready observations of a network while it runs, and the kinds of calls that ``p.on`` knows by name.

An observation of one proxy alone stands in that proxy's file.
"""

from __future__ import annotations

from naslib_zc_plugin.observations.flops import operation_count
from naslib_zc_plugin.observations.gradients import (
    hessian_times_gradient,
    input_jacobian,
    output_gradients,
    scalar_gradients,
    weight_gradients,
)
from naslib_zc_plugin.observations.hidden_states import hidden_saliency, hidden_states
from naslib_zc_plugin.observations.kernels import activation_kernel, relu_agreement
from naslib_zc_plugin.observations.layers import layer_weights, parameter_sizes
from naslib_zc_plugin.observations.per_sample import sample_grams, sign_sums

__all__ = [
    "activation_kernel",
    "hessian_times_gradient",
    "hidden_saliency",
    "hidden_states",
    "input_jacobian",
    "layer_weights",
    "operation_count",
    "output_gradients",
    "parameter_sizes",
    "relu_agreement",
    "sample_grams",
    "scalar_gradients",
    "sign_sums",
    "weight_gradients",
]
