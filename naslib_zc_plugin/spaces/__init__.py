"""Search spaces: the keys of architectures, and the networks that they build.

One module or folder here is one space, or a family of spaces (:mod:`.nds`); modules whose names begin with ``_`` are
shared parts. Each offers ``SPACE``, an object that keeps to :class:`Space`. A space of another distribution is such an
object, registered in the entry-point group ``naslib_zc_plugin.spaces`` (name = module:object). Keys need no torch,
only ``build`` does.

>>> from random import Random
>>> list_spaces("nasbench*")
['nasbench101', 'nasbench201', 'nasbench301', 'nasbench_nlp']
>>> nasbench201 = space("nasbench201")
>>> key = nasbench201.sample(Random(0))
>>> nasbench201.key(nasbench201.index(key)) == key, len(nasbench201.neighbours(key))
(True, 24)
"""

from __future__ import annotations

from typing import Any

from naslib_zc_plugin.registry import Registry
from naslib_zc_plugin.spaces._space import Product, Space

__all__ = ["SPACES", "Product", "Space", "list_spaces", "space"]


def _is_space(name: str, found: Any) -> bool:
    return isinstance(found, Space) and found.name == name


SPACES: Registry[Space] = Registry(
    "search space",
    "naslib_zc_plugin.spaces",
    "naslib_zc_plugin.spaces",
    attribute="SPACE",
    is_entry=_is_space,
    requirement="it needs the members of naslib_zc_plugin.spaces.Space and that name",
    others=("nds",),
    more={
        f"nds_{name}": f"naslib_zc_plugin.spaces.nds:{name.upper()}"
        for name in ("amoeba", "darts", "darts_fix_w_d", "enas", "nasnet", "pnas")
    },
)


def list_spaces(pattern: str = "*") -> list[str]:
    """Return the sorted names of the search spaces that match a shell-style pattern; none of them is imported.

    >>> list_spaces("nds_*")
    ['nds_amoeba', 'nds_darts', 'nds_darts_fix_w_d', 'nds_enas', 'nds_nasnet', 'nds_pnas']
    """
    return SPACES.names(pattern)


def space(name: str) -> Space:
    """Return the search space of a name.

    Args:
        name: one of :func:`list_spaces`.

    Raises:
        ValueError: the name is unknown; the message names the closest.
        TypeError: another distribution's object of that name cannot be loaded or is no search space of that name.

    >>> space("nats_sss").size
    32768
    """
    return SPACES.load(name)
