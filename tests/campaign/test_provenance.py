"""What a score depends on is told apart from what it does not depend on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.campaign.config import Config, load_campaign, provenance
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces.timm import SPACE
from naslib_zc_plugin.store.provenance import changes, digest
from tests.campaign.conftest import IMAGES
from tests.campaign.test_config import images
from tests.campaign.toy import Toy

Make = Callable[..., Config]


def test_facts_are_values_that_json_knows(campaign: Make) -> None:
    found = provenance(campaign(proxies=["zen", {"name": "epsilon", "weights": [0.1, 1.0]}]))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["proxies"]["epsilon"]["options"] == {"weights": [0.1, 1.0]}
    assert set(found["proxies"]["zen"]) == {"name", "version", "higher_is_better", "options"}


@pytest.mark.parametrize(
    "change",
    [
        {"engine": {"name": "local", "workers": 7}},
        {"engine": {"name": "dask"}},
        {"time_limit": 1.0},
        {"memory_limit": 3.0},
        {"store": "elsewhere.db"},
        {"batch": {"batch_size": 8, "same_batch": True}},  # as the protocol has it
    ],
    ids=str,
)
def test_what_changes_no_score_is_no_fact(campaign: Make, change: dict[str, Any]) -> None:
    assert provenance(campaign(**change)) == provenance(campaign())


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"space": "nasbench201"}, "space"),
        ({"network": {"slow": 0.0}}, "network"),
        ({"architectures": 13}, "architectures"),
        ({"architectures": "all"}, "architectures"),
        ({"architectures": ["net-1"]}, "architectures"),
        ({"images": {**IMAGES, "seed": 1}}, "images"),
        ({"images": {**IMAGES, "classes": 5}}, "images"),
        ({"images": {**IMAGES, "source": "synthetic:grey"}}, "images"),
        ({"proxies": ["naswot", "snip"]}, "proxies"),
        ({"proxies": ["naswot", "snip", {"name": "zen", "label": "other"}]}, "proxies"),
        ({"proxies": ["naswot", "snip", {"name": "flops", "label": "zen"}]}, "proxies"),
        ({"batch": {"batch_size": 9}}, "preset"),
        ({"batch": {"batch_size": 8, "balanced": 2}}, "preset"),
        ({"batch": {"batch_size": 8, "augment": True}}, "preset"),
        ({"batch": {"batch_size": 8, "same_batch": False}}, "preset"),
        ({"seed": 1}, "seed"),
        ({"threads": 2}, "threads"),
        ({"device": "cuda"}, "device"),
    ],
    ids=str,
)
def test_what_may_change_a_score_is_a_fact(campaign: Make, change: dict[str, Any], fact: str) -> None:
    before, now = provenance(campaign()), provenance(campaign(**change))
    assert fact in changes(before, now) and fact in changes(now, before)


def test_the_protocol_is_a_fact(campaign: Make, tmp_path: Path) -> None:
    shown = str(images(tmp_path / "cifar10.npz"))
    before, now = (provenance(campaign(images=shown, preset=name)) for name in ("naswot", "gradalign"))
    assert changes(before, now) == {"preset": 'preset.classes: 1 → none; preset.name: "naswot" → "gradalign"'}
    now = provenance(campaign(images=shown, preset="naslib"))
    assert "preset.augment: false → true" in changes(before, now)["preset"].split("; ")


def test_options_of_a_proxy_are_facts(campaign: Make) -> None:
    before, now = (provenance(campaign(proxies=[{"name": "flops", "elementwise": each}])) for each in (False, True))
    assert changes(before, now) == {"proxies": "proxies.flops.options.elementwise: false → true"}


def test_one_graphics_card_is_like_another(campaign: Make) -> None:
    assert provenance(campaign(device="cuda:0")) == provenance(campaign(device="cuda:3"))


def test_images_count_and_not_their_place(campaign: Make, tmp_path: Path) -> None:
    one = images(tmp_path / "a" / "toys.npz")
    (tmp_path / "b").mkdir()
    moved = shutil.copy(one, tmp_path / "b" / "toys.npz")
    other = images(tmp_path / "c" / "toys.npz", shift=1)
    found = {path: provenance(campaign(images=str(path))) for path in (one, moved, other)}
    assert found[one] == found[moved] and one != moved
    assert list(changes(found[one], found[other])) == ["images"]
    assert digest(campaign(images=str(one)).probe()) != digest(campaign(images=str(one)).probe().take([0, 1]))


def test_images_are_their_content_or_what_they_are_declared_to_be(campaign: Make, tmp_path: Path) -> None:
    one = images(tmp_path / "cifar10.npz")
    renamed = shutil.copy(one, tmp_path / "copy.npz")
    before, now = (provenance(campaign(images=str(path))) for path in (one, renamed))
    assert changes(before, now) == {} and (before["dataset"], now["dataset"]) == ("cifar10", "copy")
    with pytest.raises(ValueError, match=r"images: the protocol 'naslib' normalises .*not 'copy'.*dataset: NAME"):
        provenance(campaign(images=str(renamed), preset="naslib"))
    declared = provenance(campaign(images={"source": str(renamed), "dataset": "cifar10"}, preset="naslib"))
    assert declared["preset"] == provenance(campaign(images=str(one), preset="naslib"))["preset"]
    assert (declared["dataset"], declared["images"]["name"]) == ("cifar10", "copy.npz")
    with pytest.raises(ValueError, match="must have a dataset of letters, digits"):
        campaign(images={"source": str(renamed), "dataset": "../cifar10"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"device": "gpu"}, "device: 'gpu' is none that torch knows"),
        ({"images": {**IMAGES, "n": "many"}}, "images: synthetic:normal: "),
        ({"images": {**IMAGES, "m": 3}}, "images: synthetic:normal"),
        ({"images": {**IMAGES, "n": 0}}, "images: synthetic:normal: expected n, size and classes of at least 1"),
        ({"batch": {"batch_size": 99}}, "images: the protocol 'lightweight' draws 99 samples"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_with_its_field(campaign: Make, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        provenance(campaign(**change))


def test_the_place_of_the_configuration_does_not_matter(campaign: Make, tmp_path: Path) -> None:
    text = "{space: toy, architectures: keys.txt, images: toys.npz, proxies: [snip], preset: lightweight}"
    found = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        images(folder / "toys.npz")
        (folder / "keys.txt").write_text("net-1\nnet-2\n", encoding="utf-8")
        (folder / "campaign.yaml").write_text(text, encoding="utf-8")
        found.append(provenance(load_campaign(folder / "campaign.yaml")))
    assert found[0] == found[1]
    (folder / "keys.txt").write_text("net-1\nnet-3\n", encoding="utf-8")
    assert list(changes(found[0], provenance(load_campaign(folder / "campaign.yaml")))) == ["architectures"]


def test_a_missing_file_of_keys_is_told(campaign: Make, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"keys\.txt: expected a number, 'all'.*; found no such file"):
        provenance(campaign(architectures=str(tmp_path / "keys.txt")))


def test_the_truth_follows_the_data_set_and_is_no_difference(campaign: Make, tmp_path: Path) -> None:
    def truth(dataset: str, **more: Any) -> str:
        return str(provenance(campaign(images=str(images(tmp_path / f"{dataset}.npz")), **more))["truth"])

    assert truth("cifar10") == "cifar10_test_200_half_train"
    assert truth("cifar100") == "cifar100_test_200"
    assert truth("imagenet16_120") == "imagenet16_test_200"
    assert truth("cifar10", truth="own") == "own"
    assert changes(provenance(campaign(truth="a")), provenance(campaign(truth="b"))) == {}


def test_changes_read_well(campaign: Make) -> None:
    before = provenance(campaign())
    now = provenance(campaign(seed=3, batch={"batch_size": 16}, proxies=["naswot", "snip", "fisher"]))
    found = changes(before, now)
    assert found["seed"] == "seed: 0 → 3"
    assert found["preset"] == "preset.batch_size: 8 → 16"
    gone, come = found["proxies"].split("; ")[::-1]
    assert gone.startswith('proxies.zen: {"name": "zen"') and gone.endswith(" → none")
    assert come.startswith('proxies.fisher: none → {"name": "fisher"')
    assert all(len(line) < 160 for lines in found.values() for line in lines.split("; "))
    assert changes(before, before) == {}
    assert changes({}, {"seed": 1}) == {"seed": "seed: none → 1"}


def test_networks_that_are_built_otherwise_are_named(campaign: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    before = provenance(campaign())
    assert "builder" not in before  # of a space that has always built the same networks
    monkeypatch.setattr(Toy, "builder", 2, raising=False)
    now = provenance(campaign())
    assert now == {**before, "builder": 2}
    assert changes(before, now) == {
        "builder": "builder: none → 2, so toy gives other networks for the same keys",
    }


def test_versions_of_what_builds_the_networks_are_provenance(campaign: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    before = provenance(campaign())
    assert "software" not in before
    monkeypatch.setattr(Toy, "software", ("numpy", "not-installed-here"), raising=False)
    now = provenance(campaign())
    assert now == {**before, "software": {"numpy": np.__version__, "not-installed-here": None}}
    older = {**now, "software": {**now["software"], "numpy": "1.0"}}
    assert changes(older, now) == {"software": f'software.numpy: "1.0" → "{np.__version__}"'}
    assert SPACE.software == ("timm",)
