"""Our tables as NASLib's ``dataset_api``, asked by NASLib's own queries."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.benchmarks import benchmark, convert_benchmark
from naslib_zc_plugin.benchmarks.nasbench101 import TABLE as TABLE_101
from naslib_zc_plugin.spaces.nasbench101 import keys as cells101
from naslib_zc_plugin.spaces.nasbench101 import keys as keys101
from naslib_zc_plugin.spaces.nasbench101.keys import from_naslib, hash_of
from naslib_zc_plugin.spaces.nasbench201 import SPACE, keys
from tests.benchmarks import made as tables
from tests.benchmarks import naslib
from tests.hosts.naslib import made, searches
from tests.hosts.naslib.needs import TREE, needs
from tests.hosts.naslib.searches import config

zc = needs("naslib_zc_plugin.hosts.naslib")
Metric = needs("naslib.search_spaces.core.query_metrics").Metric
key101_of = needs("naslib_zc_plugin.hosts.naslib.specs").key101_of
KEY = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"
DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16"}
SPACE_KEYS = [SPACE.key(index) for index in range(40)]
ACCURACIES = (Metric.VAL_ACCURACY, Metric.TEST_ACCURACY)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tables.written(folder, tables.nasbench201_columns())
    return folder


@cache
def scratch() -> Any:
    found = made.space()
    found.instantiate_model = False
    return found


def graph(key: str) -> Any:
    """NASLib's, without a network; the same at each call."""
    scratch().set_spec(zc.spec_from(key, scratch()))
    return scratch()


@cache
def column(data: Path, name: str) -> dict[str, float]:
    return benchmark("nasbench201", data).column(name)


@pytest.mark.parametrize("dataset", DATASETS)
def test_accuracies_are_those_of_the_table(data: Path, dataset: str) -> None:
    ours = DATASETS[dataset]
    half = "_half_train" if ours == "cifar10" else ""
    api = zc.dataset_api("nasbench201", data)
    val = zc.dataset_api("nasbench201", data, accuracy="val")
    short = zc.dataset_api("nasbench201", data, accuracy="val", epochs=12)
    for seed in range(3):
        key = SPACE.sample(Random(seed))
        asked = graph(key)
        for metric in ACCURACIES:
            wanted = column(data, f"{ours}_test_200{half}")[key]
            for epoch in (-1, 199):
                assert asked.query(metric, dataset, epoch=epoch, dataset_api=api) == wanted
            assert asked.query(metric, dataset, dataset_api=val) == column(data, f"{ours}_val_200")[key]
            for epoch in (-1, 11):
                found = asked.query(metric, dataset, epoch=epoch, dataset_api=short)
                assert found == column(data, f"{ours}_val_12")[key]
        assert asked.query(Metric.PARAMETERS, dataset, dataset_api=api) == column(data, f"{ours}_params_M")[key]


def test_a_graph_with_a_network_is_asked_alike(data: Path) -> None:
    api = zc.dataset_api("nasbench201", data)
    built = zc.build(made.space(), KEY)
    assert built.query(Metric.VAL_ACCURACY, "cifar100", dataset_api=api) == column(data, "cifar100_test_200")[KEY]


def test_costs_are_per_epoch_and_in_millions(data: Path) -> None:
    api, seconds = zc.dataset_api("nasbench201", data), column(data, "cifar100_traintime_200_s")
    with_time, without = (next(key for key in SPACE_KEYS if (key in seconds) is there) for there in (True, False))
    costs = graph(with_time).query(Metric.HP, "cifar100", dataset_api=api)
    assert costs == {
        "params": column(data, "cifar100_params_M")[with_time],
        "train_time": pytest.approx(seconds[with_time] / 200),
    }
    assert graph(with_time).query(Metric.TRAIN_TIME, "cifar100", dataset_api=api) == costs["train_time"]
    with pytest.raises(KeyError, match=r"has no cifar100_traintime_200_s of"):
        graph(without).query(Metric.TRAIN_TIME, "cifar100", dataset_api=api)
    flops = graph(KEY).query(Metric.FLOPS, "cifar10", dataset_api=api)
    assert flops == column(data, "cifar10_flops_M")[KEY]


