"""What newer Pythons have removed."""

from __future__ import annotations

import collections
import collections.abc

from naslib_zc_plugin.hosts.naslib.compat._record import Repair


def _lacks_iterable() -> bool:
    return not hasattr(collections, "Iterable")


def _set_iterable() -> None:
    collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]


COLLECTIONS = Repair(
    name="collections",
    breaks="Python 3.10 removed collections.Iterable: `import naslib.predictors` fails",
    remedy="collections.Iterable is collections.abc.Iterable again",
    detect=_lacks_iterable,
    apply=_set_iterable,
)
