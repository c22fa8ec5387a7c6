"""Our strategies by name, as NNI's."""

from __future__ import annotations

from typing import Any

from naslib_zc_plugin.hosts.nni.adapter import Search


class RandomSearch(Search):
    """Random search, :mod:`naslib_zc_plugin.strategies.random_search`; arguments of :class:`Search`."""

    def __init__(self, **options: Any) -> None:
        super().__init__("random_search", **options)


class AgingEvolution(Search):
    """Ageing evolution, :mod:`naslib_zc_plugin.strategies.aging_evolution`; arguments of :class:`Search`.

    NNI's own gives every choice a chance to be drawn anew, perhaps to the same value, and passes over what was there
    before; this one changes exactly one choice, as the paper does.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("aging_evolution", **options)


class Area(Search):
    """A proxy picks the first population, :mod:`naslib_zc_plugin.strategies.area`; arguments of :class:`Search`.

    Raises:
        ValueError: no proxy.
    """

    def __init__(self, *, proxy: Any, **options: Any) -> None:
        super().__init__("area", proxy=proxy, **options)


class WarmUp(Search):
    """A proxy ranks what is evaluated first, :mod:`naslib_zc_plugin.strategies.warm_up`.

    Arguments of :class:`Search`; ``around`` may also be another strategy of this module, whose name and options count.

    Raises:
        ValueError: no proxy.
    """

    def __init__(self, *, proxy: Any, **options: Any) -> None:
        super().__init__("warm_up", proxy=proxy, **options)


class Move(Search):
    """A proxy chooses child or parent, :mod:`naslib_zc_plugin.strategies.move`; arguments of :class:`Search`.

    Raises:
        ValueError: no proxy.
    """

    def __init__(self, *, proxy: Any, **options: Any) -> None:
        super().__init__("move", proxy=proxy, **options)