def test_everything_of_an_architecture(data: Path) -> None:
    raw = graph(KEY).query(Metric.RAW, None, dataset_api=zc.dataset_api("nasbench201", data))
    assert list(raw) == ["cifar10-valid", "cifar100", "ImageNet16-120"] and len(raw) == 3
    assert dict(raw)["cifar100"]["eval_acc1es"][-1] == column(data, "cifar100_test_200")[KEY]
    assert list(raw["cifar10-valid"]) == ["eval_acc1es", "cost_info"] and len(raw["cifar10-valid"]) == 2


@pytest.mark.parametrize("metric", ["TRAIN_LOSS", "VAL_LOSS", "VAL_TIME", "LATENCY", "EPOCH"])
def test_what_the_table_does_not_have_is_said(data: Path, metric: str) -> None:
    with pytest.raises(KeyError, match=r"accuracies.parquet has eval_acc1es, params, train_time on cifar100, no "):
        graph(KEY).query(Metric[metric], "cifar100", dataset_api=zc.dataset_api("nasbench201", data))


@pytest.mark.parametrize("name", ["RandomSearch", "RegularizedEvolution", "LocalSearch"])
def test_searches_of_naslib_run_on_the_table(data: Path, tmp_path: Path, name: str) -> None:
    given = config(tmp_path, 6, population_size=3, sample_size=2, num_init=2, fidelity=-1)
    optimizer = getattr(needs("naslib.optimizers"), name)(given)
    optimizer.adapt_search_space(searches.space201(), dataset_api=zc.dataset_api("nasbench201", data))
    trainer = needs("naslib.defaults.trainer").Trainer(optimizer, given)
    trainer.search()
    found = json.loads((tmp_path / "errors.json").read_text())
    assert len(found["valid_acc"]) == 6 and all(math.isfinite(each) for each in found["valid_acc"])
    assert all(map(math.isnan, found["train_acc"]))


def test_epochs_in_between_are_not_there(data: Path) -> None:
    asked, api = graph(KEY), zc.dataset_api("nasbench201", data)
    for epoch in (0, 11, 198, 200, -2):
        with pytest.raises(KeyError, match=r"after the last of 200 epochs only \(epoch=-1 or 199\), not at"):
            asked.query(Metric.VAL_ACCURACY, "cifar10", epoch=epoch, dataset_api=api)
    for epoch in (-1, 20):
        with pytest.raises(KeyError, match="after the last of 200 epochs only"):
            list(asked.query(Metric.VAL_ACCURACY, "cifar10", epoch=epoch, full_lc=True, dataset_api=api))
    assert len(asked.query(Metric.VAL_ACCURACY, "cifar10", full_lc=True, dataset_api=api)) == 200
    with pytest.raises(KeyError, match="the data sets cifar10-valid, cifar100, ImageNet16-120, not 'ninapro'"):
        asked.query(Metric.VAL_ACCURACY, "ninapro", dataset_api=api)
    with pytest.raises(KeyError, match="no cifar10_test_12_half_train|no eval_acc1es"):
        asked.query(Metric.VAL_ACCURACY, "cifar10", dataset_api=zc.dataset_api("nasbench201", data, epochs=12))
    with pytest.raises(KeyError, match=r"has no architecture '\|nor_conv_7x7"):
        api["nb201_data"]["|nor_conv_7x7~0|"]


def test_arguments_that_cannot_be(data: Path) -> None:
    with pytest.raises(ValueError, match="no table of 'nasbench301' for NASLib; there are nasbench101, nasbench201"):
        zc.dataset_api("nasbench301", data)
    for wrong in ({"accuracy": "train"}, {"epochs": 90}):
        with pytest.raises(ValueError, match="'test' and 'val' after 12 or 200 epochs, not"):
            zc.dataset_api("nasbench201", data, **wrong)


def test_it_is_a_mapping_of_every_architecture_that_takes_little_memory(data: Path) -> None:
    tracemalloc.start()
    api = zc.dataset_api("nasbench201", data)["nb201_data"]
    assert isinstance(api, Mapping) and len(api) == 15_625 and list(api)[:40] == SPACE_KEYS
    assert sum(api[key]["cifar100"]["eval_acc1es"][-1] for key in api) == pytest.approx(
        sum(column(data, "cifar100_test_200").values())
    )
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 30e6


