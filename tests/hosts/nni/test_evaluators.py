"""A proxy, a table, and training in the place of NNI's evaluators."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from naslib_zc_plugin.benchmarks import BENCHMARKS, ColumnInfo, Table, benchmark
from naslib_zc_plugin.benchmarks import nasbench101 as table101
from naslib_zc_plugin.benchmarks import nasbench201 as table201
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.spaces.nasbench101 import keys
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.benchmarks import made as tables
from tests.hosts.nni import made
from tests.hosts.nni.needs import needs

zc = needs("naslib_zc_plugin.hosts.nni")
samples = needs("naslib_zc_plugin.hosts.nni.samples")
nni = needs("nni")
execution = needs("nni.nas.execution")
strategies = needs("nni.nas.strategy")
ModelStatus = needs("nni.nas.space").ModelStatus

KEY = SPACE.key(4321)
EMPTY = SPACE.key(SPACE.index("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"))


def metric(evaluator: Any, model: Any) -> Any:
    assert model.evaluator is evaluator
    execution.SequentialExecutionEngine().submit_models(model)
    return model.metric


def test_higher_is_better_whatever_the_proxy_says() -> None:
    model_space = made.space()
    net = zc.Scorer("ntk", made.IMAGES)
    model = made.frozen(model_space, KEY)
    value = net(model).value
    assert value is not None
    assert not describe(net.proxies.requests[0].name).higher_is_better
    evaluator = zc.ZeroCostEvaluator("ntk", made.IMAGES)
    assert metric(evaluator, made.frozen(model_space, KEY, evaluator)) == -value


def test_an_undefined_score_fails_its_model_with_the_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    evaluator = zc.ZeroCostEvaluator("naswot", batch=(torch.zeros(4, 3, 8, 8), None))
    model = made.frozen(made.space(), EMPTY, evaluator)
    with pytest.raises(zc.NoScore, match="naswot is undefined: ") as caught:
        metric(evaluator, model)
    assert model.metric is None
    with caplog.at_level(logging.INFO):
        done = made.run(tmp_path, made.space(), evaluator, strategies.Random(seed=0), 3, continue_on_failure=True)
    assert done.export_top_models(3) == []
    assert str(caught.value) in caplog.text


def test_a_bare_network_is_scored_as_it_is() -> None:
    evaluator = zc.ZeroCostEvaluator("params", made.IMAGES)
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))
    net[1].spare = nn.Linear(7, 7)
    assert evaluator.evaluate(net) == 192 * 10 + 10
    assert isinstance(net[1].spare, nn.Linear)


def test_evaluators_travel_to_other_processes() -> None:
    evaluator = zc.ZeroCostEvaluator("synflow", made.IMAGES, seed=2)
    model = made.frozen(made.space(), KEY, evaluator)
    again = nni.load(nni.dump(model))
    assert again.sample == model.sample
    assert again.evaluator.scorer(again).value == metric(evaluator, model) is not None


@pytest.mark.parametrize("fault", [{"proxy": "nonsense"}, {"proxy": {"name": "synflow", "colour": 1}}])
def test_a_fault_in_the_request_is_found_at_once(fault: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        zc.ZeroCostEvaluator(**fault, dataset=made.IMAGES)


def test_a_table_is_looked_up_and_no_network_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = tables.nasbench201_columns()
    tables.written(tmp_path, columns, table201.TABLE)
    evaluator = zc.BenchmarkEvaluator("nasbench201", "cifar10_val_12", str(tmp_path))
    model = made.frozen(made.space(), KEY, evaluator)
    monkeypatch.setattr(type(model), "executable_model", None)
    assert metric(evaluator, model) == columns["cifar10_val_12"][4321]
    with pytest.raises(TypeError, match="not networks"):
        evaluator.evaluate(nn.Identity())
    with pytest.raises(ValueError, match="cifar10_val_200"):
        zc.BenchmarkEvaluator("nasbench201", "cifar10_val_20", str(tmp_path))
    for wrong, reason in (("cifar10_params_M", "neither more nor less"), ("cifar100_traintime_200_s", "it is a cost")):
        with pytest.raises(ValueError, match=f"metric '{wrong}' of nasbench201 is no quality: {reason}"):
            zc.BenchmarkEvaluator("nasbench201", wrong, str(tmp_path))


def test_nasbench201_needs_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    evaluator = zc.BenchmarkEvaluator()
    expected = benchmark("nasbench201").column("cifar10_val_12")[KEY]
    assert metric(evaluator, made.frozen(made.space(), KEY, evaluator)) == expected


def test_where_less_is_better_the_negative_is_reported() -> None:
    info = {"loss": ColumnInfo("a loss", "", False)}
    BENCHMARKS.add("nasbench201_losses", Table("nasbench201_losses", info, values={KEY: {"loss": 2.5}}))
    evaluator = zc.BenchmarkEvaluator("nasbench201_losses", "loss")
    assert metric(evaluator, made.frozen(made.space(), KEY, evaluator)) == -2.5


def test_a_space_that_is_not_the_tables_is_refused(tmp_path: Path) -> None:
    tables.written(tmp_path, tables.nasbench201_columns(), table201.TABLE)
    evaluator = zc.BenchmarkEvaluator(data=str(tmp_path))
    other = made.space("DARTS")
    key = zc.domain(other).sample(Random(0))
    reason = "cifar10_val_12 of nasbench201 is of architectures of nasbench201; the model space is another one"
    with pytest.raises(ValueError, match=reason):
        metric(evaluator, made.frozen(other, key, evaluator))
    strategy = zc.RandomSearch()
    experiment = made.experiment(tmp_path, other, evaluator, strategy, 20)
    with pytest.raises(ValueError, match=reason):
        experiment.run()
    experiment.stop()
    assert strategy.history == []
    with pytest.raises(ValueError, match="architectures of nds_darts have no samples in NNI"):
        zc.BenchmarkEvaluator("nds_darts", "test_accuracy", str(tmp_path))


def test_an_architecture_that_the_table_lacks_fails(tmp_path: Path) -> None:
    columns = {name: values[:100] for name, values in tables.nasbench201_columns().items()}
    tables.written(tmp_path, columns, table201.TABLE)
    evaluator = zc.BenchmarkEvaluator(data=str(tmp_path))
    with pytest.raises(zc.NoScore, match="no cifar10_val_12 of nasbench201 for"):
        metric(evaluator, made.frozen(made.space(), KEY, evaluator))


def test_cells_of_nasbench101_are_those_of_the_table(shared: Path) -> None:
    table = table101.TABLE.read(shared / "data")
    numbers = table.column("val_acc_108")
    evaluator = zc.BenchmarkEvaluator("nasbench101", "val_acc_108", str(shared / "data"))
    model_space = made.space("NasBench101")
    for key in table.keys[::400]:
        sample = samples.sample101(*keys.unpack(keys.parse(key)))
        model = made.frozen(model_space, zc.key_of(sample), evaluator)
        assert samples.key101(model.sample) == key
        assert metric(evaluator, model) == numbers[key]


def test_training_learns_and_repeats_bitwise() -> None:
    options = {"epochs": 4, "images": 240, "batch_size": 24, "seed": 1}
    evaluator = zc.TrainingEvaluator({"source": "digits", "size": 8}, **options)
    key = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    model_space = made.space()
    first = metric(evaluator, made.frozen(model_space, key, evaluator))
    torch.randn(3)
    metric(evaluator, made.frozen(model_space, KEY, evaluator))
    assert metric(evaluator, made.frozen(model_space, key, evaluator)) == first
    assert 30 < first <= 100
    assert metric(evaluator, made.frozen(model_space, EMPTY, evaluator)) < first
    with pytest.raises(ValueError, match="leaves none"):
        zc.TrainingEvaluator("digits", images=2, held_out=0.1)


def test_training_takes_networks_with_a_second_head() -> None:
    evaluator = zc.TrainingEvaluator({"source": "digits", "size": 32}, images=24, batch_size=6)
    hub = needs("nni.nas.hub.pytorch")
    domain = zc.domain(made.space("DARTS"))
    sample = domain.to_sample(domain.sample(Random(0)))
    net = hub.DARTS.frozen_factory(sample)(width=4, num_cells=3, auxiliary_loss=True)
    assert math.isfinite(evaluator.evaluate(net))
