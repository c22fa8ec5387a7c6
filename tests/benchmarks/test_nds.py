"""NDS' files as tables: what is read, in which order, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest

from naslib_zc_plugin.benchmarks import benchmark, convert_benchmark, list_benchmarks
from naslib_zc_plugin.benchmarks.nds import NDS_AMOEBA, NDS_DARTS_FIX_W_D, convert
from naslib_zc_plugin.files import DataError, texts
from naslib_zc_plugin.spaces import list_spaces, space
from tests.benchmarks import nds


def test_a_benchmark_for_every_space() -> None:
    assert list_benchmarks("nds*") == [name for name in list_spaces() if name.startswith("nds")]


@pytest.mark.parametrize("form", ["one list", "lists by name"])
def test_what_is_read(tmp_path: Path, form: str) -> None:
    jobs = nds.jobs(NDS_AMOEBA)
    source = nds.write(tmp_path, jobs if form == "one list" else {"top": jobs[:2], "mid": jobs[2:]})
    seen: list[int] = []
    convert_benchmark("nds_amoeba", source, tmp_path / "data", partial=True, progress=seen.append)
    table = benchmark("nds_amoeba", tmp_path / "data")
    assert table.partial
    assert seen == list(range(6)) and len(table) == 6
    cells = space("nds_amoeba")
    for key, job in zip(table.keys, jobs):
        assert cells.canonical(key) == key
        edges = job["net"]["genotype"]["normal"]
        for node, name in enumerate(key.split(" ")[3].split("+")):
            assert sorted(name.strip("|").split("|")) == sorted(f"{o}~{p}" for o, p in edges[2 * node : 2 * node + 2])
        assert key.startswith(f"C{job['net']['width']} L{job['net']['depth']} ")
        assert table.column("test_accuracy")[key] == 100 - job["test_ep_top1"][-1]
        assert table.column("best_test_accuracy")[key] == pytest.approx(100 - job["min_test_top1"])
        assert table.column("train_accuracy")[key] == 100 - job["train_ep_top1"][-1]
        assert table.column("params")[key] == job["params"]
        assert table.column("epochs")[key] == nds.EPOCHS
    assert list(table.column("auxiliary").values()) == [0, 0, 0, 0, 0, 1]


def test_parameters_that_differ_are_told(tmp_path: Path) -> None:
    jobs = nds.jobs(NDS_AMOEBA)
    jobs[3]["params"] += 7
    convert_benchmark("nds_amoeba", nds.write(tmp_path, jobs), tmp_path / "data", partial=True)
    table = benchmark("nds_amoeba", tmp_path / "data")
    told = NDS_AMOEBA.differing_parameters(table)
    assert told == {table.keys[3]: (jobs[3]["params"], jobs[3]["params"] - 7)}


def test_a_run_that_diverged_has_no_accuracy(tmp_path: Path) -> None:
    jobs = nds.jobs(NDS_AMOEBA)
    jobs[1]["test_ep_top1"][-1] = float("nan")
    convert_benchmark("nds_amoeba", nds.write(tmp_path, jobs), tmp_path / "data", partial=True)
    table = benchmark("nds_amoeba", tmp_path / "data")
    assert table.keys[1] not in table.column("test_accuracy")
    best = 100 - min(jobs[1]["test_ep_top1"][:-1])
    assert table.column("best_test_accuracy")[table.keys[1]] == pytest.approx(best)


@pytest.mark.parametrize("chunk", [1, 2, 7, 100])
def test_jobs_are_the_same_wherever_the_stream_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(texts, "_CHUNK", chunk)
    content: list[dict[str, Any]] = [{"a": [1.5, -2e3, '}]\\"ä'], "b": {"c": None}}, {}, {"d": True}]
    for text in (json.dumps(content), json.dumps(content, indent=2) + "\n", json.dumps({"x": content, "y": content})):
        path = tmp_path / "file.json"
        path.write_text(text, encoding="utf-8")
        assert list(convert.jobs(path, "jobs")) == content * (2 if text.startswith("{") else 1)


def test_one_job_at_a_time_is_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text('[{"a": 1}, {"a": 2}, {"a": ', encoding="utf-8")
    stream = convert.jobs(path, "jobs")
    assert [next(stream), next(stream)] == [{"a": 1}, {"a": 2}]
    with pytest.raises(DataError, match="expected jobs"):
        next(stream)


@pytest.mark.parametrize("text", ["", "1", "[]", "[1]", "[{}", "[{}] []", "[{},]", '{"a": {}}', '[{"a": 1} {}]', "{}"])
def test_what_is_no_list_of_jobs_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="expected jobs"):
        list(convert.jobs(path, "jobs"))


def test_the_faulty_job_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text('[{"a": 1}, {"a": 2}, {"a": [1 2]}, {"a": 3}]', encoding="utf-8")
    with pytest.raises(DataError, match="Expecting ',' delimiter, after 2 objects"):
        list(convert.jobs(path, "jobs"))


def _without(job: Any, *names: str) -> None:
    for name in names[:-1]:
        job = job[name]
    del job[names[-1]]


FAULTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no genotype, as of a residual network": (lambda job: _without(job, "net", "genotype"), "genotype"),
    "no errors": (lambda job: _without(job, "test_ep_top1"), "test_ep_top1"),
    "errors of no epoch": (lambda job: job.update(test_ep_top1=[], train_ep_top1=[]), "0 epochs"),
    "fewer epochs in training": (lambda job: job["train_ep_top1"].pop(), "4"),
    "an error that is text": (lambda job: job["test_ep_top1"].__setitem__(2, "90"), "'90'"),
    "an error beyond all numbers": (lambda job: job["test_ep_top1"].__setitem__(2, 10**400), "300 digits"),
    "parameters that are true": (lambda job: job.update(params=True), "a number is True"),
    "a width that is none": (lambda job: job["net"].update(width=16.5), "16.5"),
    "too few cells": (lambda job: job["net"].update(depth=2), "at least 3 cells"),
    "an unknown operation": (lambda job: job["net"]["genotype"]["normal"][3].__setitem__(0, "none"), "'none'"),
    "an edge from a later node": (lambda job: job["net"]["genotype"]["reduce"][1].__setitem__(1, 2), "before its node"),
    "an edge too few": (lambda job: job["net"]["genotype"]["reduce"].pop(), "9 edges"),
    "a place that is text": (lambda job: job["net"]["genotype"]["reduce"][1].__setitem__(1, "0"), "a place is '0'"),
    "other ends": (lambda job: job["net"]["genotype"].update(normal_concat=[2, 3, 4, 5, 6, 6]), "concatenates"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_network_that_is_none_is_refused(tmp_path: Path, fault: str) -> None:
    spoil, message = FAULTS[fault]
    jobs = nds.jobs(NDS_AMOEBA)
    spoil(jobs[4])
    with pytest.raises(DataError, match="expected network 4 as in Amoeba.json") as caught:
        convert_benchmark("nds_amoeba", nds.write(tmp_path, jobs), tmp_path / "data", partial=True)
    assert message in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_errors_out_of_range_are_refused(tmp_path: Path) -> None:
    jobs = nds.jobs(NDS_AMOEBA)
    jobs[2]["test_ep_top1"][-1] = 100.5
    with pytest.raises(DataError, match="'test_accuracy' in 0..100"):
        convert_benchmark("nds_amoeba", nds.write(tmp_path, jobs), tmp_path / "data", partial=True)


def test_another_space_s_file_is_refused(tmp_path: Path) -> None:
    jobs = nds.jobs(NDS_DARTS_FIX_W_D)
    with pytest.raises(DataError, match="expected DARTS.json, for nds_darts; found DARTS_fix-w-d.json"):
        convert_benchmark("nds_darts", nds.write(tmp_path, jobs, "DARTS_fix-w-d"), tmp_path / "data", partial=True)
    convert_benchmark("nds_darts_fix_w_d", nds.write(tmp_path, jobs, "DARTS_fix-w-d"), tmp_path / "data", partial=True)
    assert set(benchmark("nds_darts_fix_w_d", tmp_path / "data").column("params").values()) == {
        job["params"] for job in jobs
    }