def test_the_real_table_is_naslibs_own_file(shared: Path) -> None:
    """NASLib's tests hold accuracies and times of 20 architectures, taken from its file of CIFAR-10."""
    assets = TREE / "tests/assets"
    if not assets.is_dir():
        pytest.skip("NASLib's tests are not beside the checkout")
    cells, accuracies, times = (np.load(assets / f"nb201_test_set_{name}.npy") for name in ("x", "y", "times"))
    api = zc.dataset_api("nasbench201", shared / "data")
    for cell, accuracy, seconds in zip(cells, accuracies, times):
        asked = graph(keys.from_naslib(cell.reshape(6, 5).argmax(1).tolist()))
        for metric in ACCURACIES:
            assert asked.query(metric, "cifar10", dataset_api=api) == pytest.approx(accuracy, abs=1e-6)
        assert asked.query(Metric.TRAIN_TIME, "cifar10", dataset_api=api) == pytest.approx(seconds, rel=1e-6)


def test_naslibs_pickles_answer_as_before_they_were_imported(tmp_path: Path) -> None:
    contents = {dataset: naslib.content(dataset) for dataset in naslib.FILES}
    for dataset, found in contents.items():
        naslib.write(tmp_path / "files", found, dataset)
    convert_benchmark("nasbench201_naslib", tmp_path / "files", tmp_path, partial=True)
    api = zc.dataset_api("nasbench201_naslib", tmp_path)
    at_the_end = [metric for metric in Metric if metric.name.endswith(("_ACCURACY", "_LOSS"))]
    assert len(at_the_end) == 6
    for asked, dataset in (
        ("cifar10", "cifar10-valid"),
        ("cifar100", "cifar100"),
        ("ImageNet16-120", "ImageNet16-120"),
    ):
        theirs = {"nb201_data": contents[dataset]}
        for key in contents[dataset]:
            for metric in (*at_the_end, Metric.HP, Metric.TRAIN_TIME):
                wanted = graph(key).query(metric, asked, dataset_api=theirs)
                assert graph(key).query(metric, asked, dataset_api=api) == wanted
            with pytest.raises(KeyError, match="after the last of 200 epochs only"):
                graph(key).query(Metric.VAL_ACCURACY, asked, epoch=11, dataset_api=api)


def test_cells_of_nasbench101_are_asked_by_their_hash(tmp_path: Path) -> None:
    drawn, space = zc.domain(made.space("nasbench101")), made.space("nasbench101")
    space.instantiate_model = False
    specs = [zc.spec_from(drawn.sample(Random(seed)), space) for seed in range(10)]
    drawn_cells = [cells101.pruned(from_naslib(spec)) for spec in specs]
    cells = {hash_of(cell): cells101.unpack(cell) for cell in drawn_cells}
    columns: dict[str, Any] = {name: values[: len(cells)] for name, values in tables.nasbench101_columns().items()}
    columns["hash"] = list(cells)
    columns["n_vertices"] = [len(operations) for _, operations in cells.values()]
    columns["adj_upper_rowmajor"] = [
        "".join(str(matrix[row][column]) for row in range(len(matrix)) for column in range(row + 1, len(matrix)))
        for matrix, _ in cells.values()
    ]
    columns["ops"] = [",".join(operations[1:-1]) for _, operations in cells.values()]
    columns["params"] = [1000.0 + row for row in range(len(cells))]
    tables.written(tmp_path, columns, TABLE_101)
    api = zc.dataset_api("nasbench101", tmp_path)
    for row, name in enumerate(space.get_arch_iterator(api)):
        space.set_spec(name, dataset_api=api)
        assert hash_of(from_naslib(zc.spec_of(space))) == name == list(cells)[row]
        for epochs in (4, 12, 36, 108):
            asked = api["api"].ModelSpec(**space.get_spec())
            found = api["nb101_data"].query(asked, epochs=epochs)
            for part, name in (("val", "validation"), ("test", "test"), ("train", "train")):
                there = columns[f"{part}_acc_{epochs}"][row]
                assert found[f"{name}_accuracy"] == pytest.approx(there, abs=0, nan_ok=True)
            share = columns["train_time_s"][row] * epochs / 108
            own = columns["train_time_s" if epochs == 108 else f"train_time_{epochs}_s"][row]
            assert found["training_time"] == pytest.approx(share if math.isnan(own) else own)
        assert space.query(Metric.VAL_ACCURACY, dataset_api=api) == 100 * columns["val_acc_108"][row]
        assert space.query(Metric.PARAMETERS, dataset_api=api) == 100 * columns["params"][row]  # NASLib's factor
    with pytest.raises(KeyError, match="has no cell 0123"):
        space.set_spec("0123", dataset_api=api)


