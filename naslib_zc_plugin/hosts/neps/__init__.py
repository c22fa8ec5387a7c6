"""NePS as host: a proxy chooses what its optimizers train first, or which of their candidates.

``WarmUp`` and ``ProxyCandidates`` are optimizers by NePS's protocol, to be given to ``neps.run`` as
``functools.partial(WarmUp, proxy="synflow", shape=(3, 32, 32))``; they stand around optimizers of NePS.
``read_trials``, ``read_scores`` and ``agreement`` read what they have written into the run's directory; ``run_search``
runs a search of ours by NePS's ask and tell. Nothing of NePS is imported before one of them is used.

>>> from naslib_zc_plugin.hosts import neps  # doctest: +SKIP
>>> neps.read_scores("results")["1"]  # doctest: +SKIP
4.2
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from naslib_zc_plugin.hosts._lazy import LazyFace

_FILES = {
    "optimizers": "ProxyCandidates WarmUp",
    "ask_and_tell": "run_search",
    "records": "TrialScore agreement read_scores read_trials",
}
_HELP = "pip install 'naslib-zc-plugin[neps]' (Python 3.11 or later; pandas and networkx older than 3)"


def _load(file: str) -> Any:
    if find_spec("neps") is None:
        raise ImportError(f"NePS as a host needs NePS, not installed: {_HELP}")
    try:
        return import_module(file)
    except ImportError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise ImportError(f"NePS cannot be imported in Python {version}: {error}. Install it anew: {_HELP}") from error


_FACE = LazyFace(__name__, _FILES, _load)
__all__ = _FACE.names
__getattr__, __dir__ = _FACE.__getitem__, _FACE.__dir__
