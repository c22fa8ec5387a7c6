"""`nas-zc leaderboard` on exports of small campaigns and a part of a benchmark's table."""

from __future__ import annotations

import base64
import csv
import json
import os
import re
import shlex
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr
from typer.testing import CliRunner, Result

pytest.importorskip("pyarrow")

from naslib_zc_plugin.benchmarks import BENCHMARKS, ColumnInfo, Table, Truth
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.store.parquet import write_parquet
from tests.benchmarks import made

ROOT = Path(__file__).resolve().parents[2]
N = 90
COLUMNS = {name: values[:N] for name, values in made.nasbench201_columns().items()}
KEYS = COLUMNS["arch_str"]
RNG = np.random.default_rng(0)
SCORES = {
    "naswot": COLUMNS["cifar10_test_200"] + RNG.normal(size=N),
    "ntk": -COLUMNS["cifar10_test_200"] + 8 * RNG.normal(size=N),
    "linear_regions": RNG.integers(0, 4, size=N).astype(float),
    "params": COLUMNS["cifar10_params_M"] * 1e6,
}
PROXIES = {name: {"name": name, "version": 1, "higher_is_better": name != "ntk", "options": {}} for name in SCORES}
FACTS: dict[str, Any] = {
    "space": "nasbench201",
    "preset": {"name": "naswot", "batch_size": 128},
    "dataset": "cifar10",
    "images": {"name": "cifar10.npz", "sha256": "c0ffee"},
    "proxies": PROXIES,
    "seed": 3,
    "torch": "2.13.0",
    "truth": "cifar10_test_200",
    "command": "nas-zc score configs/a.yaml",
}


def _records() -> Iterator[dict[str, Any]]:
    """The last five of naswot are undefined, the two before them failed."""
    for place, key in enumerate(KEYS):
        for name, values in SCORES.items():
            status = "ok" if name != "naswot" or place < N - 7 else "failed" if place < N - 5 else "undefined"
            value = float(values[place]) if status == "ok" else None
            yield {"key": key, "proxy": name, "version": 1, "value": value, "status": status, "seconds": 0.25}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    made.written(folder, COLUMNS)
    write_parquet(folder / "small.parquet", _records(), FACTS)
    write_parquet(folder / "plain.parquet", _records(), {"space": "nasbench201", "proxies": PROXIES})
    return folder


def _run(data: Path, *arguments: str, store: str = "small.parquet") -> Result:
    return CliRunner().invoke(
        app, ["leaderboard", str(data / store), "--data", str(data), "--resamples", "20", *arguments]
    )


