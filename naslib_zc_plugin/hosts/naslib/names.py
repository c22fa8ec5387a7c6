"""What NASLib calls proxies that are ours under another name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from naslib_zc_plugin.campaign.naslib_json import NAMES
from naslib_zc_plugin.hosts._scoring import Named

ALIASES: Mapping[str, Named] = MappingProxyType(
    {
        **{theirs: ours for ours, theirs in NAMES.items()},
        "synflow_bn": {"name": "synflow", "keep_norm": "*"},
    }
)
"""Its names; all others are the same here and there."""
