"""Configurations: what is written is what is scored, and what cannot be is named with its field and file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin import benchmarks
from naslib_zc_plugin.campaign.config import Config, load
from naslib_zc_plugin.campaign.outcome import Task
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.files.configuration import mapping
from naslib_zc_plugin.probes import Tokens
from naslib_zc_plugin.protocols import protocol as published_protocol
from naslib_zc_plugin.spaces.nasbench201 import SPACE as NASBENCH201
from tests.conftest import REPOSITORY

CONFIGS = sorted(set((REPOSITORY / "configs").glob("*.yaml")) - set((REPOSITORY / "configs").glob("search_*.yaml")))
GOOD = {
    "space": "toy", "architectures": 12, "images": "probes.npz", "proxies": ["naswot", "snip"],
    "preset": "lightweight",
}  # fmt: skip
Make = Callable[..., Config]


def images(path: Path, n: int = 400, size: int = 8, shift: int = 0) -> Path:
    """A probe file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (np.arange(n * size * size * 3).reshape(n, size, size, 3) * 7 + shift) % 256
    np.savez(path, images=pixels.astype(np.uint8), labels=np.arange(n) % 20, classes=20)
    return path


@pytest.fixture
def write(toy: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration with some fields changed or, by None, left out; JSON is YAML."""
    images(tmp_path / "probes.npz")

    def made(**changes: Any) -> Path:
        path = tmp_path / "campaign.yaml"
        plain = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
        path.write_text(json.dumps(plain), encoding="utf-8")
        return path

    return made


def _needs_only_images(path: Path) -> bool:
    plain = mapping(path)
    return str(plain.get("images", "")).startswith("probes/") and not isinstance(plain["architectures"], dict)


@pytest.mark.parametrize("path", [path for path in CONFIGS if _needs_only_images(path)], ids=lambda path: path.stem)
def test_the_configurations_of_the_repository(path: Path, tmp_path: Path) -> None:
    dataset = Path(mapping(path)["images"]).stem
    here = images(tmp_path / "probes" / f"{dataset}.npz")
    config = load(path, data=tmp_path)
    assert config.images == str(here.resolve()) and len(config.probe()) == 400
    assert list(config.requests())
    assert config.protocol.batch(config.probe(), config.space, config.seed)[0].shape[1:] == (3, 8, 8)
    assert config.store == str(path.with_suffix(".db"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_configurations_of_the_repository_fit_the_real_data(path: Path, shared: Path) -> None:
    """What networks are shown, the protocol, the proxies' options, and a truth that the benchmark has."""
    try:
        config = load(path, data=shared / "data")
        columns = benchmarks.benchmark(config.space, shared / "data").columns
    except DataError as error:
        if "no such file" not in str(error):
            raise
        pytest.skip(f"{path.stem} needs what is not at hand: {error}")
    config.protocol.batch(config.probe(), config.space, config.seed)
    assert list(config.requests())
    assert (config.truth or config.protocol.truth_of(Path(config.probe().name).stem)) in columns


def test_a_minimal_configuration(write: Callable[..., Path], tmp_path: Path) -> None:
    config = load(write())
    assert (config.seed, config.threads, config.device, config.memory_limit) == (0, 1, "cpu", None)
    assert config.store == str(tmp_path / "campaign.db") and config.images == str((tmp_path / "probes.npz").resolve())


def test_paths_are_those_of_the_configuration(write: Callable[..., Path], tmp_path: Path) -> None:
    config = load(write(store="results/scores.db", architectures="keys.txt"))
    assert config.store == str(tmp_path / "results" / "scores.db")
    assert config.architectures == str(tmp_path / "keys.txt")
    assert load(write(architectures="all")).architectures == "all"
    nested = load(write(images={"source": "probes.npz"}), data=tmp_path / "elsewhere")
    assert nested.images == {"source": str((tmp_path / "probes.npz").resolve())}


def test_images_are_no_tokens_and_tokens_no_images(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"probes\.npz: expected tokens; found images: write `images: .*probes\.npz`"):
        load(write(images=None, tokens="probes.npz")).probe()
    np.savez(tmp_path / "text.npz", tokens=np.zeros((4, 5), np.int64), vocabulary_size=7)
    assert len(load(write(images=None, tokens="text.npz")).probe()) == 5
    with pytest.raises(DataError, match=r"text\.npz: expected images; found tokens: write `tokens: .*text\.npz`"):
        load(write(images="text.npz")).probe()


def test_a_configuration_written_out_in_full_is_read_as_it_was(write: Callable[..., Path]) -> None:
    config = load(write(architectures="all"))
    assert config.plain()["tokens"] == ""
    again = load(write(**config.plain()))
    assert again == config


def test_a_benchmark_that_is_not_there_is_told_as_missing_data(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nasbench201/.*: expected the table of nasbench201 .*; found no such file"):
        load(write(architectures={"benchmark": "nasbench201"}), data=tmp_path)


def test_images_beside_the_configuration_come_before_the_data_directory(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    images(data / "probes.npz", n=5)
    images(data / "others.npz", n=7)
    assert len(load(write(), data=data).probe()) == 400
    assert len(load(write(images="others.npz"), data=data).probe()) == 7
    with pytest.raises(DataError, match=r"nowhere\.npz: .* beside the configuration or in the data directory .*--data"):
        load(write(images="nowhere.npz"), data=data).probe()
    (data / "page.npz").write_text("<html></html>")
    with pytest.raises(DataError, match=r"page\.npz: expected a \.npz file; found"):
        load(write(images="page.npz"), data=data).probe()


def test_networks_have_the_options_of_their_space(write: Callable[..., Path]) -> None:
    assert load(write(space="nasbench201", network={"C": 8, "N": 1})).network == {"C": 8, "N": 1}
    with pytest.raises(ValueError, match="nasbench201 has no option 'c'; its options: C, N, num_classes, flavour"):
        load(write(space="nasbench201", network={"c": 8}))


# What cannot be --------------------

KINDS: Sequence[tuple[str, Sequence[Any]]] = [
    ("space", [5, ["toy"], {"name": "toy"}]),
    ("architectures", [True, 1.5, {}, [], [1, 2], ["net-1", 2]]),
    ("images", [5, ["probes.npz"], {"size": 8}, {"source": 5}]),
    ("proxies", ["naswot", {"naswot": 1}, [], [5], [{"label": "a"}], [["naswot"]]]),
    ("preset", [5, ["naslib"], True]),
    ("batch", [5, ["batch_size"], {"size": 8}, {"batch_size": "8"}, {"batch_size": 0}, {"balanced": "8"}]),
    ("network", [5, ["C"]]),
    ("seed", ["0", 0.5, True]),
    ("threads", ["1", 0, -1, 1.5, True]),
    ("device", [0, ["cpu"]]),
    ("engine", ["local", {}, {"workers": 2}, {"name": 3}]),
    ("time_limit", ["1e3", 0, -1, True]),
    ("memory_limit", ["4", 0, -1.5, True]),
    ("store", [5, ["a.db"]]),
    ("truth", [5, True]),
]


@pytest.mark.parametrize(("field", "value"), [(name, value) for name, values in KINDS for value in values])
def test_a_value_that_cannot_be_is_named_with_field_and_file(
    write: Callable[..., Path], field: str, value: object
) -> None:
    with pytest.raises(ValueError, match=rf"campaign\.yaml: {field} must be .*, not "):
        load(write(**{field: value}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": "toi"}, "unknown search space 'toi'.*Did you mean 'toy'"),
        ({"preset": "naslab"}, "unknown protocol 'naslab'; did you mean naslib"),
        ({"proxys": ["snip"]}, "unknown field 'proxys'; did you mean 'proxies'"),
        ({"zzz": 1}, "unknown field 'zzz'; there are space, architectures"),
        ({"space": None, "preset": None}, "lacks space, preset"),
    ],
)
def test_a_wrong_name_is_corrected(write: Callable[..., Path], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"campaign\.yaml.*{message}"):
        load(write(**changes))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "- space: toy\n",
        "toy",
        "a: [1\n",
        "a: b: c\n",
        "\x00",
        b"\xff\xfe\x00space: toy",
        b"space: \xe9t\xe9",
        "seed: !!int many",
        "seed: !!timestamp soon",
        "{[1]: 2}",
        "[" * 3000,
        "seed: !unknown 1",
        "!!python/object/apply:os.system [touch {canary}]",
        "space: !!python/object/apply:subprocess.check_call [[touch, '{canary}']]",
        "images: !!python/object/new:os.system ['touch {canary}']",
        "images: !!python/name:os.system",
        "images: !!python/module:os",
    ],
)
def test_what_is_no_configuration_is_refused_and_executes_nothing(tmp_path: Path, text: str | bytes) -> None:
    path, canary = tmp_path / "campaign.yaml", tmp_path / "canary"
    path.write_bytes(text if isinstance(text, bytes) else text.replace("{canary}", str(canary)).encode())
    with pytest.raises(DataError, match=r"campaign\.yaml: expected a configuration in YAML"):
        load(path)
    assert not canary.exists()


def test_no_file_or_a_folder(tmp_path: Path) -> None:
    for path, found in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "a folder")):
        with pytest.raises(DataError, match=f"expected a configuration in YAML; found {found}"):
            load(path)


