"""NAS-Bench-301 in NASLib: its specs are those of our search space."""

from __future__ import annotations

from naslib_zc_plugin.spaces.nasbench301 import check, neighbours

__all__ = ["check", "neighbours"]
