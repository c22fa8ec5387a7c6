"""Training-free ("zero-cost") proxies: how good will a network be, told without training it.

>>> import naslib_zc_plugin as zc
>>> zc.proxies("gradalign*")
['gradalign1', 'gradalign2']

``score`` scores any ``nn.Module``; ``proxies`` lists names, ``describe`` tells the facts of one, ``proxy`` gives one
options. Nothing here imports torch before a network is scored or a proxy's facts are asked for.
"""

from __future__ import annotations

from naslib_zc_plugin.proxies import describe, proxies, proxy
from naslib_zc_plugin.request import ProxyInfo, ProxyRequest
from naslib_zc_plugin.score import Score, score

__all__ = ["ProxyInfo", "ProxyRequest", "Score", "describe", "proxies", "proxy", "score"]
__version__ = "0.1.0"
