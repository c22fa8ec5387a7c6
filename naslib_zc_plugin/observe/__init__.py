"""What a network shows at initialisation: shared forward and backward passes that proxies read from.

An :class:`Observation` says what to watch and how to read it; its :class:`Setting` says under which weights, inputs
and norm policy the network runs. Observations with equal settings share one pass (:func:`observe`). The network is
only borrowed: nothing of it has changed afterwards. This room knows no proxy.
"""

from __future__ import annotations

from naslib_zc_plugin.observe.batch import Batch
from naslib_zc_plugin.observe.borrow import Refused, borrowed
from naslib_zc_plugin.observe.engine import observe
from naslib_zc_plugin.observe.network import Layer, Network
from naslib_zc_plugin.observe.observation import Observation, Outcome, Setting, Undefined

__all__ = [
    "Batch",
    "Layer",
    "Network",
    "Observation",
    "Outcome",
    "Refused",
    "Setting",
    "Undefined",
    "borrowed",
    "observe",
]
