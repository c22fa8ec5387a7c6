"""Scores of graphs for predictors that belong together: a network is run once for all that were declared.

Scores are remembered by graph, weights and batch, and no graph is kept alive.
"""

from __future__ import annotations

import copy
import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.hosts._scoring import BatchSource, NamedProxy, first_batch, proxy_request
from naslib_zc_plugin.hosts.naslib.graphs import (
    build,
    check_network,
    key_from,
    key_of,
    parse,
    space_of,
    spec_from,
    spec_of,
)
from naslib_zc_plugin.passes.inputs import tensors
from naslib_zc_plugin.passes.seeding import derived_seed, kept_random_states, seed_everything
from naslib_zc_plugin.proxies import PROXIES, describe
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.scoring import Score, score

LIMIT = 20_000
"""Architectures whose scores are remembered; those that were asked about longest ago are forgotten first."""
_NO_BATCH = (torch.zeros(1), None)  # for proxies that look at parameters alone


@dataclass(frozen=True)
class Query:
    """One architecture that a predictor is asked about.

    Attributes:
        owner: the object that the scores are remembered by, for as long as it lives.
        key: architecture; empty for a network without one.
        space: name of its search space; empty likewise.
        network: returns the parsed graph.
        fixed: the weights follow from seed and key, so that no network need be looked at to know its scores.
        own: nobody else has the network.
    """

    owner: Any
    key: str
    space: str
    network: Callable[[], Any]
    fixed: bool
    own: bool


def query_of(asked: Any, search_space: Any, dataset_api: Any, seed: int) -> Query:
    """Return the query about a parsed graph, one that is not parsed yet, a spec or a key.

    A parsed graph is scored with the weights that it has. So is one that is not parsed, in a parsed copy. A spec (from
    ``get_hash``) or a key gets a graph whose weights are drawn from the seed and the key, as does a graph that holds
    its spec only (``instantiate_model = False``).

    Raises:
        ValueError: a spec without a search space to build it in; none of that space; or NASLib has no network of it.
    """
    if isinstance(asked, nn.Module):
        check_network(asked)
        if getattr(asked, "is_parsed", True):
            return Query(asked, *_names(asked), lambda: asked, fixed=False, own=False)
        if getattr(asked, "instantiate_model", True):
            return Query(asked, *_names(asked), lambda: _parse(asked), fixed=False, own=True)
        asked = spec_of(asked)
    if search_space is None:
        raise ValueError("a spec needs the search space that it is built in: give the predictor search_space=")
    check_network(search_space)
    space = space_of(search_space)
    key = key_from(spec_from(asked, space) if isinstance(asked, str) else asked, space)
    return Query(search_space, key, space, lambda: build(search_space, key, dataset_api, seed), fixed=True, own=True)


@dataclass
class _Entry:
    owner: weakref.ref[Any]
    state: bytes
    scores: dict[str, Score] = field(default_factory=dict)


