"""Our strategies by name, as NASLib's optimizers."""

from __future__ import annotations

from typing import Any

from naslib_zc_plugin.hosts.naslib.adapter import Search


class RandomSearch(Search):
    """Random search, :mod:`naslib_zc_plugin.strategies.random_search`; arguments of :class:`Search`.

    Like NASLib's of that name, it draws what it may have drawn before, unless ``distinct``.
    """

    def __init__(self, config: Any, **options: Any) -> None:
        super().__init__("random_search", config, **options)


class AgingEvolution(Search):
    """Ageing evolution, :mod:`naslib_zc_plugin.strategies.aging_evolution`; arguments of :class:`Search`.

    In NAS-Bench-201 NASLib's own, ``RegularizedEvolution``, leaves cells without input or output out of its first
    population; this one draws from all 15,625.
    """

    def __init__(self, config: Any, **options: Any) -> None:
        super().__init__("aging_evolution", config, **options)


class Area(Search):
    """A proxy picks the first population, :mod:`naslib_zc_plugin.strategies.area`; arguments of :class:`Search`.

    Raises:
        ValueError: no proxy.
    """

    def __init__(self, config: Any, *, proxy: Any, **options: Any) -> None:
        super().__init__("area", config, proxy=proxy, **options)


class WarmUp(Search):
    """A proxy ranks what is evaluated first, :mod:`naslib_zc_plugin.strategies.warm_up`.

    Arguments of :class:`Search`. The whole pool is scored in the first epoch.

    Raises:
        ValueError: no proxy.
    """

    def __init__(self, config: Any, *, proxy: Any, **options: Any) -> None:
        super().__init__("warm_up", config, proxy=proxy, **options)


class Move(Search):
    """A proxy chooses child or parent, :mod:`naslib_zc_plugin.strategies.move`; arguments of :class:`Search`.

    Raises:
        ValueError: no proxy.
    """

    def __init__(self, config: Any, *, proxy: Any, **options: Any) -> None:
        super().__init__("move", config, proxy=proxy, **options)
