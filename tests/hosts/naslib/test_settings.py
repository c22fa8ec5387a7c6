"""NASLib's configurations with our names in them: files, mappings, its own CfgNode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from naslib_zc_plugin.files import DataError
from tests.hosts.naslib.needs import needs
from tests.hosts.naslib.searches import IMAGES

zc = needs("naslib_zc_plugin.hosts.naslib")
CfgNode = needs("fvcore.common.config").CfgNode

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "configs" / "naslib").glob("*.yaml"))
SEARCH = {"epochs": 5, "population_size": 4, "sample_size": 2, "proxy": "naswot", "pool": 6}


@pytest.fixture
def plain(tmp_path: Path) -> dict[str, Any]:
    """A configuration as it stands in a file."""
    return {
        "seed": 7, "search_space": "nasbench201", "dataset": "cifar10", "out_dir": str(tmp_path / "run"),
        "optimizer": "area", "predictor": "nwot", "images": IMAGES, "zc_batch_size": 8, "search": SEARCH,
    }  # fmt: skip


def written(plain: dict[str, Any], folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(plain))
    return path


def test_a_file_a_mapping_and_a_node_are_the_same(plain: dict[str, Any], tmp_path: Path) -> None:
    plain["images"] = "digits"
    found = [zc.configuration(given) for given in (written(plain, tmp_path), plain, CfgNode(plain))]
    assert found[0] == found[1] == found[2]
    assert isinstance(found[0], CfgNode) and isinstance(found[0].search, CfgNode)
    assert found[0].search.seed == 7
    assert found[0].save == f"{tmp_path}/run/nasbench201/cifar10/area/nwot/7"
    assert Path(found[0].save, "search").is_dir()


def test_what_is_given_stays_as_it_is(plain: dict[str, Any]) -> None:
    node = CfgNode(plain)
    before = str(node)
    zc.configuration(node).search.epochs = 9
    assert str(node) == before


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_files_of_the_examples(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # results go where they are run
    config = zc.configuration(path)
    config.images = CfgNode(IMAGES)
    if "optimizer" in config:
        assert zc.optimizer_of(config).using_step_function is False
    else:
        assert zc.predictor_of(config).method_type == "naswot"


def test_the_predictor_is_that_of_the_arguments(plain: dict[str, Any]) -> None:
    config = zc.configuration(plain)
    search_space = needs("naslib.search_spaces").NasBench201SearchSpace()
    graph = zc.build(search_space, "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|", seed=1)
    alone = zc.ZeroCostPredictor("naswot", dataset=IMAGES, batch_size=8, seed=7)
    assert zc.predictor_of(config).query(graph) == alone.query(graph)
    assert zc.predictor_of(config, seed=8).query(graph) != alone.query(graph)


def test_an_optimizer_searches_as_if_it_were_made_by_hand(plain: dict[str, Any]) -> None:
    config = zc.configuration(plain)
    by_name = zc.optimizer_of(config, objective=_convolutions)
    by_hand = zc.Area(
        config, proxy="naswot", data={"dataset": IMAGES, "batch_size": 8}, objective=_convolutions, population=4,
        sample=2, pool=6,
    )  # fmt: skip
    for each in (by_name, by_hand):
        each.adapt_search_space(needs("naslib.search_spaces").NasBench201SearchSpace())
        for epoch in range(5):
            each.new_epoch(epoch)
    assert by_name.history == by_hand.history and len(by_name.history) == 5


def _convolutions(graph: Any) -> float:
    return float(zc.key_of(graph).count("conv"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "aera"}, "`optimizer` of the configuration is 'aera'; did you mean 'area'"),
        ({"optimizer": None}, "`optimizer` of the configuration is None; there are"),
        ({"search": {**SEARCH, "population_sizes": 4}}, "search.population_sizes.*did you mean 'population_size'"),
        ({"search": {**SEARCH, "proxy": "naswott"}}, "naswott.*did you mean naswot"),
        ({"search": {**SEARCH, "population": 4}}, "population and population_size, which are the same"),
        ({"images": "nothing.npz"}, "nothing.npz"),
    ],
)
def test_what_cannot_be_is_named(plain: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        zc.optimizer_of(zc.configuration({**plain, **changes}))


def test_no_predictor_and_no_file(plain: dict[str, Any], tmp_path: Path) -> None:
    del plain["predictor"]
    with pytest.raises(ValueError, match="names no `predictor`"):
        zc.predictor_of(zc.configuration(plain))
    with pytest.raises(DataError, match="no such file"):
        zc.configuration(tmp_path / "typo.yaml")


def test_tags_of_a_file_call_nothing(plain: dict[str, Any], tmp_path: Path) -> None:
    path = written(plain, tmp_path)
    canary = tmp_path / "canary"
    path.write_text(path.read_text() + f"\nevil: !!python/object/apply:pathlib.Path.touch [{canary}]\n")
    with pytest.raises(DataError, match="evil|python/object"):
        zc.configuration(path)
    assert not canary.exists()
