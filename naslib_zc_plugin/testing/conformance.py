"""The laws that every proxy keeps, as tests to inherit. Needs pytest."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from naslib_zc_plugin import ProxyRequest, Score, describe, list_proxies, proxy
from naslib_zc_plugin.passes.seeding import kept_random_states
from naslib_zc_plugin.proxies import PROXIES
from naslib_zc_plugin.record import ProxyInfo, takes
from naslib_zc_plugin.testing.case import Case, broken_loss, outcome
from naslib_zc_plugin.testing.fingerprint import fingerprint, global_state
from naslib_zc_plugin.testing.networks import NETWORKS

NEEDS = {"data", "labels", "gradients", "second order", "draws"}
_VARIANTS: dict[str, ProxyRequest] = {}
"""Proxies with options, by the suite that tries them."""


@dataclass(frozen=True)
class _Scored:
    """A score, and the changes of the network, the batch and the global states by scoring, a line each."""

    score: Score
    changes: list[str]


def _scored(case: Case, request: ProxyRequest, **options: Any) -> _Scored:
    net, state, batch = fingerprint(case.net), global_state(), [tensor.clone() for tensor in case.batch]
    score = case.score([request], **options)[request.label]
    changes = net.changes(fingerprint(case.net))
    changes += [name for name, value in global_state().items() if value != state[name]]
    changes += [
        name for name, one, other in zip(("inputs", "labels"), batch, case.batch) if not torch.equal(one, other)
    ]
    return _Scored(score, changes)


@contextmanager
def _other_states() -> Iterator[None]:
    """Enter other global random states and no gradients; put the states back."""
    with kept_random_states(), torch.no_grad():
        torch.manual_seed(1)
        np.random.seed(2)
        random.seed(3)
        yield


def _usable(name: str) -> bool:
    try:
        describe(name)
    except (TypeError, ValueError):  # another distribution's, which is broken
        return False
    return True


@functools.cache
def _in_company(network: str, variants: int) -> dict[str, tuple[Any, ...]]:
    """Return the outcomes of all proxies and variants, asked for together, for every other network in reverse."""
    asked: list[str | ProxyRequest] = [*filter(_usable, list_proxies()), *_VARIANTS.values()]
    in_reverse = sorted(NETWORKS).index(network) % 2
    with _other_states():
        scores = NETWORKS[network]().score(asked[::-1] if in_reverse else asked)
    return {label: outcome(score) for label, score in scores.items()}


class ProxyConformance:
    """The laws that every proxy keeps.

    Inherit it under a name that pytest collects, and name the proxy::

        from naslib_zc_plugin.testing.conformance import ProxyConformance

        class TestMyProxy(ProxyConformance):
            proxy = "my_proxy"

    Each law is tried on each network of :data:`naslib_zc_plugin.testing.NETWORKS`.

    Attributes:
        proxy: name of the proxy, or the proxy with options.
    """

    proxy: ClassVar[str | ProxyRequest]
    _alone: ClassVar[dict[str, _Scored]]

    def __init_subclass__(cls) -> None:
        cls._alone = {}
        asked = cls.__dict__.get("proxy")
        if isinstance(asked, ProxyRequest) and asked.options:
            label = f"{cls.__module__}.{cls.__qualname__}"
            _VARIANTS[label] = ProxyRequest(asked.name, asked.options, label)

    @property
    def request_(self) -> ProxyRequest:
        """The proxy with its options."""
        return self.proxy if isinstance(self.proxy, ProxyRequest) else proxy(self.proxy)

    @property
    def info(self) -> ProxyInfo:
        """The proxy's facts, with its options."""
        return PROXIES.load(self.request_.name).info(self.request_.options)

    def alone(self, network: str) -> _Scored:
        """Score a network with this proxy and no other; once, for all laws."""
        if network not in self._alone:
            self._alone[network] = _scored(NETWORKS[network](), self.request_)
        return self._alone[network]

    def outcome(self, case: Case, **options: Any) -> tuple[Any, ...]:
        """Return the proxy's score for the case, without the seconds."""
        return outcome(case.score([self.request_], **options)[self.request_.label])

    @pytest.fixture(autouse=True)
    def one_thread(self) -> Iterator[None]:
        """Use one thread, for some sums depend on the number."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(threads)

    def test_facts_are_complete(self) -> None:
        """Check version, paper, direction, needs, options and documentation."""
        info = self.info
        assert info.name == self.request_.name
        assert info.version >= 1
        assert info.paper.strip()
        assert isinstance(info.higher_is_better, bool)
        assert set(info.needs) <= NEEDS, f"needs are of {sorted(NEEDS)}"
        assert info.summary.strip()
        direction = "higher is better" if info.higher_is_better else "lower is better"
        assert direction in " ".join(info.documentation.lower().split()), f"the docstring does not say: {direction}"
        assert set(self.request_.options) <= set(info.options)
        wrong = [name for name, option in info.options.items() if not takes(option.kind, option.default)]
        assert wrong == [], "defaults that the annotations of the options do not allow"
        assert not set(info.aliases) & set(list_proxies()), "an alias is another proxy's name"

    @pytest.mark.parametrize("network", sorted(NETWORKS))
    def test_a_score_is_a_number_or_a_reason(self, network: str) -> None:
        """Check that it is exactly one of both, never an exception, never infinite."""
        info, score = self.info, self.alone(network).score
        assert score.status in ("ok", "undefined", "failed")
        assert (score.value is not None) == (score.status == "ok")
        assert score.value is None or (type(score.value) is float and math.isfinite(score.value))
        assert bool(score.reason) == (score.status != "ok")
        assert score.seconds >= 0
        assert score.spread is None
        assert (score.name, score.version) == (info.name, info.version)

    @pytest.mark.parametrize("network", sorted(NETWORKS))
    def test_the_network_is_untouched(self, network: str) -> None:
        """Check network, batch and global states bit by bit; also where the loss raises."""
        assert self.alone(network).changes == []
        if "labels" in self.info.needs:
            assert _scored(NETWORKS[network](), self.request_, loss=broken_loss).changes == []

    @pytest.mark.parametrize("network", sorted(NETWORKS))
    def test_a_value_depends_on_the_seed_alone(self, network: str) -> None:
        """Check that other proxies asked for besides, their order, and global random states and modes do not matter."""
        alone, own = outcome(self.alone(network).score), f"{type(self).__module__}.{type(self).__qualname__}"
        together = _in_company(network, len(_VARIANTS))
        assert together[own if self.request_.options else self.request_.name] == alone

    def test_only_what_draws_depends_on_the_seed(self) -> None:
        """Check that any seed gives the same score where ``needs`` does not name draws."""
        case = NETWORKS["conv_bn_relu"]()
        if "draws" not in self.info.needs:
            assert self.outcome(case, seed=1) == self.outcome(case, seed=2)

    def test_only_what_needs_labels_looks_at_them(self) -> None:
        """Check scores without labels: the same, or an error that names the proxy where ``needs`` names labels."""
        case = NETWORKS["conv_bn_relu"]()
        without = (case.batch[0], None)
        if "labels" in self.info.needs:
            with pytest.raises(ValueError, match=self.request_.label):
                self.outcome(case, batch=without)
        else:
            assert self.outcome(case, batch=without) == self.outcome(case)

    def test_only_what_needs_data_looks_at_it(self) -> None:
        """Check that any batch of one shape gives the same score where ``needs`` does not name data."""
        case = NETWORKS["conv_bn_relu"]()
        if "data" not in self.info.needs:
            assert self.outcome(case, batch=(torch.rand_like(case.batch[0]), case.batch[1])) == self.outcome(case)
