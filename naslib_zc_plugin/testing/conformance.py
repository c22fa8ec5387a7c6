"""The laws that every proxy keeps, as tests to inherit. Needs pytest."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from naslib_zc_plugin import ProxyRequest, describe, proxies, proxy
from naslib_zc_plugin.testing.case import Case, broken_loss, outcome
from naslib_zc_plugin.testing.fingerprint import fingerprint, global_state
from naslib_zc_plugin.testing.networks import NETWORKS

NEEDS = {"data", "labels", "gradients", "second order", "draws"}


@functools.cache
def _among_all(network: str, backwards: bool) -> dict[str, tuple[Any, ...]]:
    """Outcomes of all proxies, asked for together."""
    names = sorted(proxies(), reverse=backwards)
    return {label: outcome(score) for label, score in NETWORKS[network]().score(names).items()}


class ProxyConformance:
    """Inherit it under a name that pytest collects, and say which proxy::

        from naslib_zc_plugin.testing.conformance import ProxyConformance

        class TestMyProxy(ProxyConformance):
            proxy = "my_proxy"

    Each law is tried on each network of :data:`naslib_zc_plugin.testing.NETWORKS`.

    Attributes:
        proxy: name of the proxy, or the proxy with options.
    """

    proxy: ClassVar[str | ProxyRequest]

    @property
    def request_(self) -> ProxyRequest:
        """The proxy with its options."""
        return self.proxy if isinstance(self.proxy, ProxyRequest) else proxy(self.proxy)

    def outcome(self, case: Case, **options: Any) -> tuple[Any, ...]:
        """The proxy's score for the case, without the seconds."""
        return outcome(case.score([self.request_], **options)[self.request_.label])

    @pytest.fixture(autouse=True)
    def one_thread(self) -> Iterator[None]:
        """Some sums depend on the number of threads."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(threads)

    def test_facts_are_complete(self) -> None:
        """Version, paper, direction, needs and documentation are told."""
        info = describe(self.request_.name)
        assert info.name == self.request_.name
        assert info.version >= 1
        assert info.paper.strip()
        assert isinstance(info.higher_is_better, bool)
        assert set(info.needs) <= NEEDS, f"needs are of {sorted(NEEDS)}"
        assert info.summary.strip()
        direction = "higher is better" if info.higher_is_better else "lower is better"
        assert direction in " ".join(info.documentation.lower().split()), f"the docstring does not say: {direction}"
        assert set(self.request_.options) <= set(info.options)

    @pytest.mark.parametrize("network", sorted(NETWORKS))
    def test_a_score_is_a_number_or_a_reason(self, network: str) -> None:
        """Exactly one of both, never an exception, never infinite."""
        info, case = describe(self.request_.name), NETWORKS[network]()
        (score,) = case.score([self.request_]).values()
        assert score.status in ("ok", "undefined", "failed")
        assert (score.value is not None) == (score.status == "ok")
        assert score.value is None or (type(score.value) is float and math.isfinite(score.value))
        assert bool(score.reason) == (score.status != "ok")
        assert score.seconds >= 0
        assert score.spread is None
        assert (score.name, score.version) == (info.name, info.version)

    @pytest.mark.parametrize("network", sorted(NETWORKS))
    def test_the_network_is_untouched(self, network: str) -> None:
        """Bit by bit, and so are all global states; also if the loss raises."""
        case = NETWORKS[network]()
        net, labels, state = fingerprint(case.net), case.batch[1].clone(), global_state()
        inputs = case.batch[0].clone()
        for loss in (case.loss, broken_loss):
            case.score([self.request_], loss=loss)
            assert net.changes(fingerprint(case.net)) == []
            assert [name for name, value in global_state().items() if value != state[name]] == []
            assert torch.equal(case.batch[0], inputs)
            assert torch.equal(case.batch[1], labels)

    @pytest.mark.parametrize("network", sorted(NETWORKS))
    def test_a_value_depends_on_the_seed_alone(self, network: str) -> None:
        """Not on global random states or modes, nor on what was scored before or is asked for besides."""
        alone = self.outcome(NETWORKS[network]())
        case = NETWORKS[network]()
        state = random.getstate(), np.random.get_state()
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(1)
            np.random.seed(2)
            random.seed(3)
            assert self.outcome(case) == alone
        random.setstate(state[0])
        np.random.set_state(state[1])
        for backwards in (False, True):
            assert self._with_all_others(network, backwards) == alone

    def _with_all_others(self, network: str, backwards: bool) -> tuple[Any, ...]:
        request = self.request_
        if not request.options and request.label == request.name:
            return _among_all(network, backwards)[request.label]
        names = [name for name in sorted(proxies(), reverse=backwards) if name != request.label]
        scores = NETWORKS[network]().score([request, *names] if backwards else [*names, request])
        return outcome(scores[request.label])

    def test_only_what_draws_depends_on_the_seed(self) -> None:
        """Where ``needs`` does not name draws, any seed gives the same."""
        case = NETWORKS["conv_bn_relu"]()
        if "draws" not in describe(self.request_.name).needs:
            assert self.outcome(case, seed=1) == self.outcome(case, seed=2)

    def test_only_what_needs_labels_looks_at_them(self) -> None:
        """Without labels: the same score where ``needs`` does not name them, else an error that names the proxy."""
        case = NETWORKS["conv_bn_relu"]()
        without = (case.batch[0], None)
        if "labels" in describe(self.request_.name).needs:
            with pytest.raises(ValueError, match=self.request_.label):
                self.outcome(case, batch=without)
        else:
            assert self.outcome(case, batch=without) == self.outcome(case)

    def test_only_what_needs_data_looks_at_it(self) -> None:
        """Where ``needs`` does not name data, any batch of the same shape gives the same."""
        case = NETWORKS["conv_bn_relu"]()
        if "data" not in describe(self.request_.name).needs:
            assert self.outcome(case, batch=(torch.rand_like(case.batch[0]), case.batch[1])) == self.outcome(case)
