"""Published settings of strategies, as the codes run them, which is not always what the texts say."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

Settings = Mapping[str, Mapping[str, Any]]

_NATS = {"population": 10, "sample": 3, "replacement": True, "ties": "first", "mutation": "node"}
_ZEROCOST = {"population": 64, "sample": 10, "replacement": False, "ties": "last", "mutation": "edge"}
_EPSILON = {**_ZEROCOST, "mutation": "node"}

PRESETS: Mapping[str, Settings] = {
    # Real et al., AAAI 2019, Algorithm 1 with the NASNet space's numbers.
    "real2018": {"aging_evolution": {"population": 100, "sample": 25, "replacement": True}},
    # D-X-Y/AutoDL-Projects, the documented command line; older runs of NAS-Bench-201 had samples of 10.
    "nats_bench": {"random_search": {"distinct": False}, "aging_evolution": _NATS},
    # The code: a first population and tournaments without replacement (its Algorithm 2: tournaments with), mutation
    # uniform over the six edges; a best that starts at −1 and which a lower score never beats.
    "lightweight_nas": {
        "random_search": {"distinct": True, "start": -1.0},
        "aging_evolution": {
            "population": 20, "sample": 10, "replacement": False, "ties": "newest", "mutation": "edge",
            "distinct": True, "start": -1.0,
        },
    },
    # BayesWatch/nas-without-training: indices drawn with replacement.
    "naswot": {"random_search": {"distinct": False}},
    # Mellor et al., ICML 2021; ageing evolution as in NATS-Bench, the pool's size is ours.
    "area": {"random_search": {"distinct": False}, "aging_evolution": _NATS, "area": _NATS},
    # SamsungLabs/zero-cost-nas, the notebook: warm-up and best-scored neighbour.
    "zerocost": {
        "aging_evolution": _ZEROCOST,
        "move": {**_ZEROCOST, "kind": "neighbour", "random": 0.25},
        "warm_up": {"pool": 3000},
    },
    # egracheva/epsinas, the integration notebook: "move" is the best-scored parent.
    "epsilon": {
        "aging_evolution": _EPSILON,
        "move": {**_EPSILON, "kind": "parent"},
        "warm_up": {"pool": 3000},
    },
}  # fmt: skip


def preset(name: str) -> Settings:
    """The settings of a name: strategy → options.

    Raises:
        ValueError: there are none; the message names the closest.
    """
    if name not in PRESETS:
        close = get_close_matches(name, PRESETS) or sorted(PRESETS)
        raise ValueError(f"no settings are called {name!r}; there are {', '.join(close)}")
    return PRESETS[name]
