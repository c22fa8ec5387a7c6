"""NAS-Bench-201: NNI's samples and the benchmark's architecture strings.

A sample maps ``cell/<from>_<to>`` to an operation; NNI's convolutions lack the prefix ``nor_`` of the strings. In
benchmarks without a network the labels are bare, ``<from>_<to>``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from naslib_zc_plugin.spaces.nasbench201 import EDGES, keys

PREFIX = "cell/"
NAMES = {name: name.replace("nor_", "") for name in keys.OPERATIONS}
"""Operation in the strings → in NNI."""
_BACK = {host: name for name, host in NAMES.items()}
_LABELS = [f"{source}_{target}" for source, target in EDGES]


def recognises(labels: Collection[str]) -> bool:
    """Whether these are the labels of a cell of NAS-Bench-201, and no others."""
    return len(labels) == len(_LABELS) and set(labels) == {prefix_of(labels) + label for label in _LABELS}


def prefix_of(labels: Collection[str]) -> str:
    """What stands before the names of the edges, all the same where :func:`recognises` holds."""
    head, slash, _ = next(iter(labels), "").rpartition("/")
    return head + slash


def to_key(sample: Mapping[str, Any]) -> str:
    """The architecture string of a sample.

    Raises:
        ValueError: an edge is missing, or an operation is unknown.
    """
    prefix = prefix_of(sample)
    missing = [label for label in _LABELS if sample.get(prefix + label) not in _BACK]
    if missing:
        found = sample.get(prefix + missing[0])
        raise ValueError(f"no operation of NAS-Bench-201 on edge {prefix}{missing[0]}, found {found!r}")
    return keys.format([_BACK[sample[prefix + label]] for label in _LABELS])


def to_sample(key: str, prefix: str = PREFIX) -> dict[str, str]:
    """The sample of an architecture string; inverse of :func:`to_key`.

    Raises:
        ValueError: the string is not an architecture.
    """
    return {prefix + label: NAMES[operation] for label, operation in zip(_LABELS, keys.parse(key))}
