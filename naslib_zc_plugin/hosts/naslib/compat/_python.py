"""What newer Pythons have removed."""

from __future__ import annotations

import collections
import collections.abc
import inspect
from functools import partial

from naslib_zc_plugin.hosts.naslib.compat._overlay import overlay
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

ARGUMENTS = Repair(
    name="inspect-getargspec",
    breaks="Python 3.11 removed inspect.getargspec: the predictor LCE-m fails",
    remedy="`inspect.getargspec` inside its module is inspect.getfullargspec",
    detect=lambda: not hasattr(inspect, "getargspec"),
    apply=partial(overlay, ("naslib.predictors.lce_m.curvemodels",), "inspect", getargspec=inspect.getfullargspec),
)
