"""The official files of NATS-Bench and NAS-Bench-201, compared with the official API's own answers."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.benchmarks import Benchmark, benchmark, convert_benchmark, nasbench201
from naslib_zc_plugin.benchmarks.nasbench201 import convert
from naslib_zc_plugin.files import DataError
from tests.benchmarks import nats

INFOS = {number: nats.results(number) for number in nats.NUMBERS}
# Prefix of a column → how the API calls the data set when asked for validation, and for test accuracy.
ASKED = {
    "cifar10": ("cifar10-valid", "cifar10"),
    "cifar100": ("cifar100", "cifar100"),
    "imagenet16": ("ImageNet16-120", "ImageNet16-120"),
}


def converted(source: Path, data: Path) -> Benchmark:
    convert_benchmark("nasbench201", source, data, partial=True)
    return benchmark("nasbench201", data)


def numbers(found: Benchmark) -> dict[str, dict[str, float]]:
    return {name: found.column(name) for name in found.columns}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Benchmark]:
    folder = tmp_path_factory.mktemp("nats")
    source = nats.folder(folder / "NATS-tss-v1_0-3ffb9-simple", INFOS)
    return source, converted(source, folder / "data")


@pytest.mark.filterwarnings("ignore")
def test_numbers_are_those_of_the_official_api(table: tuple[Path, Benchmark]) -> None:
    nats_bench = pytest.importorskip("nats_bench", reason="nats_bench, the oracle, is not installed (extra `dev`)")
    source, found = table
    api: Any = nats_bench.create(str(source), "tss", fast_mode=True, verbose=False)
    assert found.keys == tuple(api.arch(number) for number in nats.NUMBERS)
    assert found.partial
    got = numbers(found)
    for number, key in zip(nats.NUMBERS, found.keys):
        for prefix, (validation, test) in ASKED.items():
            for hp in ("12", "200"):
                info = api.get_more_info(number, validation, hp=hp, is_random=False)
                assert got[f"{prefix}_val_{hp}"][key] == info["valid-accuracy"]
                full = api.get_more_info(number, test, hp=hp, is_random=False)
                assert got[f"{prefix}_test_{hp}"][key] == full["test-accuracy"]
            assert got[f"{prefix}_traintime_200_s"][key] == pytest.approx(info["train-all-time"], rel=1e-12)
            assert got[f"{prefix}_params_M"][key] == api.get_cost_info(number, test, hp="200")["params"]
        assert got["cifar10_flops_M"][key] == api.get_cost_info(number, "cifar10", hp="200")["flops"]
        half = api.get_more_info(number, "cifar10-valid", hp="200", is_random=False)
        assert got["cifar10_test_200_half_train"][key] == half["test-accuracy"]
        seeds = api.query_meta_info_by_index(number, hp="200").get_dataset_seeds("cifar10-valid")
        assert got["n_seeds_200"][key] == len(seeds)
        for run, seed in enumerate((777, 888, 999)):
            for part, dataset in (("valid", "cifar10-valid"), ("test", "cifar10")):
                column = got[f"cifar10_{part.replace('valid', 'val')}_200_run{run}"]
                if seed in seeds:
                    one = api.get_more_info(number, dataset, hp="200", is_random=seed)
                    assert column[key] == one[f"{part}-accuracy"]
                else:
                    assert key not in column


def test_classes_are_those_of_the_official_api(table: tuple[Path, Benchmark]) -> None:
    nats_bench = pytest.importorskip("nats_bench", reason="nats_bench, the oracle, is not installed (extra `dev`)")
    api: Any = nats_bench.create(str(table[0]), "tss", fast_mode=True, verbose=False)
    for number in range(0, 15_625, 7):
        assert convert.class_text(nats.ORDER[number]) == api.get_unique_str(number)
    assert len({convert.class_text(key) for key in nats.ORDER}) == 6466


def test_every_form_gives_the_same_table(table: tuple[Path, Benchmark], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    source, found = table
    old = nats.meta(nats.older(INFOS))
    torch.save(old, tmp_path / "new.pth")
    torch.save(old, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    forms = [
        nats.tar(tmp_path / "simple.tar", source),
        nats.one_file(tmp_path / "full.pickle.pbz2", INFOS),
        tmp_path / "new.pth",
        tmp_path / "old.pth",
    ]
    for number, form in enumerate(forms):
        other = converted(form, tmp_path / str(number))
        assert other.keys == found.keys and numbers(other) == numbers(found)


def test_a_file_without_times_leaves_them_out(tmp_path: Path) -> None:
    infos = {3: nats.results(3)}
    for run in infos[3]["200"]["all_results"].values():
        run["train_times"] = None
    found = converted(nats.one_file(tmp_path / "full.pickle.pbz2", infos), tmp_path)
    assert found.column("cifar10_traintime_200_s") == {} and len(found.column("cifar10_test_200")) == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda run: run.pop("eval_acc1es"), "KeyError"),
        (lambda run: run.update(epochs=201), "KeyError"),
        (lambda run: run["eval_acc1es"].update({"ori-test@199": "93"}), "a number is '93'"),
        (lambda run: run["eval_acc1es"].update({"ori-test@199": True}), "a number is True"),
        (lambda run: run.update(train_times=[1.0]), "IndexError"),
        (lambda run: run.update(params=[]), "a number is \\[\\]"),
    ],
)
def test_results_of_another_form_are_named(tmp_path: Path, change: Any, fault: str) -> None:
    infos = {3: nats.results(3)}
    for dataset in ("cifar10", "cifar10-valid"):
        change(infos[3]["200"]["all_results"][dataset, 777])
    source = nats.one_file(tmp_path / "full.pickle.pbz2", infos)
    with pytest.raises(DataError, match=f"architecture 3 with results of the official form; found .*{fault}"):
        convert_benchmark("nasbench201", source, tmp_path / "data", partial=True)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(("value", "fault"), [(100.5, "in 0..100; found .*100.5"), (float("nan"), "without")])
def test_impossible_accuracies_are_named(tmp_path: Path, value: float, fault: str) -> None:
    infos = {3: nats.results(3)}
    infos[3]["12"]["all_results"]["cifar10", 777]["eval_acc1es"]["ori-test@11"] = value
    with pytest.raises(DataError, match=f"'cifar10_test_12'.*{fault}"):
        convert_benchmark("nasbench201", nats.one_file(tmp_path / "full.pickle.pbz2", infos), tmp_path, partial=True)


def test_a_part_is_refused_unless_asked_for(table: tuple[Path, Benchmark], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all 15625 architectures, unless a partial table is asked for; found 4"):
        convert_benchmark("nasbench201", table[0], tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_another_order_is_refused(tmp_path: Path) -> None:
    content = {**nats.meta({3: nats.results(3)}), "meta_archs": nats.ORDER[::-1]}
    with pytest.raises(DataError, match="15625 architectures in the official order"):
        convert_benchmark("nasbench201", nats.pack(tmp_path / "full.pickle.pbz2", content), tmp_path)


def test_an_architecture_twice_is_refused(tmp_path: Path) -> None:
    source = nats.folder(tmp_path / "simple", {3: nats.results(3)})
    (source / "3.pickle.pbz2").write_bytes((source / "000003.pickle.pbz2").read_bytes())
    with pytest.raises(DataError, match="each architecture once; found number 3 twice"):
        convert_benchmark("nasbench201", source, tmp_path / "data", partial=True)


def test_the_sum_in_an_official_name_is_checked(tmp_path: Path) -> None:
    plain = nats.one_file(tmp_path / "full.pickle.pbz2", {3: nats.results(3)})
    found = hashlib.md5(plain.read_bytes()).hexdigest()
    right = plain.rename(tmp_path / f"NATS-tss-v1_0-{found[-5:]}.pickle.pbz2")
    assert len(converted(right, tmp_path)) == 1
    wrong = right.rename(tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2")
    with pytest.raises(DataError, match=f"MD5 sum to end with 3ffb9, as its name says; found {found}"):
        converted(wrong, tmp_path)


def test_other_files_are_turned_away(tmp_path: Path) -> None:
    other = tmp_path / "NATS-tss.zip"
    with pytest.raises(DataError, match="NATS-Bench's topology space .*; found no such file"):
        converted(other, tmp_path)
    other.write_bytes(b"PK")
    with pytest.raises(DataError, match="found a file named 'NATS-tss.zip'"):
        converted(other, tmp_path)
    with pytest.raises(DataError, match="found no architecture"):
        converted(tmp_path, tmp_path)


def test_an_archive_without_its_end_is_named(table: tuple[Path, Benchmark], tmp_path: Path) -> None:
    whole = nats.tar(tmp_path / "simple.tar", table[0])
    with tarfile.open(whole) as archive:
        last = archive.getmembers()[-1]
    # Cut between two members, where a reader of tar archives sees nothing missing.
    whole.write_bytes(whole.read_bytes()[: last.offset])
    with pytest.raises(DataError, match="a whole .tar archive; found one without an end"):
        converted(whole, tmp_path)


def test_a_whole_benchmark_is_checked_by_its_known_facts(tmp_path: Path) -> None:
    """All 15,625, with the same short trainings but for the three best."""
    results = nats.results(3, epochs=2)
    infos = {number: {hp: {**results[hp], "arch_str": key} for hp in results} for number, key in enumerate(nats.ORDER)}
    sets = {
        "cifar10": ("cifar10", "ori-test"),
        "cifar100": ("cifar100", "x-test"),
        "imagenet16": ("ImageNet16-120", "x-test"),
    }
    for seed in (777, 888, 999):
        for dataset, images in sets.values():
            results["200"]["all_results"][dataset, seed]["eval_acc1es"][f"{images}@1"] = 40.0
    source = nats.one_file(tmp_path / "full.pickle.pbz2", infos)
    with pytest.raises(DataError, match="the best 'cifar10_test_200' to be 94.373 at 6111; found 40.000 at 0"):
        convert_benchmark("nasbench201", source, tmp_path / "data")
    for prefix, (number, best) in nasbench201.TABLE.best.items():
        dataset, images = sets[prefix.split("_")[0]]
        training = infos[number]["200"]
        training["all_results"] = dict(training["all_results"])
        for seed in (777, 888, 999):
            one = training["all_results"][dataset, seed]
            accuracies = {**one["eval_acc1es"], f"{images}@1": best}
            training["all_results"][dataset, seed] = {**one, "eval_acc1es": accuracies}
    seen: list[int] = []
    convert_benchmark("nasbench201", nats.one_file(source, infos), tmp_path / "data", progress=seen.append)
    found = benchmark("nasbench201", tmp_path / "data")
    assert seen == list(range(15_625)) and not found.partial
    assert found.keys == tuple(nats.ORDER)


def test_an_interrupted_import_leaves_what_was_there(table: tuple[Path, Benchmark], tmp_path: Path) -> None:
    path = convert_benchmark("nasbench201", table[0], tmp_path, partial=True)
    before = path.read_bytes()

    def stop(number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert_benchmark("nasbench201", table[0], tmp_path, partial=True, progress=stop)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]
