"""NASLib Develop on today's Python: each break that is known, detected first, and repaired only if it is there.

:func:`repair` is asked for, and works in this process alone: nothing is written, NASLib's files stay as they are.
It may come before or after NASLib is imported; nothing of NASLib is imported by it. ::

    from naslib_zc_plugin.hosts.naslib import compat

    compat.repair()
    from naslib.defaults.trainer import Trainer

With older packages, where nothing is broken, it does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from naslib_zc_plugin.hosts.naslib.compat._absent import ABSENT
from naslib_zc_plugin.hosts.naslib.compat._hashes import HASHES
from naslib_zc_plugin.hosts.naslib.compat._libraries import INT, LONG, RAGGED, SQUARED, SUM
from naslib_zc_plugin.hosts.naslib.compat._packages import NEEDED, command, corners, missing
from naslib_zc_plugin.hosts.naslib.compat._python import ARGUMENTS, COLLECTIONS
from naslib_zc_plugin.hosts.naslib.compat._record import APPLIED, Repair
from naslib_zc_plugin.hosts.naslib.compat._torchvision import OPERATORS

__all__ = ["Repair", "lacking", "repair", "repairs"]

_REPAIRS = (COLLECTIONS, ARGUMENTS, ABSENT, OPERATORS, SUM, INT, RAGGED, HASHES, SQUARED, LONG)


def lacking() -> dict[str, str]:
    """Modules that NASLib imports and that are not installed → the command that installs each."""
    return {module: command(module) for module in missing([*NEEDED, *corners()])}


def repairs() -> list[Repair]:
    """All repairs there are, needed here or not; :attr:`Repair.status` says which."""
    return list(_REPAIRS)


def repair(names: Iterable[str] | None = None) -> list[str]:
    """Apply the repairs that are needed here and not applied yet.

    Args:
        names: these alone; None: all.

    Returns:
        Names of those that were applied now, in the order of :func:`repairs`.

    Raises:
        ValueError: no repair of that name.
    """
    known = [each.name for each in _REPAIRS]
    wanted = known if names is None else list(names)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"no repair {', '.join(map(repr, unknown))}; there are {', '.join(known)}")
    done = []
    for each in _REPAIRS:
        if each.name in wanted and each.status == "needed":
            each.apply()
            APPLIED[each.name] = each.remedy
            done.append(each.name)
    return done
