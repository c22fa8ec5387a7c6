"""A zoo of small networks that have tripped implementations of proxies: name → function that makes a :class:`Case`."""

from __future__ import annotations

from naslib_zc_plugin.testing import convolutional, extremes, peculiar, recurrent, sequential, stateful, transformers
from naslib_zc_plugin.testing.case import Maker, seeded

ROOMS = convolutional, extremes, peculiar, recurrent, sequential, stateful, transformers
NETWORKS: dict[str, Maker] = {make.__name__: seeded(make) for room in ROOMS for make in room.MAKERS}
"""Each call makes the same case anew."""