class ScoreCache:
    """Scores by graph; each graph is known by itself and not by its ``==``, which in NASLib compares names."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._entries: OrderedDict[tuple[int, str], _Entry] = OrderedDict()

    def of(self, owner: Any, token: str, state: bytes) -> dict[str, Score]:
        """Return the scores by label that are known, to be added to; those of another state are forgotten.

        Args:
            owner: a graph, or the search space of an architecture that is known by its key; held weakly.
            token: that key.
            state: digest of weights and batch.
        """
        place = (id(owner), token)
        entry = self._entries.get(place)
        if entry is None or entry.owner() is not owner or entry.state != state:
            entry = self._entries[place] = _Entry(weakref.ref(owner), state)
        self._entries.move_to_end(place)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)
        return entry.scores


class ScorePool:
    """Scores of graphs, for predictors of one seed, device and source of batches.

    A graph that is new is scored at once by the proxy that is asked for and by all that are declared; they share their
    passes, and later questions about the same graph, weights and batch are answered from memory.

    Args:
        source: the batches that networks are scored on, unless a batch is given.
        seed: of the proxies' draws, together with the architecture.
        device: where networks are scored; empty: where they are.
        declared: proxies that will be asked for on each graph.
        weights: ``"given"``, or ``"fresh"``: drawn by the seed, whatever the graphs hold.

    Attributes:
        weights: likewise.
    """

    def __init__(
        self, source: BatchSource, seed: int, device: str, declared: Iterable[NamedProxy] = (), weights: str = "given"
    ) -> None:
        self._source, self._seed, self._device, self.weights = source, seed, device, weights
        labelled = [_labelled(proxy_request(each)) for each in declared]
        self._declared = {each.label: each for each in labelled if runs_network(each)}
        self._cache = ScoreCache()

    @property
    def has_images(self) -> bool:
        """Whether batches come from the pool's source, and not from NASLib's loaders."""
        return self._source.has_images

    def __reduce__(self) -> Any:
        """Return the arguments of a copy in another process, which knows no scores."""
        declared = [{"name": each.name, **each.options} for each in self._declared.values()]
        return ScorePool, (self._source, self._seed, self._device, declared, self.weights)

    def __deepcopy__(self, memo: Any) -> ScorePool:
        """Return the pool itself: copies of a predictor stay in it."""
        return self

    def scores(self, queries: Iterable[Query], request: ProxyRequest, batch: Any = None) -> list[Score]:
        """Return the scores of a proxy.

        Args:
            queries: the architectures.
            request: the proxy.
            batch: inputs and labels; None: those of the source.

        Raises:
            ValueError: labels are missing.
            TypeError: the batch is no pair.
        """
        request = _labelled(request)
        if not runs_network(request):  # scoring takes less time than looking it up
            return [self._score(query, None, _NO_BATCH, [request])[request.label] for query in queries]
        found = []
        drawn = digest(batch) if batch is not None else b""
        for query in queries:
            shown = batch if batch is not None else self._source.batch(query.space, query.key)
            net = None if query.fixed else query.network()
            state = (drawn or digest(shown)) + (b"" if net is None else _state_digest(net))
            known = self._cache.of(query.owner, query.key if query.fixed else "", state)
            if request.label not in known:
                known.update(self._score(query, net, shown, self._missing(known, request, shown)))
            found.append(known[request.label])
        return found

    def _missing(self, known: dict[str, Score], request: ProxyRequest, shown: Any) -> list[ProxyRequest]:
        """List the proxies to score: the one asked for, and those declared whose labels the batch has."""
        bare = isinstance(shown, (tuple, list)) and len(shown) == 2 and not tensors(shown[1])
        others = [each for label, each in self._declared.items() if label not in known and label != request.label]
        return [request, *(each for each in others if not (bare and "labels" in describe(each.name).needs))]

    def _score(self, query: Query, net: Any, shown: Any, asked: list[ProxyRequest]) -> dict[str, Score]:
        net = query.network() if net is None else net
        if self._device and any(each.device != torch.device(self._device) for each in net.parameters()):
            net = (net if query.own else copy.deepcopy(net)).to(self._device)
        asked = [self._source.request(each, query.space) for each in asked]
        loss = net.get_loss_fn() if hasattr(net, "get_loss_fn") else None
        # Of cross-entropy, which is the default, the labels are checked.
        loss = None if loss is F.cross_entropy else loss
        seed = derived_seed(self._seed, query.key)
        return score(net, shown, asked, seed=seed, loss=loss, weights=self.weights)


def runs_network(request: ProxyRequest) -> bool:
    """Return whether a proxy runs the network at all, and so looks at a batch."""
    return any(seen.setting.runs for seen in PROXIES.load(request.name).observations(request.options))


def draw_batch(loader: Any, seed: int) -> Any:
    """Return a batch as it is, or the first of a loader, its order and augmentation drawn under a seed.

    NASLib takes whatever comes first each time, so that each proxy and each architecture sees other images. Afterwards
    global random states, and those of generators of the loader's own, are as before.

    Args:
        loader: a pair of inputs and labels, or a DataLoader of such.
        seed: of the draw.
    """
    with kept_random_states(), _kept_generators(loader):
        seed_everything(seed, "loader")
        return first_batch(loader)


@contextmanager
def _kept_generators(loader: Any) -> Iterator[None]:
    parts = [loader, getattr(loader, "sampler", None)]
    held = [part.generator for part in parts if isinstance(getattr(part, "generator", None), torch.Generator)]
    states = [generator.get_state() for generator in held]
    try:
        yield
    finally:
        for generator, state in zip(held, states):
            generator.set_state(state)


def digest(tree: Any) -> bytes:
    """Return a digest of all tensors in a tree of mappings, lists and tuples: equal where these are equal."""
    return _hash(tensors(tree)).digest()


def _state_digest(net: nn.Module) -> bytes:
    """Return a digest of a network: the kinds of its modules, and every value of its parameters and buffers.

    Values are read, not the tensors' versions, for writing to ``.data`` changes no version.
    """
    found = _hash([*net.parameters(), *net.buffers()])
    found.update(repr([type(module).__qualname__ for module in net.modules()]).encode())
    return found.digest()


def _hash(values: Iterable[Tensor]) -> hashlib.blake2b:
    found = hashlib.blake2b(digest_size=16)
    for value in values:
        found.update(repr((value.dtype, *value.shape)).encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found


def _labelled(request: ProxyRequest) -> ProxyRequest:
    """Return the request under a label that differs with its options."""
    return ProxyRequest(request.name, request.options, repr((request.name, sorted(request.options.items()))))


def _names(graph: Any) -> tuple[str, str]:
    """Return key and space of a graph; both empty where it has none, as a network of no benchmark."""
    try:
        return key_of(graph), space_of(graph)
    except ValueError:
        return "", ""


def _parse(graph: Any) -> Any:
    made = graph.clone()
    parse(made)
    return made
