"""What a third party's proxy, space or strategy can be tested with: odd networks, fingerprints, and laws to inherit.

:class:`~naslib_zc_plugin.testing.conformance.ProxyConformance` holds the laws of proxies,
:class:`~naslib_zc_plugin.testing.strategies.StrategyConformance` those of strategies (these two modules need pytest).
"""

from __future__ import annotations

from naslib_zc_plugin.testing import sequences as _sequences  # adds its networks
from naslib_zc_plugin.testing.fingerprint import Fingerprint, fingerprint, global_state
from naslib_zc_plugin.testing.networks import NETWORKS, Case

del _sequences
__all__ = ["NETWORKS", "Case", "Fingerprint", "fingerprint", "global_state"]
