"""Aggregates as NNI's evaluators and in its searches, by name: one number per model, in a sample of its space."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from torch import nn

import naslib_zc_plugin as package
from naslib_zc_plugin.aggregates import places
from naslib_zc_plugin.passes.seeding import derived_seed
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.strategies import NoScore
from tests.hosts.nni import made
from tests.hosts.nni.needs import needs

zc = needs("naslib_zc_plugin.hosts.nni")
scoring = needs("naslib_zc_plugin.hosts.nni.scoring")
AGGREGATE, MEMBERS = "log_rank_sum:synflow,naswot,params", ["synflow", "naswot", "params"]
KEYS = [
    "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
]


def by_hand(batch: Any) -> list[float]:
    """The ranks of fresh weights in five random models of the space."""
    rng = Random("2 sample")
    keys = [space("nasbench201").sample(rng) for _ in range(5)] + KEYS
    rows = []
    for key in keys:
        net, _ = scoring.without_unused(scoring.network(made.frozen(made.space(), key), 2, key), batch[0])
        found = package.score(net, batch, MEMBERS, seed=derived_seed(2, key), weights="fresh")
        rows.append([-np.inf if found[name].value is None else found[name].value for name in MEMBERS])
    scores = np.array(rows).T
    return np.log(places(scores, scores[:, :5]) / 5).sum(axis=0)[5:].tolist()


def test_a_model_has_its_number_in_a_sample_of_its_space() -> None:
    scorer = zc.Scorer(AGGREGATE, made.IMAGES, seed=2, sample=5)
    models = [made.frozen(made.space(), key) for key in KEYS]
    found = [scorer.fitness(model) for model in models]
    assert found == pytest.approx(by_hand(scorer._source.batch("nasbench201", KEYS[0])))
    assert found[0] > found[1]
    score = scorer(models[0])
    assert (score.name, score.status, score.value) == (scorer.proxies.label, "ok", found[0])
    again = zc.Scorer(AGGREGATE, made.IMAGES, seed=2, sample=5)
    assert [again.fitness(model) for model in models[::-1]] == found[::-1]
    with pytest.raises(ValueError, match="evaluate a frozen model of one"):
        scorer.of_network(nn.Linear(2, 2))


def test_an_aggregate_that_says_nothing_of_the_space_is_told() -> None:
    scorer = zc.Scorer("rank_sum:hidden_covariance", made.IMAGES, sample=3)
    with pytest.raises(NoScore, match="says nothing of these networks: of a sample of 3"):
        scorer.fitness(made.frozen(made.space(), KEYS[0]))


def test_a_search_keeps_the_sample(tmp_path: Path) -> None:
    def strategy() -> Any:
        proxy = zc.Scorer(AGGREGATE, made.IMAGES, seed=2, sample=5)
        return zc.Area(proxy=proxy, pool=5, population=2, sample=2, seed=1)

    evaluator = zc.ZeroCostEvaluator("params", made.IMAGES)
    done = strategy()
    made.run(tmp_path / "whole", made.space(), evaluator, done, 3)
    state = json.loads(json.dumps(done.state_dict()))
    assert len(state["sample"]["scores"]["synflow"]) == 5
    again = strategy()
    again.load_state_dict(state)
    again.initialize(made.frozen(made.space(), KEYS[0]).__class__.from_model(made.space(), evaluator), _Engine())
    assert again._joined.reference.plain() == state["sample"]


class _Engine:
    def register_model_event_callback(self, *_: Any) -> None:
        """Nothing will be run."""
