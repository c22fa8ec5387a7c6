"""A network scores the same however its layers are wrapped, or there is no score and the layer is named."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence

import pytest
import torch
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st

import naslib_zc_plugin as zc
from naslib_zc_plugin.testing import Case
from naslib_zc_plugin.testing.case import outcome
from tests.passes.expected import COMPUTED, WEIGHTS, expected, linear_regions, tolerance
from tests.passes.wrapped import CACHED, CHANGES, NETWORKS, PRODUCTS, WRAPPERS, Wrapping, wrapped

PROXIES = ("params", "meco", *WEIGHTS, *COMPUTED)
OF_RELUS = set("naswot generalized_naswot activation_distance linear_regions zen swap wrcor near wpca vkdnw".split())
CHANGED = {*CHANGES, *PRODUCTS, "cast", "functional transposed"}
"""What multiplies with something made of a weight, or not by the functions of layers."""


@functools.cache
def scores(names: tuple[str, ...], network: str) -> dict[str, zc.Score]:
    torch.manual_seed(11)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return wrapped(names, network).score(PROXIES)


def reasons(proxy: str, names: Sequence[str], network: str) -> list[str]:
    """The words of which one must be in the reason where a value is left out that exists; none where it may not be."""
    layers = [part for name in NETWORKS[network].wrapped for part in name.split(".")[-1:]]
    if "scripted relu" in names and proxy in OF_RELUS:
        return [*layers, "script"]
    if set(names) & CHANGED and proxy == "vkdnw":
        return layers
    if "scripted layer" in names:  # whose functions hide what they do, and so whose they are
        return [*layers, "script"]
    if set(names) & set(CACHED) and (proxy in WEIGHTS or proxy == "fisher") and proxy != "l2_norm":
        return layers
    return layers if len(names) > 1 else []


def fault(proxy: str, names: tuple[str, ...], network: str) -> str:
    """What is wrong with a score; nothing if it is right."""
    score, value, words = scores(names, network)[proxy], expected(proxy, names, network), reasons(proxy, names, network)
    shown = f"{proxy} of {' and '.join(names) or 'nothing'} in {network}: {score.status} {score.value} {score.reason}"
    if value is None:
        return "" if score.status == "undefined" else f"{shown}; expected none"
    if set(names) & set(CACHED) and words and proxy != "fisher":
        right = score.status == "undefined" and any(word in score.reason.lower() for word in words)
        return "" if right else f"{shown}; expected to be undefined for {words}"
    if score.value is None:
        right = score.status == "undefined" and any(word in score.reason.lower() for word in words)
    else:
        right = score.value == pytest.approx(value, **tolerance(proxy, names, network))
    return "" if right else f"{shown}; expected {value}"


def test_every_proxy_is_in_the_table() -> None:
    memory = {"peak_activations"}  # which what wraps a network takes, too
    assert sorted(PROXIES) == sorted(set(zc.list_proxies()) - memory)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_networks_to_compare_with_compute_the_same(wrapper: str, network: str) -> None:
    made = [wrapped([wrapper], network, form) for form in ("wrapped", "own", "plain")]
    first, *others = (case.net(case.batch[0]).detach() for case in made)
    within = 1e-5 if "cast" in wrapper else 1e-9
    assert all(torch.allclose(first, other, rtol=within, atol=within) for other in others)


def faults(names: tuple[str, ...], network: str) -> list[str]:
    """What is wrong with the scores of all proxies."""
    return [found for proxy in PROXIES if (found := fault(proxy, names, network))]


@pytest.mark.parametrize("network", NETWORKS)
def test_nothing_wrapped_is_as_expected(network: str) -> None:
    assert faults((), network) == []


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_changes_no_score(wrapper: str, network: str) -> None:
    assert faults((wrapper,), network) == []


def with_few_regions(names: tuple[str, ...], form: str) -> Case:
    """A network of few units and samples that are alike, of which some lie in one linear region."""
    case = wrapped(names, "conv", form)
    generator = torch.Generator().manual_seed(2)
    near, apart = (torch.randn(size, 3, 3, 3, generator=generator) for size in (1, 16))
    return Case(case.net, ((near + 0.2 * apart).to(case.batch[0].dtype), torch.arange(16) % 3))


@pytest.mark.parametrize("wrapper", [name for name in WRAPPERS if name not in CACHED])
def test_linear_regions_are_those_under_drawn_weights(wrapper: str) -> None:
    number = linear_regions(with_few_regions((wrapper,), "own"))
    score = with_few_regions((wrapper,), "wrapped").score(["linear_regions"])["linear_regions"]
    assert 2 < number < 16
    words = reasons("linear_regions", (wrapper,), "conv")
    named = score.status == "undefined" and any(word in score.reason.lower() for word in words)
    assert named or score.value == pytest.approx(number, rel=1e-12), score


@settings(max_examples=60)
@given(st.sampled_from(WRAPPERS), st.sampled_from(list(NETWORKS)), st.sampled_from(PROXIES))
def test_a_wrapped_network_scores_alone_as_in_company(wrapper: str, network: str, proxy: str) -> None:
    alone, together = wrapped((wrapper,), network).score([proxy])[proxy], scores((wrapper,), network)[proxy]
    assert outcome(alone) == outcome(together)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, ...]:
    """Two wrappers that can be put on one layer together."""
    names = draw(st.lists(st.sampled_from(WRAPPERS), min_size=2, max_size=2, unique=True))
    assume(Wrapping(frozenset(names)).possible)
    return tuple(sorted(names, key=WRAPPERS.index))


@settings(max_examples=40, phases=[Phase.explicit, Phase.generate])  # two names need no shrinking
@given(pairs(), st.sampled_from(list(NETWORKS)))
@example(("low rank", "compiled layer"), "conv")
@example(("slice", "standardise (batch norm)"), "conv_bn")
@example(("slice", "functional"), "conv")
@example(("slice", "functional transposed"), "sequence")
@example(("slice", "transposed"), "conv")
@example(("mask", "functional"), "sequence")
@example(("quantise", "functional transposed"), "sequence")
def test_two_wrappers_change_no_score(names: tuple[str, ...], network: str) -> None:
    assert faults(names, network) == []