# What is asked for --------------------


def test_proxies_with_labels_and_options(campaign: Make) -> None:
    asked = ["snip", {"name": "epsilon", "label": "wide", "weights": [1e-7, 1.0]}, {"name": "epsilon"}]
    found = campaign(space="nasbench201", proxies=asked).requests()
    assert list(found) == ["snip", "wide", "epsilon"]
    assert found["wide"].options == {"weights": (1e-7, 1.0)} and found["wide"].name == "epsilon"
    assert found["epsilon"].options == {"weights": (1e-7, 1.0)}  # which the space gives it


def test_options_of_the_protocol_stay_beside_one_s_own(campaign: Make) -> None:
    protocol = published_protocol("zerocost")
    (usual,) = protocol.requests(["synflow"], "toy")
    assert usual.options
    found = campaign(preset="zerocost", proxies=["synflow", {"name": "synflow", "label": "own", "keep_norm": ""}])
    requests = found.requests()
    assert requests["synflow"].options == usual.options
    assert requests["own"].options == {**usual.options, "keep_norm": ""}


@pytest.mark.parametrize(
    ("proxies", "error", "message"),
    [
        (["snip", "snip"], ValueError, "'snip' is asked for twice; give one a label"),
        (["snip", {"name": "zen", "label": "snip"}], ValueError, "'snip' is asked for twice"),
        (["snipp"], ValueError, "unknown proxy 'snipp'; did you mean snip"),
        ([{"name": "snip", "wdth": 1}], TypeError, "wdth"),
    ],
)
def test_proxies_that_cannot_be(campaign: Make, proxies: Sequence[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        campaign(proxies=proxies).requests()


def test_batches_differ_from_the_protocol_s_where_told(campaign: Make) -> None:
    usual = campaign(batch={}, preset="zerocost", space="nasbench201").protocol
    assert usual == published_protocol("zerocost").within("nasbench201")
    changed = campaign(batch={"batch_size": 9, "balanced": 3}, preset="zerocost").protocol
    assert (changed.batch_size, changed.balanced) == (9, 3)
    assert (changed.augment, changed.same_batch) == (usual.augment, usual.same_batch)


def test_a_benchmark_gives_so_many_of_its_keys_and_more_of_them_begin_with_the_same(
    write: Callable[..., Path], shared: Path
) -> None:
    def drawn(**changes: Any) -> Sequence[str]:
        found = load(write(space="nasbench201", **changes), data=shared / "data").architectures
        assert not isinstance(found, (int, str))
        return found

    asked = {"benchmark": "nasbench201", "number": 30}
    keys = drawn(architectures=asked)
    assert len({NASBENCH201.index(key) for key in keys}) == 30
    assert list(drawn(architectures={**asked, "number": 50}))[:30] == list(keys)
    assert drawn(architectures=asked, seed=1) != keys
    assert len(drawn(architectures={"benchmark": "nasbench201"})) == NASBENCH201.size
    for wrong, message in (
        ({**asked, "number": 15_626}, "nasbench201 has 15,625; ask for 1 to that many, not 15626"),
        ({**asked, "benchmark": "nasbench200"}, "unknown benchmark 'nasbench200'"),
        ({**asked, "share": 0.5}, "share"),
    ):
        with pytest.raises(ValueError, match=message):
            drawn(architectures=wrong)


def test_tokens_stand_in_for_images(write: Callable[..., Path], campaign: Make, tmp_path: Path) -> None:
    text = np.random.default_rng(0).integers(0, 50, (6, 9))
    np.savez(tmp_path / "text.npz", tokens=text, vocabulary_size=50)
    config = load(write(images=None, tokens="text.npz"))
    shown = config.probe()
    assert isinstance(shown, Tokens) and np.array_equal(shown.tokens, text[:-1].T)
    with pytest.raises(ValueError, match="either images or tokens"):
        campaign(tokens="text.npz")


def test_a_plain_configuration_scores_alike(campaign: Make) -> None:
    from naslib_zc_plugin.campaign.scorer import Scorer

    proxies = ["naswot", {"name": "snip", "label": "edge"}, "zen"]
    config = campaign(proxies=proxies, seed=7, architectures=["net-3"], batch={"batch_size": 6})
    again = Config(**json.loads(json.dumps(config.plain())))
    assert again.plain() == config.plain() and again.architectures == "all"
    task = Task("net-3", ("naswot", "edge", "zen"))
    one, other = (Scorer(each)(task) for each in (config, again))
    scores = [[(row.label, row.value, row.status, row.reason) for row in outcome.rows] for outcome in (one, other)]
    assert scores[0] == scores[1] and all(status == "ok" for _, _, status, _ in scores[0])
