"""`nas-zc verify`: a sample of a file's scores is made anew, and what differs is refused."""

from __future__ import annotations

import json
import math
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copy
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from naslib_zc_plugin.campaign.config import Config, options_of_images, provenance
from naslib_zc_plugin.campaign.engines import Task
from naslib_zc_plugin.campaign.exchange import export
from naslib_zc_plugin.campaign.plan import stream
from naslib_zc_plugin.campaign.scorer import Scorer
from naslib_zc_plugin.campaign.store import Store, read_table
from naslib_zc_plugin.campaign.verification import Recomputed, config_of, drawn, recompute
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.configuration import check
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.parquet import records_of, write_parquet
from naslib_zc_plugin.table import ScoreTable
from tests.proxies.test_new_proxy import distribution

NOISE = {"source": "synthetic:normal", "n": 12, "size": 8, "classes": 3}
PLAIN = {
    "space": "nasbench201", "architectures": 6, "images": NOISE, "seed": 3, "preset": "lightweight",
    "proxies": ["naswot", {"name": "synflow", "label": "bare", "keep_norm": "*"}, "snip"],
    "batch": {"batch_size": 8}, "network": {"C": 4, "N": 1},
}  # fmt: skip


def _nas(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def _scored(path: Path, **changes: Any) -> Path:
    """Score a campaign in this process, into a store."""
    config = check(Config, {**PLAIN, **changes}, "mine")
    score, found = Scorer(config), space(config.space)
    keys = {key: found.canonical(key) for key in stream(config.architectures, found, config.seed)}
    with closing(Store(path)) as store, store.transaction():
        store.declare({**provenance(config), "image_options": options_of_images(config)})
        store.ask(keys, list(config.requests()))
        outcomes = [score(Task(key, tuple(config.requests()))) for key in set(keys.values())]
        store.add(outcomes, {"device": "cpu", "threads": 1, "seed": config.seed, "torch": "2"})
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store on noise, which needs no file but itself, and its export."""
    folder = tmp_path_factory.mktemp("submission")
    export(_scored(folder / "mine.db"), folder / "mine.parquet")
    return folder


@pytest.fixture
def submission(made: Path, tmp_path: Path) -> Path:
    """A copy of the export."""
    return Path(copy(made / "mine.parquet", tmp_path))


def _rewritten(path: Path, **changes: Any) -> ScoreTable:
    """The same table with other entries in its provenance."""
    table = read_table(path)
    return replace(table, facts={**table.facts, **changes})


def test_what_was_made_as_it_says_is_accepted(made: Path, submission: Path) -> None:
    for file in map(str, (submission, made / "mine.db")):
        done = _nas("verify", file, "--sample", "4", "--seed", "5")
        assert done.exit_code == 0, done.output
        assert done.stdout.count("4 of 4") == 3 and "drawn by --seed 5" in done.stdout
    assert "--seed" in _nas("verify", str(submission), "--sample", "1").stdout  # which can be given again


def test_the_configuration_is_that_of_the_provenance(submission: Path) -> None:
    config = config_of(read_table(submission), submission.parent)
    assert (config.space, config.seed, config.images) == ("nasbench201", 3, NOISE)
    assert config.batch.batch_size == 8
    assert {label: (made.name, made.options) for label, made in config.requests().items()} == {
        "naswot": ("naswot", {}), "bare": ("synflow", {"keep_norm": "*"}), "snip": ("snip", {}),
    }  # fmt: skip


def test_a_changed_score_is_refused_and_shown(submission: Path) -> None:
    records = read_records(submission)
    changed = next(record for record in records if record["proxy"] == "snip")
    changed["value"] *= 1.001
    write_parquet(submission, records, read_table(submission).facts)
    done = _nas("verify", str(submission))
    assert done.exit_code == 1
    assert done.stdout.count("6 of 6  ") == 2 and "5 of 6  " in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.endswith(changed["key"])]
    assert line.startswith("snip ") and "1.0e-03" in line
    assert "refused: 1 scores differ" in done.stderr
    assert _nas("verify", str(submission), "--tolerance", "0.01").exit_code == 0


def read_records(path: Path) -> list[dict[str, Any]]:
    """The lines of an export."""
    return list(records_of(path)[1])


@pytest.mark.parametrize(
    ("stored", "made", "status", "difference"),
    [
        (2.0, 2.0, "ok", 0.0), (0.0, 0.0, "ok", 0.0), (2.0, 1.0, "ok", 0.5), (-1.0, 1.0, "ok", 2.0),
        (math.nan, math.nan, "undefined", 0.0), (math.nan, math.nan, "failed", math.inf),
        (math.nan, 1.0, "ok", math.inf), (1.0, math.nan, "undefined", math.inf),
    ],
)  # fmt: skip
def test_differences(stored: float, made: float, status: str, difference: float) -> None:
    assert Recomputed("key", "label", stored, made, status, "").difference == difference


def test_what_is_made_otherwise_here_is_refused_by_name(submission: Path, tmp_path: Path) -> None:
    facts = read_table(submission).facts
    older = {**facts["proxies"], "snip": {**facts["proxies"]["snip"], "version": 0}}
    unknown = {**facts["proxies"], "snip": {**facts["proxies"]["snip"], "name": "snipp"}}
    for changes, said in (
        ({"proxies": older}, "proxies.snip"), ({"proxies": unknown}, "unknown proxy 'snipp'"),
        ({"image_options": {**NOISE, "source": None}}, "does not say how"),
        ({"image_options": {}}, "images"),
        ({"images": {**facts["images"], "sha256": "0"}}, "images.sha256"),
        ({"space": "nasbench"}, "unknown"), ({"preset": []}, "does not say how its scores were made"),
        ({"preset": {**facts["preset"], "flavour": "other"}}, "preset.flavour"),
    ):  # fmt: skip
        with pytest.raises((ValueError, OSError), match=said):
            config_of(_rewritten(submission, **changes), tmp_path)
    lacking = replace(read_table(submission), facts={"space": "toy"})
    with pytest.raises(ValueError, match="it lacks preset, images"):
        config_of(lacking, tmp_path)
    # Another torch, and the rounding of embedded scores, are no other making.
    config_of(_rewritten(submission, torch="1.0", rounded="a little"), tmp_path)


def test_files_of_images_are_found_by_name_and_known_by_content(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (12, 8, 8, 3), dtype=np.uint8)
    (tmp_path / "data" / "probes").mkdir(parents=True)
    place = tmp_path / "data" / "probes" / "mine.npz"
    np.savez(place, images=images, labels=np.arange(12) % 3)
    store = str(_scored(tmp_path / "c.db", architectures=1, images=str(place), proxies=["snip"]))
    done = _nas("verify", store)
    assert done.exit_code == 2 and "mine.npz" in done.stderr and "no such file" in done.stderr
    assert _nas("verify", store, "--data", str(tmp_path / "data")).exit_code == 0
    np.savez(tmp_path / "mine.npz", images=255 - images, labels=np.arange(12) % 3)
    done = _nas("verify", store)
    assert done.exit_code == 2 and "images.sha256" in done.stderr


def test_somebody_elses_proxy_is_verified_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    distribution(site, "my_proxy = theirs:my_proxy", module="theirs")
    store = str(tmp_path / "theirs.db")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(site))
        _scored(Path(store), architectures=2, proxies=["my_proxy", "params"])
        done = _nas("verify", store)
        assert done.exit_code == 0 and "my_proxy, version 3" in done.stdout, done.output
    sys.modules.pop("theirs", None)
    done = _nas("verify", store)
    assert done.exit_code == 2 and "unknown proxy 'my_proxy'" in done.stderr


def test_twins_are_scored_as_the_one_that_stands_for_them(submission: Path) -> None:
    table = read_table(submission)
    config = config_of(table, submission.parent)
    for (row,) in zip(recompute(table, config, list(table.keys))):
        assert all(each.difference < 1e-6 for each in row)


def test_pending_and_failed_scores_are_left_out(submission: Path) -> None:
    table = read_table(submission)
    status = table["snip"].status.copy()
    status[0] = 3
    values = np.where(status == 1, table["snip"].values, np.nan)
    partly = replace(table, columns={**table.columns, "snip": replace(table["snip"], status=status, values=values)})
    (rows,) = recompute(partly, config_of(partly, submission.parent), [table.keys[0]])
    assert sorted(each.label for each in rows) == ["bare", "naswot"]
    none = replace(table, columns={"snip": replace(table["snip"], status=np.zeros_like(status))})
    with pytest.raises(ValueError, match="has no scores"):
        drawn(none, 3, 0)


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".json"])
def test_a_file_without_provenance_is_refused(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"scores{ending}").write_text(json.dumps({}))
    done = _nas("verify", str(tmp_path / f"scores{ending}"))
    assert done.exit_code == 2 and "nas-zc export STORE FILE.parquet" in done.stderr
