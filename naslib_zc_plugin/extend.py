"""All that a new proxy is made of: the ``proxy`` record, observations and settings, and the bases of new ones."""

from __future__ import annotations

from naslib_zc_plugin.observe import Batch, Layer, Network, Observation, Outcome, Setting, Undefined
from naslib_zc_plugin.observe.activations import activation_handlers
from naslib_zc_plugin.observe.batch import tensors
from naslib_zc_plugin.observe.cancelling import check_sum
from naslib_zc_plugin.observe.capture import CONVOLUTIONS, EVERY, TRANSPOSED, Function, Handler
from naslib_zc_plugin.observe.constants import EMBEDDINGS, ConstantOutputs, Constants
from naslib_zc_plugin.observe.distances import Distance, euclidean, jensen_shannon
from naslib_zc_plugin.observe.forward import Forward, ForwardObservation, Target
from naslib_zc_plugin.observe.gradients import (
    HessianTimesGradient,
    LayerGradients,
    OutputGradients,
    WeightGradients,
    scalar_gradients,
)
from naslib_zc_plugin.observe.inputs import Given, NormalPair, Ones
from naslib_zc_plugin.observe.jacobian import InputJacobian
from naslib_zc_plugin.observe.kernels import (
    REGISTERED,
    Activation,
    ActivationKernel,
    ReluAgreement,
    register_activation,
)
from naslib_zc_plugin.observe.layout import LAYER, check_batch_first
from naslib_zc_plugin.observe.measures import Measure, Partition
from naslib_zc_plugin.observe.named import ATTENTION, PROJECTIONS, linear_layers, linear_names
from naslib_zc_plugin.observe.operations import Operations
from naslib_zc_plugin.observe.persample import Chunk, SampleObservation
from naslib_zc_plugin.observe.run import Run
from naslib_zc_plugin.observe.signs import Grams, SignSums
from naslib_zc_plugin.observe.states import HiddenSaliency, HiddenStates
from naslib_zc_plugin.observe.static import Sizes, StillObservation, Weights
from naslib_zc_plugin.observe.weights import Absolute, Drawn, Held
from naslib_zc_plugin.record import Proxy, proxy

__all__ = [
    "EMBEDDINGS",
    "ATTENTION",
    "CONVOLUTIONS",
    "LAYER",
    "TRANSPOSED",
    "Absolute",
    "Activation",
    "ActivationKernel",
    "Batch",
    "Chunk",
    "ConstantOutputs",
    "Constants",
    "Distance",
    "Drawn",
    "EVERY",
    "Forward",
    "ForwardObservation",
    "Function",
    "Given",
    "Grams",
    "Handler",
    "Held",
    "HessianTimesGradient",
    "HiddenSaliency",
    "HiddenStates",
    "InputJacobian",
    "Layer",
    "LayerGradients",
    "Measure",
    "Network",
    "NormalPair",
    "Observation",
    "Ones",
    "Operations",
    "Outcome",
    "OutputGradients",
    "PROJECTIONS",
    "Partition",
    "Proxy",
    "REGISTERED",
    "ReluAgreement",
    "Run",
    "SampleObservation",
    "Setting",
    "SignSums",
    "Sizes",
    "StillObservation",
    "Target",
    "Undefined",
    "WeightGradients",
    "Weights",
    "activation_handlers",
    "check_batch_first",
    "check_sum",
    "euclidean",
    "jensen_shannon",
    "linear_layers",
    "linear_names",
    "proxy",
    "register_activation",
    "scalar_gradients",
    "tensors",
]
