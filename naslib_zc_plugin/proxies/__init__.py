"""One file per proxy: its mathematics as a pure function of observations, and one ``@proxy`` record.

The file's name is the proxy's name, and being here is all it takes to be found; files whose names begin with an
underscore are no proxies. Other distributions register theirs in the entry-point group ``naslib_zc_plugin.proxies``.
"""

from __future__ import annotations

from naslib_zc_plugin.proxies._registry import describe, proxies, proxy

__all__ = ["describe", "proxies", "proxy"]
