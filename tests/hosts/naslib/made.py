"""NASLib's search spaces, each in the setting in which it makes a network."""

from __future__ import annotations

from typing import Any

from tests.hosts.naslib.needs import needs

SPACES: dict[str, tuple[str, dict[str, Any]]] = {
    "nasbench201": ("NasBench201SearchSpace", {}),
    "nasbench101": ("NasBench101SearchSpace", {}),
    "nasbench301": ("NasBench301SearchSpace", {"auxiliary": False}),
    "nasbench301 auxiliary": ("NasBench301SearchSpace", {}),
    "transbench101_micro": ("TransBench101SearchSpaceMicro", {"dataset": "svhn", "create_graph": True}),
    "transbench101_micro original": ("TransBench101SearchSpaceMicro", {"dataset": "class_object"}),
    "transbench101_macro": ("TransBench101SearchSpaceMacro", {"dataset": "class_object"}),
}
"""Name → class, and what it is made with."""


def space(name: str = "nasbench201", **options: Any) -> Any:
    """A search space of :data:`SPACES`."""
    kind, usual = SPACES[name]
    return getattr(needs("naslib.search_spaces"), kind)(**{**usual, **options})
