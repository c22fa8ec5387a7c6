"""NASLib's pickles of NAS-Bench-201 as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.benchmarks import benchmark, convert_benchmark
from naslib_zc_plugin.benchmarks.nasbench201 import naslib_pickles
from naslib_zc_plugin.files import DataError
from tests.benchmarks import naslib, nats

NAME = "nasbench201_naslib"


def converted(source: Path, data: Path) -> Any:
    convert_benchmark(NAME, source, data, partial=True)
    return benchmark(NAME, data)


def test_what_was_in_the_pickles_is_in_the_table(tmp_path: Path) -> None:
    contents = {dataset: naslib.content(dataset) for dataset in naslib.FILES}
    for dataset, found in contents.items():
        naslib.write(tmp_path / "files", found, dataset)
    table = converted(tmp_path / "files", tmp_path / "data")
    assert table.partial and table.keys == tuple(nats.ORDER[number] for number in naslib.NUMBERS)
    assert set(table.columns) == set(naslib_pickles.TABLE.columns)
    wanted = naslib_pickles.pickle_columns()
    for dataset, found in contents.items():
        for key in table.keys:
            one = found[key][dataset]
            for name, (column, scale) in wanted[dataset].items():
                number = one["cost_info"][name] if name in one["cost_info"] else one[name][-1]
                assert scale * table.column(column)[key] == number
                if name not in one["cost_info"]:
                    assert table.column(column.replace("_200", "_12"))[key] == one[name][11]


def test_one_pickle_is_the_table_of_its_data_set(tmp_path: Path) -> None:
    source = naslib.write(tmp_path, naslib.content("cifar100"), "cifar100")
    table = converted(source, tmp_path / "data")
    assert {name.partition("_")[0] for name in table.columns} == {"cifar100"}
    assert list(table.column("cifar100_eval_200")) == list(table.keys)


def test_numpys_numbers_are_read(tmp_path: Path) -> None:
    found = naslib.content()
    key = next(iter(found))
    found[key]["cifar10-valid"]["cost_info"]["params"] = np.float64(1.5)
    found[key]["cifar10-valid"]["eval_acc1es"][-1] = np.float32(50)
    table = converted(naslib.write(tmp_path, found), tmp_path / "data")
    assert table.column("cifar10_params_M")[key] == 1.5 and table.column("cifar10_eval_200")[key] == 50


def spoilt(change: Any) -> dict[str, Any]:
    found = naslib.content()
    change(found, found[next(iter(found))]["cifar10-valid"])
    return found


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda found, one: found.update({"|none~0|": {}}), "expected 3 nodes"),
        (lambda found, one: found.update({nats.ORDER[5]: {}}), "none of cifar10-valid"),
        (lambda found, one: found.update({nats.ORDER[5]: 3}), "results of NASLib's form"),
        (lambda found, one: one.pop("eval_acc1es"), "KeyError: 'eval_acc1es'"),
        (lambda found, one: one["train_losses"].pop(), "train_losses of 199 epochs, not 200"),
        (lambda found, one: one["eval_acc1es"].__setitem__(-1, "90"), "a number is '90'"),
        (lambda found, one: one["eval_acc1es"].__setitem__(-1, True), "a number is True"),
        (lambda found, one: one["eval_acc1es"].__setitem__(-1, 101.0), r"'cifar10_eval_200' in 0\.\.100"),
        (lambda found, one: one["cost_info"].__setitem__("params", float("inf")), "finite"),
        (lambda found, one: one.pop("cost_info"), "KeyError: 'cost_info'"),
        (lambda found, one: found.clear(), "a dict by architecture string"),
    ],
)
def test_what_is_no_result_of_naslibs(tmp_path: Path, change: Any, fault: str) -> None:
    source = naslib.write(tmp_path, spoilt(change))
    with pytest.raises(DataError, match=fault):
        converted(source, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_data_set_in_two_pickles(tmp_path: Path) -> None:
    naslib.write(tmp_path / "files", naslib.content("cifar100"), "cifar100")
    naslib.write(tmp_path / "files", naslib.content("cifar100"), "ImageNet16-120")
    with pytest.raises(DataError, match="a second time"):
        converted(tmp_path / "files", tmp_path / "data")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="a folder with some of them; found no nb201_"):
        converted(tmp_path / "empty", tmp_path / "data")


def test_all_of_them_unless_a_part_is_asked_for(tmp_path: Path) -> None:
    source = naslib.write(tmp_path, naslib.content())
    with pytest.raises(DataError, match="all 15625 architectures"):
        convert_benchmark(NAME, source, tmp_path / "data")
