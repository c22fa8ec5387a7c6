"""Tests of a third party's proxies and strategies: odd networks, fingerprints, and laws to inherit.

:class:`~naslib_zc_plugin.testing.conformance.ProxyConformance` holds the laws of proxies,
:class:`~naslib_zc_plugin.testing.strategies.StrategyConformance` those of strategies (these two modules need pytest).

>>> NETWORKS["conv_bn_relu"]().score("params")["params"].value
666.0
"""

from __future__ import annotations

from naslib_zc_plugin.testing.case import Case
from naslib_zc_plugin.testing.fingerprint import Fingerprint, fingerprint, global_state
from naslib_zc_plugin.testing.networks import NETWORKS

__all__ = ["NETWORKS", "Case", "Fingerprint", "fingerprint", "global_state"]
