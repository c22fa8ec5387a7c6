"""What to do where NASLib cannot be imported."""

from __future__ import annotations

import sys

from naslib_zc_plugin.hosts.naslib.compat import repairs
from naslib_zc_plugin.hosts.naslib.compat._packages import NEEDED, command, missing, there

EXTRA = "pip install 'naslib-zc-plugin[naslib]'"
"""Installs the packages that NASLib imports, not NASLib itself."""
GET = (
    "git clone https://github.com/automl/NASLib and put the clone on PYTHONPATH (its setup.py refuses Python after "
    f"3.9); {EXTRA} brings the packages that it imports"
)
"""How NASLib itself is had: it has no release that today's Python takes."""


def advice(error: Exception) -> str:
    """Why NASLib could not be imported, and what to install or to repair.

    Args:
        error: what its import raised.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not there("naslib"):
        return f"NASLib as a host needs naslib, not found: {GET}"
    lacking = missing(NEEDED)
    name = (getattr(error, "name", None) or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and name not in (*lacking, "naslib", "naslib_zc_plugin"):
        lacking.append(name)
    if lacking:
        alone = f" (or {command(lacking[0])})" if len(lacking) == 1 else ""
        return f"NASLib imports {', '.join(lacking)}, not installed: {EXTRA}{alone}"
    needed = ", ".join(repair.name for repair in repairs() if repair.status == "needed")
    if needed:
        call = "naslib_zc_plugin.hosts.naslib.compat.repair()"
        return f"NASLib cannot be imported in Python {version}: {error}. First call {call}, which repairs {needed}"
    return f"NASLib cannot be imported in Python {version}: {error}; `nas-zc doctor` tells what else is wrong"
