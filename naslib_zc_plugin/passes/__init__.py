"""How a network is run at initialisation: shared forward and backward passes that observations look at.

A :class:`Setting` names the weights, the inputs and the norm policy of a run; an :class:`Observation` looks at it.
Observations of equal settings share one pass (:func:`observe`). The network is isolated: nothing of it has changed
afterwards. This room knows no observation and no proxy.
"""

from __future__ import annotations

from naslib_zc_plugin.passes.constant_weights import ConstantWeights
from naslib_zc_plugin.passes.degenerate import NotApplicable, Undefined
from naslib_zc_plugin.passes.engine import Pass, observe
from naslib_zc_plugin.passes.forward import ForwardPass
from naslib_zc_plugin.passes.inputs import Batch
from naslib_zc_plugin.passes.isolation import UnsupportedModule, isolated
from naslib_zc_plugin.passes.layer_calls import LayerCall
from naslib_zc_plugin.passes.network import Layer, Network, with_fresh_weights
from naslib_zc_plugin.passes.observation import (
    AGAIN,
    FORWARD,
    NEXT,
    Forward,
    Grad,
    NoForward,
    Observation,
    Observed,
    PerSample,
    Setting,
    Steps,
    observation,
)
from naslib_zc_plugin.passes.per_sample import Chunk

__all__ = [
    "AGAIN",
    "FORWARD",
    "NEXT",
    "Batch",
    "Chunk",
    "ConstantWeights",
    "Forward",
    "ForwardPass",
    "Grad",
    "Layer",
    "LayerCall",
    "Network",
    "NoForward",
    "NotApplicable",
    "Observation",
    "Observed",
    "Pass",
    "PerSample",
    "Setting",
    "Steps",
    "Undefined",
    "UnsupportedModule",
    "isolated",
    "observation",
    "observe",
    "with_fresh_weights",
]
