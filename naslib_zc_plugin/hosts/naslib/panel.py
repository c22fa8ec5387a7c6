"""Predictors with equal settings, which see a graph together: what one is asked, the others know."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Callable
from weakref import WeakValueDictionary

import torch
from torch.nn import functional as F

from naslib_zc_plugin.hosts._scoring import Material
from naslib_zc_plugin.hosts.naslib.memory import Memory, digest, state_of
from naslib_zc_plugin.hosts.naslib.subjects import Subject
from naslib_zc_plugin.passes.inputs import tensors
from naslib_zc_plugin.passes.seeding import derived_seed
from naslib_zc_plugin.proxies import PROXIES, describe
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.scoring import Score, score

_NOTHING = (torch.zeros(1), None)  # what proxies are shown that look at parameters alone


class Panel:
    """Scores of graphs, for all predictors of one seed, device and source of batches.

    A graph that is new is scored at once by all proxies that are expected: those that were declared, those that were
    asked for on the graph before, and those whose predictors were made since. They share their passes, and later
    questions about the same graph, weights and batch are answered from memory. A list of graphs counts as one.

    Args:
        material: what networks are shown, unless a batch is given.
        seed: of the proxies' draws, together with the architecture.
        device: where networks are scored; empty: where they are.
    """

    def __init__(self, material: Material, seed: int, device: str) -> None:
        self._material, self._seed, self._device = material, seed, device
        self._memory = Memory()
        self._declared: dict[str, ProxyRequest] = {}
        self._made: dict[str, ProxyRequest] = {}
        self._asked: dict[str, ProxyRequest] = {}
        self._company: dict[str, ProxyRequest] = {}

    def expect(self, request: ProxyRequest, always: bool = False) -> None:
        """A proxy that will be asked for: on the next graph, or on each."""
        if runs(request):
            labelled = _labelled(request)
            (self._declared if always else self._made)[labelled.label] = labelled

    def set_aside(self, request: ProxyRequest) -> None:
        """A proxy that may never be asked for, although its predictor was made."""
        self._made.pop(_labelled(request).label, None)

    def scores(self, subjects: Iterable[Subject], request: ProxyRequest, batch: Any = None) -> list[Score]:
        """The scores of a proxy.

        Args:
            subjects: the architectures.
            request: the proxy.
            batch: inputs and labels; None: those of the material.

        Raises:
            ValueError: labels are missing.
            TypeError: a batch that is none.
        """
        request = _labelled(request)
        if not runs(request):
            return [self._at_rest(subject, request) for subject in subjects]
        found, news = [], False
        seen = digest(batch) if batch is not None else b""
        for subject in subjects:
            shown = batch if batch is not None else self._material.batch(subject.space, subject.key)
            net = None if subject.fixed else subject.network()
            state = (seen or digest(shown)) + (b"" if net is None else state_of(net))
            known = self._memory.of(subject.owner, subject.key if subject.fixed else "", state)
            if not known and not news:
                news, self._company, self._asked = True, {**self._declared, **self._asked}, {}
            self._asked[request.label] = request
            if request.label not in known:
                known.update(self._scored(subject, net, shown, self._missing(known, request, shown)))
            found.append(known[request.label])
        return found

    def _missing(self, known: dict[str, Score], request: ProxyRequest, shown: Any) -> list[ProxyRequest]:
        """The proxies that are expected and not known, but for those that the batch has no labels for."""
        self._company.update(self._made)
        self._made = {}
        bare = isinstance(shown, (tuple, list)) and len(shown) == 2 and not tensors(shown[1])
        others = [
            each
            for label, each in self._company.items()
            if label not in known and label != request.label and not (bare and "labels" in describe(each.name).needs)
        ]
        return [request, *others]

    def _scored(self, subject: Subject, net: Any, shown: Any, asked: list[ProxyRequest]) -> dict[str, Score]:
        net = self._placed(subject.network() if net is None else net, subject.own)
        asked = [self._material.request(each, subject.space) for each in asked]
        return score(net, shown, asked, seed=derived_seed(self._seed, subject.key), loss=_loss(net))

    def _at_rest(self, subject: Subject, request: ProxyRequest) -> Score:
        """What is told without running the network takes less time than to see whether it is known."""
        return self._scored(subject, None, _NOTHING, [request])[request.label]

    def _placed(self, net: Any, own: bool) -> Any:
        if not self._device or all(each.device == torch.device(self._device) for each in net.parameters()):
            return net
        return (net if own else copy.deepcopy(net)).to(self._device)


def runs(request: ProxyRequest) -> bool:
    """Whether a proxy runs the network at all, and so looks at a batch."""
    return any(seen.setting.runs for seen in PROXIES.load(request.name).observations(request.options))


_panels: WeakValueDictionary[Any, Panel] = WeakValueDictionary()


def panel(settings: Any, make: Callable[[], Panel]) -> Panel:
    """The panel of predictors with these settings; made where there is none, gone when the last predictor is."""
    found = _panels.get(settings)
    if found is None:
        found = _panels[settings] = make()
    return found


def _labelled(request: ProxyRequest) -> ProxyRequest:
    """The request under a label that tells its options."""
    return ProxyRequest(request.name, request.options, repr((request.name, sorted(request.options.items()))))


def _loss(net: Any) -> Any:
    """The loss that NASLib's graphs name; None for cross-entropy, whose labels we check."""
    found = net.get_loss_fn() if hasattr(net, "get_loss_fn") else None
    return None if found is F.cross_entropy else found