@pytest.fixture(scope="module")
def done(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    output = tmp_path_factory.mktemp("board")
    more = ["--aggregate", "tenas", "--aggregate", "log_rank_sum:naswot,params", "--aggregate", "vote:naswot,ntk"]
    found = _run(data, *more, "--units", "ntk=37", "--output", str(output))
    assert found.exit_code == 0, found.stderr
    return found, output


def test_it_prints_every_table_with_its_counts(done: tuple[Result, Path]) -> None:
    text = done[0].stdout
    assert "\x1b" not in text and text.startswith("small: proxies against cifar10_test_200\n")
    (line,) = (line for line in text.splitlines() if line.startswith("naswot") and line.endswith("–"))
    assert line.split()[-6:] == [str(N - 7), "5", "2", "0", "0.25", "–"]
    rho = spearmanr(SCORES["naswot"][: N - 7], COLUMNS["cifar10_test_200"][: N - 7])[0]
    assert f"{rho:+.3f}" in line
    for words in (
        "tenas",
        "log_rank_sum(naswot, params)",
        "vote(naswot, ntk)",
        "Among the best 10%",
        "preset (name naswot",
    ):
        assert words in text
    assert f"Scored by: {FACTS['command']}\n" in text


@pytest.mark.skipif(sys.platform == "win32", reason="limits files with the resource module")
@pytest.mark.parametrize("size", [1000, 100_000])
def test_pages_of_before_stay_where_the_disk_is_full(done: tuple[Result, Path], data: Path, size: int) -> None:
    output = done[1]
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    code = (
        "import resource, runpy, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size},) * 2)\n"
        "runpy.run_module('naslib_zc_plugin', run_name='__main__')"
    )
    words = ["leaderboard", str(data / "small.parquet"), "--data", str(data), "--output", str(output)]
    found = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 2 and f"File too large: '{output}/" in found.stderr
    after = {path.name: path.read_bytes() for path in output.iterdir()}
    assert after.keys() == before.keys()
    large = [name for name, content in after.items() if len(content) > size]
    assert large and all(after[name] == before[name] for name in large)


def test_files_hold_the_same(done: tuple[Result, Path]) -> None:
    output = done[1]
    names = ["index.html", "leaderboard.csv", "leaderboard.md", "overview.csv", "overview.parquet"]
    assert sorted(path.name for path in output.iterdir()) == names
    with (output / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        lines = {line["label"]: line for line in csv.DictReader(file)}
    tau = kendalltau(SCORES["ntk"], COLUMNS["cifar10_test_200"])[0]
    assert float(lines["ntk"]["kendall"]) == pytest.approx(-tau)
    assert (lines["ntk"]["units"], json.loads(lines["ntk"]["facts"])["seed"]) == ("37.0", 3)
    assert "| naswot | ↑ |" in (output / "leaderboard.md").read_text(encoding="utf-8")
    with (output / "overview.csv").open(encoding="utf-8", newline="") as file:
        told = {
            line["proxy"]: line for line in csv.DictReader(file) if (line["measure"], line["at_equal"]) == ("tau", "")
        }
    assert float(told["ntk"]["value"]) == pytest.approx(-tau)
    assert set(told) == {*SCORES, "tenas", "log_rank_sum(naswot, params)", "vote(naswot, ntk)"}
    assert {(line["benchmark"], line["data_set"]) for line in told.values()} == {("nasbench201", "cifar10")}
    parquet = pytest.importorskip("pyarrow.parquet").read_table(output / "overview.parquet").to_pylist()
    with (output / "overview.csv").open(encoding="utf-8", newline="") as file:
        assert [line["value"] or "" for line in csv.DictReader(file)] == [
            "" if line["value"] is None else str(line["value"]) for line in parquet
        ]


def test_the_command_that_it_names_makes_the_same_table(done: tuple[Result, Path], data: Path) -> None:
    text = done[0].stdout
    (command,) = (line.partition(": ")[2] for line in text.splitlines() if line.startswith("Tabulated by: "))
    name, *words = shlex.split(command)
    again = CliRunner().invoke(app, words)
    assert name == "nas-zc" and again.exit_code == 0 and again.stdout == text
    assert str(data) in command and "--seed" not in command


def test_several_truths_give_tables_and_mean_ranks(data: Path, tmp_path: Path) -> None:
    found = _run(data, "--truth", "cifar10_val_200", "--truth", "cifar100_test_200", "--output", str(tmp_path))
    assert found.exit_code == 0, found.stderr
    assert "small: proxies against cifar10_val_200\n" in found.stdout
    assert "small: proxies against cifar100_test_200\n" in found.stdout
    ranks = found.stdout.partition("Mean rank\n")[2].splitlines()
    assert ranks[0].split() == ["proxy", "nasbench201", "mean"]
    # The regions' ties leave them a tau as well: all four proxies are ranked.
    assert sorted(line.split()[0] for line in ranks[1:5]) == sorted(SCORES)
    with (tmp_path / "overview.csv").open(encoding="utf-8", newline="") as file:
        found_sets = {line["data_set"] for line in csv.DictReader(file)}
    assert found_sets == {"cifar10_val_200", "cifar100_test_200"}


def test_two_stores_on_one_truth_are_not_ranked_and_on_two_by_their_names(data: Path) -> None:
    both = ["--truth", "cifar10_test_200", str(data / "plain.parquet")]
    found = _run(data, *both)
    assert found.exit_code == 0 and "Mean rank" not in found.stdout
    ranked = _run(data, *both, "--truth", "cifar100_test_200").stdout.partition("Mean rank\n")[2]
    assert "small/naswot" in ranked and "plain/naswot" in ranked


def test_a_store_that_cannot_be_compared_is_left_out_by_name_where_others_can(data: Path, tmp_path: Path) -> None:
    write_parquet(tmp_path / "odd.parquet", _records(), {"proxies": PROXIES})
    found = _run(data, str(tmp_path / "odd.parquet"), "--output", str(tmp_path / "board"))
    assert found.exit_code == 0 and "odd: proxies" not in found.stdout
    assert "nas-zc: left out: odd does not say which search space" in found.stderr


def test_what_names_no_accuracy_is_compared_on_every_data_set_of_its_benchmark(data: Path, tmp_path: Path) -> None:
    found = _run(data, "--output", str(tmp_path), store="plain.parquet")
    assert found.exit_code == 0, found.stderr
    columns = {"cifar10": "cifar10_test_200", "cifar100": "cifar100_test_200", "imagenet16_120": "imagenet16_test_200"}
    assert f"plain names nothing, which nasbench201 does not have: compared with {', '.join(columns.values())}\n" in (
        found.stderr
    )
    with (tmp_path / "overview.csv").open(encoding="utf-8", newline="") as file:
        taus = {(line["data_set"], line["accuracy"]): float(line["value"]) for line in csv.DictReader(file)
                if (line["proxy"], line["measure"], line["at_equal"]) == ("params", "tau", "")}  # fmt: skip
    assert taus.keys() == set(columns.items())
    for place, column in columns.items():
        assert taus[place, column] == pytest.approx(kendalltau(SCORES["params"], COLUMNS[column])[0])


def test_a_benchmark_of_another_name_and_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of two kinds, one trained on two tasks: each is compared with its own, and counts once."""
    keys = [f"{kind}|{i}" for kind in ("cnn", "vit") for i in range(20)]
    rows = {key: {"a": float(i % 7 + (i > 19) * 9), "b": float(50 - i)} for i, key in enumerate(keys)}
    truths = {"vit_a": Truth("a", "ViT, A", "vit|"), "cnn_a": Truth("a", "CNN, A", "cnn|"), "b": Truth("b", "B")}
    columns = {name: ColumnInfo("accuracy", higher_is_better=True) for name in ("a", "b")}
    toy = Table("toy_runs", columns, values=rows, title="Toy", space_name="toy_space", truths=truths)
    monkeypatch.setitem(BENCHMARKS._added, "toy_runs", toy)
    facts = {
        **FACTS,
        "space": "toy_space",
        "dataset": "noise",
        "truth": "noise_test",
        "proxies": {"p": PROXIES["params"]},
    }
    records = ({"key": key, "proxy": "p", "version": 1, "value": float(i), "status": "ok", "seconds": 0.1}
               for i, key in enumerate(keys))  # fmt: skip
    write_parquet(tmp_path / "toy.parquet", records, facts)

    def taus(*words: str) -> dict[str, tuple[str, float, int]]:
        found = _run(tmp_path, *words, "--output", str(tmp_path / "board"), store="toy.parquet")
        assert found.exit_code == 0, found.stderr
        with (tmp_path / "board" / "overview.csv").open(encoding="utf-8", newline="") as file:
            return {line["data_set"]: (line["accuracy"], float(line["value"]), int(line["n"]))
                    for line in csv.DictReader(file) if (line["measure"], line["at_equal"]) == ("tau", "")}  # fmt: skip

    usual = taus()
    within = [kendalltau(range(20), [rows[key]["a"] for key in part])[0] for part in (keys[20:], keys[:20])]
    assert usual == {"vit_a": ("vit_a", pytest.approx(within[0]), 20), "cnn_a": ("cnn_a", pytest.approx(within[1]), 20),
                     "b": ("b", -1.0, 40)}  # fmt: skip
    assert "Toy, ViT, A" in (tmp_path / "board" / "index.html").read_text(encoding="utf-8")
    assert taus("--truth", "toy_space:cnn_a") == {"cnn_a": usual["cnn_a"]}
    assert taus("--truth", "a")["a"][1:] == (
        pytest.approx(kendalltau(range(40), [r["a"] for r in rows.values()])[0]),
        40,
    )


def test_members_in_several_tables_are_joined_on_the_page(data: Path, tmp_path: Path) -> None:
    def some(*names: str) -> Iterator[dict[str, Any]]:
        return (record for record in _records() if record["proxy"] in names)

    for name, kept in {"one": ("naswot", "ntk"), "two": ("params",)}.items():
        facts = {**FACTS, "proxies": {each: PROXIES[each] for each in kept}}
        write_parquet(tmp_path / f"{name}.parquet", some(*kept), facts)
    words = ["leaderboard", str(tmp_path / "one.parquet"), str(tmp_path / "two.parquet"), "--data", str(data)]
    words += ["--resamples", "0", "--aggregate", "log_rank_sum:naswot,params", "--output", str(tmp_path / "board")]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.stderr
    with (tmp_path / "board" / "overview.csv").open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["proxy"] == "log_rank_sum(naswot, params)"]
    whole = _run(data, "--aggregate", "log_rank_sum:naswot,params", "--output", str(tmp_path / "whole"))
    assert whole.exit_code == 0, whole.stderr
    with (tmp_path / "whole" / "overview.csv").open(encoding="utf-8", newline="") as file:
        wanted = [line for line in csv.DictReader(file) if line["proxy"] == "log_rank_sum(naswot, params)"]
    assert lines and [line["value"] for line in lines] == [line["value"] for line in wanted]


def test_curves_of_searches_are_on_the_page(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    config = tmp_path / "tiny.yaml"
    config.write_text(
        "space: nasbench201\nevaluator: {name: benchmark, metric: cifar10_val_200}\nbudget: {evaluations: 9}\n"
        f"repeats: 2\nstore: {tmp_path / 'tiny.db'}\nsearches: {{at random: {{strategy: {{name: random_search}}}}}}\n"
    )
    done = CliRunner().invoke(app, ["search", str(config), "--output", str(tmp_path / "results")])
    assert done.exit_code == 0, done.stderr
    found = _run(data, "--search", str(config), "--output", str(tmp_path / "board"))
    assert found.exit_code == 0, found.stderr
    page = (tmp_path / "board" / "index.html").read_text(encoding="utf-8")
    packed = re.search(r'id="data">([^<]*)<', page)
    assert packed is not None
    (curve,) = json.loads(zlib.decompress(base64.b64decode(packed[1])))["searches"]
    assert (curve["label"], curve["panel"], curve["places"][-1]) == ("at random", "tiny", 9)


def test_a_truth_may_be_of_one_space_alone(data: Path) -> None:
    assert _run(data, "--truth", "timm:accuracy").stdout.startswith("small: proxies against cifar10_test_200\n")
    named = _run(data, "--truth", "nasbench201:cifar10_val_200").stdout
    assert named.startswith("small: proxies against cifar10_val_200\n")


def test_what_is_less_when_better_is_negated(data: Path) -> None:
    found = _run(data, "--truth", "cifar10_traintime_200_s")
    assert found.exit_code == 0 and "against −cifar10_traintime_200_s\n" in found.stdout
    assert "have no accuracy and are left out" in found.stdout


@pytest.mark.parametrize("undefined", ["drop", "worst"])
def test_where_undefined_scores_rank(data: Path, undefined: str) -> None:
    text = _run(data, "--undefined", undefined, "--top", "20").stdout
    (line,) = (line for line in text.splitlines() if line.startswith("naswot") and line.endswith("0.25"))
    assert line.split()[-5:] == [str(N - 7 if undefined == "drop" else N - 2), "5", "2", "0", "0.25"]
    assert "Top-20%/top-20%" in text


@pytest.mark.parametrize(
    ("store", "arguments", "message"),
    [
        (
            "plain.parquet",
            ["--benchmark", "odd"],
            "plain does not say what to compare with: give --truth, one of accuracy",
        ),
        ("small.parquet", ["--truth", "cifar10_test_2000"], "no column 'cifar10_test_2000'; did you mean"),
        ("small.parquet", ["--truth", "cifar10_params_M"], "neither more nor less of it is better"),
        ("small.parquet", ["--aggregate", "mean:a"], "unknown aggregate 'mean'"),
        ("small.parquet", ["--aggregate", "vote"], "has no scores called 'synflow'"),
        ("small.parquet", ["--undefined", "zero"], "choose 'drop' or 'worst'"),
        ("small.parquet", ["--units", "ntk"], "--units ntk: write PROXY=NUMBER"),
        ("small.parquet", ["--top", "0"], "between 0 and 1"),
        ("none.parquet", [], "none.parquet"),
    ],
)
def test_bad_input_is_one_line(
    data: Path, store: str, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = Table("odd", {"accuracy": ColumnInfo("of one", higher_is_better=True)}, values={KEYS[0]: {"accuracy": 1.0}})
    monkeypatch.setitem(BENCHMARKS._added, "odd", odd)
    found = _run(data, *arguments, store=store)
    assert found.exit_code == 2 and found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert line.startswith("nas-zc: ") and message in line


def test_no_torch_and_the_data_directory_from_the_environment(data: Path) -> None:
    code = (
        f"import sys\nsys.argv = ['nas-zc', 'leaderboard', {str(data / 'small.parquet')!r}, '--resamples', '0']\n"
        "from naslib_zc_plugin.cli import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    environment = {**os.environ, "NAS_ZC_DATA": str(data)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, timeout=60)
