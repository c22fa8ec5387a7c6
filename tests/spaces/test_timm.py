"""timm's architectures as a space: what needs no timm, and networks where it is installed."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from random import Random
from typing import Any

import pytest
import torch

from naslib_zc_plugin.benchmarks.timm import alone
from naslib_zc_plugin.spaces import Space, space
from naslib_zc_plugin.spaces import timm as module
from naslib_zc_plugin.spaces.timm import NAMES, SPACE

WITHOUT_OPERATORS = "its torchvision lacks operators"


@pytest.fixture
def timm() -> Any:
    """The package, where it is installed whole."""
    if find_spec("timm") is None:
        pytest.skip("timm is not installed")
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError):
        pytest.skip(f"timm is installed, but {WITHOUT_OPERATORS}")


def test_listed_names_have_positions_and_are_drawn() -> None:
    assert space("timm") is SPACE and isinstance(SPACE, Space)
    assert len(NAMES) == SPACE.size == len(set(NAMES)) and list(NAMES) == sorted(NAMES)
    assert [SPACE.index(SPACE.key(place)) for place in range(SPACE.size)] == list(range(SPACE.size))
    drawn = [SPACE.sample(Random(seed)) for seed in range(50)]
    assert len(set(drawn)) > 25 and all(SPACE.canonical(key) == key for key in drawn)
    assert all(alone(f"{name}.in1k") for name in NAMES)
    for place in (-1, SPACE.size):
        with pytest.raises(ValueError, match=f"has the indices 0 to {SPACE.size - 1}"):
            SPACE.key(place)


def test_networks_have_no_neighbours() -> None:
    with pytest.raises(ValueError, match="'resnet50' has no neighbours: the networks of timm are not made of common"):
        SPACE.neighbours("resnet50")
    with pytest.raises(ValueError, match="has no neighbours"):
        SPACE.mutate("resnet50", Random(0))


def test_a_training_is_no_key() -> None:
    for method in (SPACE.canonical, SPACE.index, SPACE.build, SPACE.neighbours):
        with pytest.raises(ValueError, match="names a training: write the architecture alone, 'resnet50'"):
            method("resnet50.a1_in1k")


def test_what_needs_timm_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(ImportError, match=r"timm is needed: pip install 'naslib-zc-plugin\[zoo\]'"):
        SPACE.build("resnet50")
    with pytest.raises(ValueError, match=r"'resnet51' is none of the \d+ listed architectures, and timm is needed"):
        SPACE.canonical("resnet51")


@pytest.mark.parametrize(
    ("key", "size", "options"),
    [("test_resnet", 64, {}), ("test_vit2", 96, {"num_classes": 7}), ("test_efficientnet", 80, {"num_classes": 3})],
)
def test_networks_take_images_of_the_size_asked_for(timm: Any, key: str, size: int, options: dict[str, Any]) -> None:
    network = SPACE.build(key, img_size=size, **options)
    assert network(torch.randn(2, 3, size, size)).shape == (2, options.get("num_classes", 1000))


def test_networks_are_fresh_and_drawn_from_torchs_generator(timm: Any) -> None:
    torch.manual_seed(3)
    first = SPACE.build("test_resnet").state_dict()
    torch.manual_seed(3)
    again = timm.create_model("test_resnet", pretrained=False).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = SPACE.build("test_resnet").state_dict()
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_timm_knows_more_than_is_listed(timm: Any) -> None:
    assert all(timm.is_model(name) for name in NAMES)
    assert SPACE.canonical("test_byobnet") == "test_byobnet"
    with pytest.raises(ValueError, match="has no architecture 'resnet51'"):
        SPACE.canonical("resnet51")
    with pytest.raises(ValueError, match="timm cannot build 'xcit_nano_12_p16_224' for images of 97 × 97: "):
        SPACE.build("xcit_nano_12_p16_224", img_size=97)


@pytest.mark.parametrize(("key", "own"), [("halonet26t", 256), ("crossvit_9_240", 240)])
def test_a_size_that_a_network_does_not_take_is_refused(timm: Any, key: str, own: int) -> None:
    with pytest.raises(ValueError, match=f"{key!r} does not take images of 128 × 128: timm has it for {own} × {own}; "):
        SPACE.build(key, img_size=128)
