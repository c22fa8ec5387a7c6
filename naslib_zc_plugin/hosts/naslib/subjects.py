"""What a predictor is asked about: a parsed graph, one that is not parsed yet, or a spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from torch import nn

from naslib_zc_plugin.hosts.naslib.graphs import build, key_from, key_of, space_of, spec_from, spec_of


@dataclass(frozen=True)
class Subject:
    """One architecture.

    Attributes:
        owner: what the scores are remembered by, for as long as it lives.
        key: architecture; empty for a network that tells none.
        space: name of its search space; empty likewise.
        network: gives the parsed graph.
        fixed: the weights follow from seed and key: no network need be looked at to know what it is.
        own: the network is nobody else's.
    """

    owner: Any
    key: str
    space: str
    network: Callable[[], Any]
    fixed: bool
    own: bool


def subject(asked: Any, search_space: Any, dataset_api: Any, seed: int) -> Subject:
    """What is asked about.

    A parsed graph is scored with the weights that it has. So is one that is not parsed, in a parsed copy. A spec (what
    ``get_hash`` gives) or a key gets a graph whose weights are drawn from the seed and the key, as does a graph that
    holds its spec only (``instantiate_model = False``).

    Raises:
        ValueError: a spec, and no search space to build it in; or none of that space.
    """
    if isinstance(asked, nn.Module):
        if getattr(asked, "is_parsed", True):
            return Subject(asked, *_names(asked), lambda: asked, fixed=False, own=False)
        if getattr(asked, "instantiate_model", True):
            return Subject(asked, *_names(asked), lambda: _parsed(asked), fixed=False, own=True)
        asked = spec_of(asked)
    if search_space is None:
        raise ValueError("a spec needs the search space that it is built in: give the predictor search_space=")
    space = space_of(search_space)
    key = key_from(spec_from(asked, space) if isinstance(asked, str) else asked, space)
    return Subject(search_space, key, space, lambda: build(search_space, key, dataset_api, seed), fixed=True, own=True)


def _names(graph: Any) -> tuple[str, str]:
    """Key and space of a graph; both empty where it has none, as a network that is no benchmark's."""
    try:
        return key_of(graph), space_of(graph)
    except ValueError:
        return "", ""


def _parsed(graph: Any) -> Any:
    made = graph.clone()
    made.parse()
    return made
