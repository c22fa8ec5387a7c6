"""Agreement of scores and fitnesses, and the trust that follows from it."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, norm

from naslib_zc_plugin.strategies import ProxyAgreement, Trust, proxy_agreement, strategy
from naslib_zc_plugin.strategies._agreement import trusted_share
from naslib_zc_plugin.testing.strategies import Words

numbers = st.integers(-3, 3).map(float)


@given(st.lists(st.tuples(numbers, numbers), max_size=40))
def test_tau_is_scipys_and_lies_in_its_interval(pairs: list[tuple[float, float]]) -> None:
    scores, fitness = [[pair[place] for pair in pairs] for place in (0, 1)]
    found = proxy_agreement(scores, fitness)
    expected = kendalltau(scores, fitness).statistic if len(pairs) > 2 else math.nan
    assert found.n == len(pairs)
    if math.isnan(expected):
        assert (found.tau, found.low, found.high) == (None, None, None)
        return
    assert found.tau == pytest.approx(expected)
    assert (found.low is None) == (found.high is None) == (len(pairs) < 5)
    if found.low is not None and found.high is not None:
        assert -1 <= found.low <= found.tau <= found.high <= 1
        turned = proxy_agreement([-score for score in scores], fitness)
        assert (turned.low, turned.high) == (pytest.approx(-found.high), pytest.approx(-found.low))


def test_intervals_hold_what_they_promise() -> None:
    """Of normal pairs with a correlation r, tau is (2 / pi) arcsin r."""
    rng, inside = Random(1), 0
    for _ in range(1000):
        x = [rng.gauss(0, 1) for _ in range(30)]
        found = proxy_agreement(x, [0.6 * a + 0.8 * rng.gauss(0, 1) for a in x])
        assert found.low is not None and found.high is not None
        inside += found.low <= 2 / math.pi * math.asin(0.6) <= found.high
    assert 925 <= inside <= 975


def test_trust_is_lost_for_good() -> None:
    trust = Trust(automatic=True)
    for number in range(20):
        trust.score(str(number), float(number))
        trust.tell(str(number), -float(number))
        if not trust.follows():
            break
    assert trust.lost is not None and trust.lost.tau == -1.0 and 5 <= trust.lost.n < 20
    for number in range(20, 500):
        trust.score(str(number), float(number))
        trust.tell(str(number), float(number))
    assert not trust.follows()
    with trust.question() as share:
        assert not share


def test_a_score_that_agrees_keeps_its_trust() -> None:
    automatic, never_asked = Trust(automatic=True), Trust(automatic=False)
    for number in range(200):
        for trust in (automatic, never_asked):
            trust.score(str(number), float(number))
            trust.tell(str(number), number + 5.0 * (number % 3))
            assert trust.follows() > 0.8
    assert automatic.follows() == 1
    assert never_asked.state_dict() == Trust(automatic=False).state_dict()


@pytest.mark.parametrize(("correlation", "enough"), [(0.0, False), (0.5, True)])
def test_most_scores_that_say_something_are_kept_and_those_that_do_not_fade(correlation: float, enough: bool) -> None:
    rng, shares = Random(2), list[float]()
    for _ in range(100):
        trust = Trust(automatic=True)
        for number in range(60):
            score = rng.gauss(0, 1)
            trust.score(str(number), score)
            trust.tell(str(number), correlation * score + math.sqrt(1 - correlation**2) * rng.gauss(0, 1))
        shares.append(trust.follows())
    assert sum(share > 0.9 for share in shares) >= 95 if enough else sum(shares) < 50
    assert not enough or 0 not in shares


@given(st.integers(5, 300), st.floats(-1, 1))
def test_the_share_is_the_posterior_that_scipy_integrates(n: int, tau: float) -> None:
    found = trusted_share(ProxyAgreement(n, tau, tau, tau))
    within = 1 - 2 / (n * (n - 1))
    width = math.sqrt(0.437 / (n - 4))
    if abs(tau) > within:
        return
    grid = np.linspace(-12, 12, 200_001)
    density = norm.pdf(grid, 0.3, 0.3) * norm.pdf(math.atanh(tau), grid, width)
    if density.sum() < 1e-300:
        return
    above = density[grid > 0].sum() / density.sum()
    assert found == pytest.approx(min(1, max(0, (above - 0.5) / (norm.cdf(1) - 0.5))), abs=0.01)


def test_each_fifth_question_is_a_control_and_those_inside_are_the_same_question() -> None:
    trust, shares = Trust(automatic=True), []
    for _ in range(12):
        with trust.question() as share, trust.question() as inside:
            assert inside == share
            shares.append(share)
    assert shares == [1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1]
    again = Trust(automatic=True)
    again.load_state_dict(trust.state_dict())
    for _ in range(3):
        with again.question() as share, trust.question() as other:
            assert share == other
    with Trust(automatic=False).question() as share:
        assert share == 1


def test_where_results_get_no_better_two_of_three_are_controls_but_not_in_a_warm_up() -> None:
    trust, shares = Trust(automatic=True), []
    for number, result in enumerate([1.0, 5.0, 4.0, 5.0, 2.0, 3.0, 6.0, 1.0, 0.0]):
        trust.tell(str(number), result)
        with trust.question() as share:
            shares.append((trust.since, share))
    assert shares == [(0, 1), (0, 1), (1, 1), (2, 1), (3, 0), (4, 0), (0, 1), (1, 1), (2, 1)]
    trust.tell("no better", 6.0)
    with trust.question(is_warm_up=True) as share:  # the tenth
        assert (trust.since, share) == (3, 0)
    with trust.question(is_warm_up=True) as share, trust.question() as inside:
        assert share == inside == 1
    with trust.question() as share:
        assert not share
    with trust.question() as share:  # the thirteenth, which is one of three with the proxy
        assert share


def test_trust_is_of_those_that_follow_a_score() -> None:
    for name in ("random_search", "aging_evolution"):
        with pytest.raises(ValueError, match="trust='auto' is of strategies that follow a score"):
            strategy(name, Words(), trust="auto")
    with pytest.raises(ValueError, match="trust must be 'always' or 'auto', not 'never'"):
        strategy("area", Words(), score=lambda key: 0.0, trust="never")


def test_the_sentences() -> None:
    assert "unknown: 2 architectures have both" in proxy_agreement([1.0, 2.0], [1.0, 2.0]).sentence()
    for sign, shown in ((1.0, True), (-1.0, False)):
        found = proxy_agreement([float(each) for each in range(20)], [sign * each for each in range(20)])
        assert f"is {sign:.2f} [" in found.sentence() and ("not shown" not in found.sentence()) == shown
