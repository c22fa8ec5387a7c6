"""Scores and accuracies as NASLib's ``zc_api``, read by NASLib's own evaluators and optimizers."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path
from random import Random

import numpy as np
import pytest
from scipy.stats import kendalltau

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.campaign.engines import Outcome, Row
from naslib_zc_plugin.campaign.exchange import export
from naslib_zc_plugin.campaign.naslib_json import import_suite
from naslib_zc_plugin.scoring import Score
from naslib_zc_plugin.spaces.nasbench201 import SPACE, keys
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable
from tests.benchmarks import made as tables
from tests.campaign.made import fill
from tests.hosts.naslib import made
from tests.hosts.naslib.needs import needs

zc = needs("naslib_zc_plugin.hosts.naslib")
RNG = Random(0)
KEYS = list(dict.fromkeys(SPACE.sample(RNG) for _ in range(30)))
SCORES = {key: {"naswot": RNG.random(), "synflow": RNG.uniform(1, 1e20)} for key in KEYS}
UNDEFINED, LEFT = KEYS[3], KEYS[7]


def outcome(key: str) -> Outcome:
    rows = [Row(label, value, "ok", "", 0.25) for label, value in SCORES[key].items()]
    if key == UNDEFINED:
        rows[0] = Row("naswot", None, "undefined", "a singular kernel", 0.25)
    return Outcome(key, tuple(rows), 1.0, 10**6)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tables.written(folder, tables.nasbench201_columns())
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    labels = ("naswot", "synflow")
    path = fill(
        tmp_path / "scores.db",
        [outcome(key) for key in KEYS if key != LEFT],
        labels,
        space="nasbench201",
        dataset="cifar10",
    )
    from naslib_zc_plugin.campaign.store import Store

    with Store(path) as opened:
        opened.ask({LEFT: LEFT}, labels)
    return path


def accuracies(data: Path) -> dict[str, float]:
    return benchmark("nasbench201", data).column("cifar10_test_200_half_train")


@pytest.mark.parametrize("ending", ["db", "parquet"])
def test_scores_and_accuracies_by_the_text_of_a_spec(store: Path, data: Path, ending: str) -> None:
    if ending == "parquet":
        export(store, store.with_suffix(".parquet"))
    api, trained = zc.zc_api(store.with_suffix(f".{ending}"), data), accuracies(data)
    assert set(api) == {str(keys.to_naslib(key)) for key in KEYS if key != LEFT} and len(api) == len(KEYS) - 1
    for key in set(KEYS) - {LEFT, UNDEFINED}:
        found = api[str(keys.to_naslib(key))]
        assert set(found) == {"naswot", "nwot", "synflow", "val_accuracy"}
        assert found["val_accuracy"] == trained[key]
        assert found["naswot"] == found["nwot"] == {"score": SCORES[key]["naswot"], "time": 0.25}
        assert found["synflow"]["score"] == math.log(SCORES[key]["synflow"])
    assert str(keys.to_naslib(LEFT)) not in api
    with pytest.raises(KeyError):
        api[str(keys.to_naslib(LEFT))]


def test_an_undefined_score_ranks_last_and_is_no_outlier(store: Path, data: Path) -> None:
    api = zc.zc_api(store, data)
    found = {spec: api[spec]["nwot"]["score"] for spec in api}
    worst = str(keys.to_naslib(UNDEFINED))
    others = [score for spec, score in found.items() if spec != worst]
    assert min(others) - found[worst] == pytest.approx((max(others) - min(others)) / 10)


def columns(**values: tuple[bool, list[float]]) -> ScoreTable:
    """Scores of three architectures; NaN: undefined."""
    found = {}
    for name, (higher, numbers) in values.items():
        given = np.array(numbers)
        status = np.where(np.isnan(given), STATUSES.index("undefined"), STATUSES.index("ok")).astype(np.uint8)
        found[name] = Column(name, 1, higher, given, status, np.zeros(3))
    return ScoreTable("made", KEYS[:3], found, {"space": "nasbench201"})


def test_numbers_are_finite_and_higher_is_better_in_single_precision() -> None:
    nan = float("nan")
    table = columns(
        ntk=(False, [3.0, nan, 1.0]),
        zen=(True, [nan] * 3),
        fisher=(True, [1e61, -1e61, nan]),
        snip=(True, [0.0, 0.0, nan]),
        plain=(True, [-1e9, -1e9, nan]),
    )
    api = list(zc.zc_api(table, accuracies=dict.fromkeys(KEYS, 50.0)).values())
    scores = {name: np.array([found[name]["score"] for found in api], np.float32) for name in table.columns}
    assert scores["ntk"].tolist() == pytest.approx([-3, -3.2, -1])
    assert len(set(scores["zen"].tolist())) == 1
    assert scores["fisher"][0] == np.float32(1e30) and scores["fisher"][2] < scores["fisher"][1] == np.float32(-1e30)
    for name in ("snip", "plain"):
        assert scores[name][2] < scores[name][1] == scores[name][0]
    assert all(np.isfinite(each).all() for each in scores.values())


def test_what_is_looked_up_is_what_a_predictor_would_say() -> None:
    number = needs("naslib_zc_plugin.hosts.naslib.predictor").naslib_value
    table = columns(naswot=(True, [700.0, -3.0, 1.0]), synflow=(True, [1e50, 1.0, 0.0]), ntk=(False, [2.0, 1e61, 3.0]))
    for row, found in enumerate(zc.zc_api(table, accuracies=dict.fromkeys(KEYS, 50.0)).values()):
        for name, column in table.columns.items():
            said = number(Score(column.values[row], "ok", "", 0.0, None, name, 1))
            assert found[name]["score"] == pytest.approx(said, rel=1e-12)


def test_numpys_numbers_are_taken_for_plain_ones(store: Path, data: Path) -> None:
    api = zc.zc_api(store, data)
    for key in KEYS:
        numbers = keys.to_naslib(key)
        text = str(tuple(np.int64(number) if place % 2 else number for place, number in enumerate(numbers)))
        assert (text in api) == (key != LEFT)
        if key != LEFT:
            assert api[text] == api[str(numbers)]
    assert 3 not in api and "(np.int64(9),)" not in api


def test_what_cannot_be(store: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no scores called 'snip'; it has naswot, synflow"):
        zc.zc_api(store, data, proxies=["snip"])
    with pytest.raises(ValueError, match="no architecture with an accuracy and scores of naswot"):
        zc.zc_api(store, accuracies={}, proxies=["naswot"])
    with pytest.raises(ValueError, match="no proxy to look up: scores has naswot, synflow"):
        zc.zc_api(store, data, proxies=[])
    digits = fill(tmp_path / "digits.db", [outcome(KEYS[0])], ("naswot", "synflow"), space="nasbench201")
    with pytest.raises(ValueError, match="no accuracies of nasbench201 on digits; they do of nasbench201 on cifar10"):
        zc.zc_api(digits, data)


def test_naslibs_reader_reads_our_export(
    store: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = needs("naslib.utils.get_dataset_api")
    assert export(store, tmp_path / "data/zc_nasbench201.json", data=data) == 2 * (len(KEYS) - 1) - 1
    monkeypatch.setattr(reading, "get_project_root", lambda: tmp_path)
    theirs, ours = reading.get_zc_benchmark_api("nasbench201", "cifar10"), zc.zc_api(store, data)
    assert set(theirs) == set(ours)
    for spec in set(theirs) - {str(keys.to_naslib(UNDEFINED))}:
        assert theirs[spec] == dict(ours[spec])
    assert set(theirs[str(keys.to_naslib(UNDEFINED))]) == {"synflow", "val_accuracy"}
    # Imported again, what was published is what was exported; accuracies come with it.
    (imported,) = import_suite(tmp_path / "data/zc_nasbench201.json", "nasbench201", tmp_path)
    again = zc.zc_api(imported)
    assert set(again) == set(ours) - {str(keys.to_naslib(UNDEFINED))}
    for spec in again:
        assert {name: again[spec][name] for name in ours[spec]} == dict(ours[spec])
        assert again[spec]["published_nwot"] == again[spec]["nwot"]


def test_naslibs_evaluator_correlates_what_we_scored(
    store: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, config = needs("naslib.evaluators.zc_evaluator"), needs("fvcore.common.config").CfgNode()
    config.update({"test_size": 12, "dataset": "cifar10", "test_data_file": None, "save": str(tmp_path)})
    api, search_space = zc.zc_api(store, data), made.space()
    search_space.labeled_archs = [ast.literal_eval(spec) for spec in api]
    # NASLib loads CIFAR-10 here, and uses none of it.
    monkeypatch.setattr(module.utils, "get_train_val_loaders", lambda *_, **__: [None] * 5)
    predictor = needs("naslib.predictors").ZeroCost(method_type="nwot")
    evaluator = module.ZeroCostPredictorEvaluator(predictor, zc_api=api, use_zc_api=True, config=config)
    evaluator.adapt_search_space(search_space, load_labeled=True)
    drawn = evaluator.load_test_data()
    monkeypatch.setattr(evaluator, "load_test_data", lambda: drawn)
    found = evaluator.evaluate(api)[-1]
    specs, trained, *_ = drawn
    assert trained == [accuracies(data)[keys.from_naslib(spec)] for spec in specs]
    wanted = kendalltau([api[str(spec)]["nwot"]["score"] for spec in specs], trained).statistic
    assert found["kendalltau"] == pytest.approx(wanted) and np.isfinite(wanted)
    assert json.loads((tmp_path / "scores.json").read_text())


def test_naslibs_ensemble_evaluator_finds_every_score(store: Path, data: Path) -> None:
    module = needs("naslib.evaluators.zc_ensemble_evaluator")
    api, search_space = zc.zc_api(store, data), made.space()
    search_space.labeled_archs = [ast.literal_eval(spec) for spec in api]
    search_space.instantiate_model = False
    names = ["nwot", "synflow"]
    evaluator = module.ZCEnsembleEvaluator(10, 5, names, zc_api=api)
    evaluator.adapt_search_space(search_space, "cifar10", None, None)
    models = evaluator.sample_random_models(10)
    predictors = [needs("naslib.predictors").ZeroCost(method_type=name) for name in names]
    evaluator.compute_zc_scores(models, predictors, None)
    for model in models:
        assert model.accuracy == accuracies(data)[keys.from_naslib(model.arch)]
        assert model.zc_scores == {name: api[str(model.arch)][name]["score"] for name in names}
