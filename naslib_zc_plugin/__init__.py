"""Training-free ("zero-cost") proxies: how good a network will be, estimated without training it.

>>> import naslib_zc_plugin as zc
>>> zc.list_proxies("gradalign*")
['gradalign1', 'gradalign2']

``score`` scores any ``nn.Module``, ``rank`` ranks several, ``latency_here`` times one; ``list_proxies`` lists names,
``describe`` returns the facts of one, ``proxy`` gives one options. Nothing here imports torch before a network is
scored or a proxy's facts are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.proxies import describe, list_proxies, proxy
from naslib_zc_plugin.record import Option, ProxyInfo, ProxyRequest
from naslib_zc_plugin.scoring import Score, Scores, score

if TYPE_CHECKING:
    from naslib_zc_plugin.latency import latency_here
    from naslib_zc_plugin.ranked import CandidateRanking
    from naslib_zc_plugin.ranking import rank

__all__ = [
    "CandidateRanking",
    "Option",
    "ProxyInfo",
    "ProxyRequest",
    "Score",
    "Scores",
    "describe",
    "latency_here",
    "list_proxies",
    "proxy",
    "rank",
    "score",
]
__version__ = "0.1.0"

# Those of numpy, and what is asked for rarely: keys and strategies do without.
_LATE = {"CandidateRanking": "ranked", "latency_here": "latency", "rank": "ranking"}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
