"""Proxies in NASLib's evaluators, and as features of its predictor-guided searches and ensembles."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.naslib import scored, searches
from tests.hosts.naslib.needs import needs, needs_xgboost

zc = needs("naslib_zc_plugin.hosts.naslib")
bananas = needs("naslib_zc_plugin.hosts.naslib.guided")
evaluators = needs("naslib.evaluators.zc_evaluator")
utils = needs("naslib.utils")
PredictorEvaluator = needs("naslib.defaults.predictor_evaluator").PredictorEvaluator
Ensemble = needs("naslib.predictors.ensemble").Ensemble
CfgNode = needs("fvcore.common.config").CfgNode

NAMES = ["naswot", "epsilon", "synflow"]
API = {"nb201_data": scored.Accuracies()}
GUIDED = {
    "k": 2, "num_init": 3, "num_ensemble": 1, "predictor_type": "xgb", "acq_fn_type": "its", "encoding_type": "path",
    "acq_fn_optimization": "mutation", "num_arches_to_mutate": 2, "max_mutations": 1, "num_candidates": 4,
    "zc": True, "zc_ensemble": True, "zc_names": NAMES,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _seeded() -> None:
    random.seed(0)
    np.random.seed(0)


@pytest.fixture
def loaders(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """A small loader in place of NASLib's, which would download CIFAR-10; counts how often it is asked for."""
    asked: Counter[str] = Counter()

    def made(config: Any, mode: str = "train") -> tuple[Any, ...]:
        asked[mode] += 1
        return scored.loader(), None, scored.loader(), None, None

    monkeypatch.setattr(utils, "get_train_val_loaders", made)
    monkeypatch.setattr(bananas, "get_train_val_loaders", made)
    return asked


def architectures(count: int) -> list[Any]:
    return [zc.spec_from(SPACE.key(index), "nasbench201") for index in range(3000, 3000 + 997 * count, 997)]


def api(names: tuple[str, ...] = (), count: int = 12) -> dict[str, Any]:
    """NASLib's ``zc_api`` with accuracies, and scores that are easily told from computed ones."""
    scores = {name: {"score": -2.5, "time": 0.1} for name in names}
    return {str(spec): {"val_accuracy": 50.0 + place, **scores} for place, spec in enumerate(architectures(count))}


def test_predictor_evaluator(tmp_path: Path) -> None:
    config = CfgNode(
        {
            "experiment_type": "single", "test_size": 5, "train_size_single": 1, "train_size_list": [1],
            "fidelity_single": 1, "fidelity_list": [1], "max_hpo_time": 0, "dataset": "cifar10",
            "uniform_random": True, "save": str(tmp_path),
        }
    )  # fmt: skip
    predictor = zc.ZeroCostPredictor("naswot", scored.IMAGES)
    evaluator = PredictorEvaluator(predictor, config)
    evaluator.adapt_search_space(searches.space201(), load_labeled=False, dataset_api=API)
    results = evaluator.evaluate()[1]
    assert predictor.ss_type == "nasbench201"
    assert np.isfinite(results["full_testpred"]).all()
    assert len(results["full_testpred"]) == 5
    assert -1 <= results["kendalltau"] <= 1
    assert results["spearman"] == pytest.approx(spearmanr(results["full_ytest"], results["full_testpred"])[0])


def test_zero_cost_predictor_evaluator(tmp_path: Path, loaders: Counter[str]) -> None:
    settings = {"test_size": 4, "dataset": "cifar10", "test_data_file": None, "save": str(tmp_path)}
    predictor = zc.ZeroCostPredictor("jacov", seed=3)
    evaluator = evaluators.ZeroCostPredictorEvaluator(predictor, config=CfgNode(settings))
    space = searches.space201().clone()
    space.labeled_archs, space.sample_without_replacement = architectures(4), True
    evaluator.adapt_search_space(space, dataset_api=API)
    results = evaluator.evaluate(None)[1]
    assert np.isfinite(results["full_testpred"]).all()
    assert len(set(results["full_testpred"])) == 4
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written[1]["kendalltau"] == results["kendalltau"]


