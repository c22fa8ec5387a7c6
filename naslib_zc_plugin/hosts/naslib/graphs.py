"""NASLib's graphs and the keys that we know them by.

A graph's *spec* is what its ``get_hash`` gives and its ``set_spec`` takes, here with every number a plain int: NASLib's
own has numpy's wherever an architecture was drawn or mutated, and their texts differ. Its *key* is the architecture
string in NAS-Bench-201 and the text of the spec in every other space. Equal architectures have equal keys, in every
process.
"""

from __future__ import annotations

import ast
import copy
from typing import Any

import numpy as np
from torch import nn

from naslib_zc_plugin.hosts.naslib.specs import check_spec
from naslib_zc_plugin.passes.seeding import kept_random_states, seed_everything
from naslib_zc_plugin.spaces.nasbench201 import keys

_UNSET = (AttributeError, NotImplementedError, TypeError, ValueError)  # of the spaces' get_hash, before a set_spec


def spec_of(graph: Any) -> Any:
    """Return the spec of a graph: tuples, all the way down, of plain ints (and texts).

    Raises:
        ValueError: the graph has no architecture yet.
    """
    try:
        found = plain(graph.get_hash())
    except _UNSET as error:
        raise ValueError(
            f"{type(graph).__name__} has no architecture: give it one by set_spec() or sample_random_architecture()"
        ) from error
    return found


def key_of(graph: Any) -> str:
    """Return the key of a graph.

    Raises:
        ValueError: the graph has no architecture yet.
    """
    return key_from(spec_of(graph), space_of(graph))


def key_from(spec: Any, space: str) -> str:
    """Return the key of a spec, whatever its kind of numbers.

    Args:
        spec: as NASLib has it.
        space: name of its space, see :func:`space_of`.

    Raises:
        ValueError: it is none of that space.
    """
    spec = plain(spec)
    check_spec(spec, space)
    return keys.from_naslib(spec) if space == "nasbench201" else str(spec)


def spec_from(key: str, search_space: Any) -> Any:
    """Return the spec of a key, for ``set_spec``; the inverse of :func:`key_of`.

    Args:
        key: of an architecture.
        search_space: a graph of its space, or the space's name.

    Raises:
        ValueError: it is no key of that space.
    """
    name = search_space if isinstance(search_space, str) else space_of(search_space)
    if name == "nasbench201":
        return keys.to_naslib(key)
    try:
        spec = plain(ast.literal_eval(key))
        check_spec(spec, name)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"not a key of {name}: {key!r} ({error})") from error
    if str(spec) != key:
        raise ValueError(f"not a key of {name}, as it is written: {key!r}; it would be {str(spec)!r}")
    return spec


def space_of(search_space: Any) -> str:
    """Return the name of a graph's search space: NASLib's, which is ours where we have the space too.

    Raises:
        ValueError: the graph has no name, as NASLib's hierarchical space.
    """
    if not hasattr(search_space, "get_type"):
        raise ValueError(f"{type(search_space).__name__} has no get_type(), by which NASLib names search spaces")
    return str(search_space.get_type())


def build(search_space: Any, key: str, dataset_api: Any = None, seed: int | None = None) -> Any:
    """Build the parsed graph of a key.

    NASLib copies the weights of the search space into each of its graphs, so that networks share those of their stem
    and classifier. With a seed, all weights are drawn from it and the key, by the initialisation of the layers' own,
    whatever the search space's are; global random states are afterwards what they were.

    Args:
        search_space: a graph without architecture; it stays as it is.
        key: of the architecture.
        dataset_api: for the spaces that need one to set an architecture.
        seed: of the weights of all architectures; None: as NASLib does it.

    Raises:
        ValueError: it is no key of that space.

    >>> from naslib_zc_plugin.hosts.naslib import build, key_of  # doctest: +SKIP
    >>> key_of(build(NasBench201SearchSpace(), key, seed=0)) == key  # doctest: +SKIP
    True
    """
    spec = spec_from(key, search_space)
    if seed is None:
        return _build(search_space, spec, dataset_api)[0]
    with kept_random_states():
        seed_everything(seed, "weights", key)
        graph, copied = _build(search_space, spec, dataset_api)
        for module in graph.modules():
            # Others were made for this architecture, under the seed and perhaps with an initialisation of their own.
            if id(module) in copied and hasattr(module, "reset_parameters"):
                module.reset_parameters()
    return graph


def check_network(search_space: Any) -> None:
    """Check that NASLib builds networks in a search space.

    Raises:
        ValueError: it holds architectures as names in a table alone, as NAS-Bench-NLP and NATS-Bench's size space.
    """
    if hasattr(search_space, "nodes") and not len(search_space.nodes):
        raise ValueError(
            f"NASLib's {type(search_space).__name__} has no network that could be scored: it holds architectures as "
            "names in a table alone. Score them in a search space of this package, or take scores from zc_api"
        )


def parse(graph: Any) -> None:
    """Build the network of a graph that has an architecture.

    Raises:
        ValueError: NASLib has none of it, or cannot build it.
    """
    check_network(graph)
    try:
        graph.parse()
    except (AttributeError, LookupError, NotImplementedError) as error:
        raise ValueError(
            f"NASLib cannot build a network in its {type(graph).__name__} ({type(error).__name__}: {error})"
        ) from error


def plain(value: Any) -> Any:
    """Return a spec with tuples for lists and arrays, and plain ints for numpy's.

    Raises:
        TypeError: it holds something else than these and texts.
    """
    if isinstance(value, (tuple, list, np.ndarray)):
        return tuple(plain(each) for each in value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"a spec holds numbers, texts and lists of such, not {type(value).__name__}")


def _build(search_space: Any, spec: Any, dataset_api: Any) -> tuple[Any, dict[int, nn.Module]]:
    """Return a parsed graph, and by id the modules that were copied from the search space."""
    memo: dict[int, Any] = {}
    graph = copy.deepcopy(search_space, memo)  # which is NASLib's clone()
    copied = {id(each): each for each in memo.values() if isinstance(each, nn.Module)}
    if hasattr(graph, "instantiate_model"):
        graph.instantiate_model = True
    graph.set_spec(spec, dataset_api=dataset_api)
    parse(graph)
    return graph, copied