def test_nasbench101_is_drawn_from_and_asked(shared: Path) -> None:
    api = zc.dataset_api("nasbench101", shared / "data")
    table = benchmark("nasbench101", shared / "data")
    space = made.space("nasbench101")
    space.instantiate_model = False
    domain, rng = zc.domain(space, api), Random(0)
    key = domain.sample(rng)
    for each in (key, domain.mutate(key, rng), *domain.neighbours(key)):
        name = key101_of(zc.spec_from(each, space))
        space.set_spec(zc.spec_from(each, space))
        wanted = [100 * table.column(f"val_acc_{epochs}")[name] for epochs in (4, 12, 36, 108)]
        assert space.query(Metric.VAL_ACCURACY, dataset_api=api) == wanted[-1]
        curve = space.query(Metric.VAL_ACCURACY, full_lc=True, dataset_api=api)
        assert [100 * curve[epoch] for epoch in (3, 11, 31, 87)] == wanted and len(curve) == 88
        assert space.query(Metric.TRAIN_TIME, dataset_api=api) == table.column("train_time_s")[name]
        raw = space.query(Metric.RAW, dataset_api=api)
        assert raw["trainable_parameters"] == table.column("params")[name]
        assert math.isnan(space.query(Metric.TEST_ACCURACY, dataset_api=api))
        with pytest.raises(KeyError, match="has no halfway_accuracy; it has module_adjacency"):
            raw["halfway_accuracy"]
        # By its hash it is the same architecture.
        space.set_spec(hash_of(keys101.parse(name)), dataset_api=api)
        assert key101_of(zc.spec_of(space)) == name
    assert len(list(space.get_arch_iterator(api))) == 20_001


def test_a_cell_that_is_not_in_the_table(shared: Path) -> None:
    api, rules = zc.dataset_api("nasbench101", shared / "data"), needs("naslib_zc_plugin.hosts.naslib.tables")
    drawn = zc.domain(made.space("nasbench101"))
    valid = [rules.rules101()["nb101_data"].is_valid, api["nb101_data"].is_valid]
    found = []
    for seed in range(60):
        spec = zc.spec_from(drawn.sample(Random(seed)), "nasbench101")
        matrix, operations = cells101.unpack(from_naslib(spec))
        asked = api["api"].ModelSpec([list(row) for row in matrix], list(operations))
        found.append([each(asked) for each in valid])
        if not found[-1][1]:
            with pytest.raises(KeyError, match="has no cell [0-9a-f]{32} after 108 epochs"):
                api["nb101_data"].query(asked)
    assert all(one for one, _ in found) and 0 < sum(two for _, two in found) < 60
    # NASLib's own object, on the few cells of its tests, has the same idea of what is valid.
    theirs = api["api"].NASBench.is_valid
    stand_in = type("Cells", (), {"config": CONFIG, "_check_spec": api["api"].NASBench._check_spec})()
    rng = np.random.default_rng(0)
    verdicts = []
    for _ in range(200):
        edges = np.triu(rng.integers(0, 2, (7, 7)), 1)
        asked = api["api"].ModelSpec(edges, ["input", *rng.choice(CONFIG["available_ops"], 5).tolist(), "output"])
        verdicts.append((theirs(stand_in, asked), valid[0](asked)))
    assert all(one == two for one, two in verdicts) and len(set(verdicts)) == 2


CONFIG: dict[str, Any] = {
    "module_vertices": 7,
    "max_edges": 9,
    "num_repeats": 3,
    "available_ops": ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"],
}
"""Of NASLib's object, which reads a file before it says what is valid."""


def test_nasbench201_needs_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    api, table = zc.dataset_api(), benchmark("nasbench201")
    assert graph(KEY).query(Metric.VAL_ACCURACY, "cifar100", dataset_api=api) == table.column("cifar100_test_200")[KEY]
    assert graph(KEY).query(Metric.PARAMETERS, "cifar10", dataset_api=api) == table.column("cifar10_params_M")[KEY]