@needs_xgboost
@pytest.mark.parametrize("name", ["Bananas", "Npenas"])
def test_guided_searches_compute_scores_as_they_go(name: str, tmp_path: Path, loaders: Counter[str]) -> None:
    config = searches.config(tmp_path, 5, **GUIDED)
    optimizer = getattr(zc, name)(config, data={"dataset": scored.IMAGES})
    searches.adapted(optimizer, API)
    searches.trainer(optimizer, config).search()
    assert loaders == {}
    assert len(optimizer.train_data) == 5
    expected = zc.predictors(NAMES, dataset=scored.IMAGES, search_space=searches.space201())
    for model in optimizer.train_data:
        spec = zc.spec_of(model.arch)
        assert str(model.arch_hash) == str(spec)
        assert model.zc_scores == expected.features(spec)
    assert len({model.zc_scores["epsilon"] for model in optimizer.train_data}) > 1


@pytest.mark.parametrize("name", ["Bananas", "Npenas"])
def test_guided_searches_look_up_what_is_known_and_compute_the_rest(
    name: str, tmp_path: Path, loaders: Counter[str]
) -> None:
    known = api(("epsilon", "synflow"))
    config = searches.config(tmp_path, 1, **{**GUIDED, "use_zc_api": True, "zc_names": ["naswot", "epsilon"]})
    optimizer = getattr(zc, name)(config, zc_api=known)
    searches.adapted(optimizer, API)
    assert loaders == {}
    spec = architectures(1)[0]
    drawn = tuple(np.int64(each) for each in spec)  # as NASLib's mutate() leaves it
    assert str(drawn) not in known
    found = optimizer.query_zc_scores(drawn, NAMES, known)
    graph = zc.build(searches.space201(), zc.graphs.key_from(spec, "nasbench201"))
    assert optimizer.query_zc_scores(graph) == found
    assert found["epsilon"] == -2.5 < 0 < found["naswot"]
    assert loaders == {"train": 1}
    assert optimizer.query_zc_scores(scored.SPECS["mixed"])["epsilon"] > 0, "not in the api"


@needs_xgboost
def test_ensembles_take_features_even_of_dead_networks() -> None:
    named = zc.predictors(NAMES, batch=scored.batch(), search_space=searches.space201())
    specs = [*scored.SPECS.values(), *architectures(2)]
    features = [named.features(spec) for spec in specs]
    assert min(features[4].values()) == needs("naslib_zc_plugin.hosts.naslib.predictor").LAST
    for kind in ("xgb", "rf"):
        ensemble = Ensemble(num_ensemble=1, ss_type="nasbench201", predictor_type=kind, zc=True)
        ensemble.set_pre_computations(xtrain_zc_info={"zero_cost_scores": features})
        graphs = [zc.build(searches.space201(), zc.graphs.key_from(spec, "nasbench201")) for spec in specs]
        ensemble.fit(graphs, [50.0 + place for place in range(len(specs))])
        found = ensemble.query(graphs[:2], [{"zero_cost_scores": each} for each in features[:2]])
        assert np.isfinite(found).all()


@needs_xgboost
def test_ensemble_evaluator_computes_what_the_api_lacks(tmp_path: Path) -> None:
    known = api(("synflow",))
    evaluator = zc.ZCEnsembleEvaluator(5, 3, NAMES, known, data={"dataset": scored.IMAGES})
    space = searches.space201().clone()
    space.labeled_archs, space.sample_without_replacement = architectures(8), True
    evaluator.adapt_search_space(space, "cifar10", API, CfgNode({"save": str(tmp_path)}))
    ensemble = Ensemble(num_ensemble=1, ss_type="nasbench201", predictor_type="xgb", zc=True)
    evaluator.evaluate(ensemble, None)
    _, scores = json.loads((tmp_path / "scores.json").read_text())
    assert -1 <= scores["kendalltau"] <= 1
    assert set(scores["zc_feature_importances"]) == set(NAMES)
    assert space.instantiate_model, "the search space stays as it was"
