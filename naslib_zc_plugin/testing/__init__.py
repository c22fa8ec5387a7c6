"""What a third party's proxy can be tested with: edge-case networks, fingerprints, and a suite of laws to inherit.

:class:`~naslib_zc_plugin.testing.conformance.ProxyConformance` is the suite (its module alone needs pytest).
"""

from __future__ import annotations

from naslib_zc_plugin.testing.case import Case
from naslib_zc_plugin.testing.fingerprint import Fingerprint, fingerprint, global_state
from naslib_zc_plugin.testing.networks import NETWORKS

__all__ = ["NETWORKS", "Case", "Fingerprint", "fingerprint", "global_state"]
