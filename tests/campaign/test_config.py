"""Configurations: what is written is what is scored, and what cannot be is named with its field and line."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import naslib_zc_plugin as zc
from naslib_zc_plugin import benchmarks
from naslib_zc_plugin.benchmarks.nasbench201.convert import class_text
from naslib_zc_plugin.campaign import config as config_module
from naslib_zc_plugin.campaign.config import BatchConfig, Config, OfBenchmark, load_campaign, provenance
from naslib_zc_plugin.campaign.engines import ENGINES, Task, list_engines
from naslib_zc_plugin.configuration import ConfigurationError, mapping
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import Tokens
from naslib_zc_plugin.protocols import protocol as published_protocol
from naslib_zc_plugin.spaces.nasbench201 import SPACE as NASBENCH201
from naslib_zc_plugin.store.provenance import digest
from tests.conftest import REPOSITORY

RECORDED = Path(__file__).with_name("provenance.json")
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


@pytest.fixture(scope="module")
def probes() -> Iterator[None]:
    """Read each file of images once, for all configurations, and hash it once."""
    with pytest.MonkeyPatch.context() as patch:
        read, seen = cache(config_module.probe), {}

        def digested(shown: Any) -> str:
            if id(shown) not in seen:
                seen[id(shown)] = digest(shown)
            return str(seen[id(shown)])

        def once(source: str, **options: Any) -> Any:
            return read(source, **options)

        patch.setattr(config_module, "probe", once)
        patch.setattr(config_module, "digest", digested)
        yield


@pytest.mark.usefixtures("probes")
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_numbers_of_a_shipped_configuration_depend_on_what_they_always_did(
    path: Path, shared: Path, tmp_path: Path
) -> None:
    """Each entry's hash was recorded when stores were made; what changes one, changes which stores go on."""
    recorded, given = json.loads(RECORDED.read_text())[path.stem], path
    if "architectures" not in recorded:  # of a benchmark whose table is not at hand
        given = tmp_path / path.name
        given.write_text(yaml.safe_dump({**mapping(path), "architectures": 3}))
    config = load_campaign(given, data=shared / "data")
    found = provenance(config)
    assert {name: _hash(value) for name, value in found.items() if name in recorded} == recorded
    assert set(found) <= {*recorded, "torch", "architectures", "builder", "software"}
    assert config.store == str(given.with_suffix(".db"))
    if path.stem.startswith(("nasbench101", "nasbench201")):  # whose tables are at hand
        assert found["truth"] in benchmarks.benchmark(config.space, shared / "data").columns


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def test_a_minimal_configuration(write: Callable[..., Path], tmp_path: Path) -> None:
    config = load_campaign(write())
    assert (config.seed, config.threads, config.device, config.memory_limit) == (0, 1, "cpu", None)
    assert config.store == str(tmp_path / "campaign.db") and config.images == str((tmp_path / "probes.npz").resolve())


def test_paths_are_those_of_the_configuration(write: Callable[..., Path], tmp_path: Path) -> None:
    config = load_campaign(write(store="results/scores.db", architectures="keys.txt"))
    assert config.store == str(tmp_path / "results" / "scores.db")
    assert config.architectures == str(tmp_path / "keys.txt")
    assert load_campaign(write(architectures="all")).architectures == "all"
    nested = load_campaign(write(images={"source": "probes.npz"}), data=tmp_path / "elsewhere")
    assert nested.images == {"source": str((tmp_path / "probes.npz").resolve())}


def test_images_are_no_tokens_and_tokens_no_images(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"probes\.npz: expected tokens; found images: write `images: .*probes\.npz`"):
        load_campaign(write(images=None, tokens="probes.npz")).probe()
    np.savez(tmp_path / "text.npz", tokens=np.zeros((4, 5), np.int64), vocabulary_size=7)
    assert len(load_campaign(write(images=None, tokens="text.npz")).probe()) == 5
    with pytest.raises(DataError, match=r"text\.npz: expected images; found tokens: write `tokens: .*text\.npz`"):
        load_campaign(write(images="text.npz")).probe()


def test_a_configuration_written_out_in_full_is_read_as_it_was(write: Callable[..., Path]) -> None:
    config = load_campaign(write(architectures="all"))
    assert config.plain()["tokens"] == ""
    again = load_campaign(write(**config.plain()))
    assert again == config


def test_a_benchmark_that_is_not_there_is_told_as_missing_data(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nasbench101/.*: expected the table of nasbench101 .*; found no such file"):
        load_campaign(write(architectures={"benchmark": "nasbench101"}), data=tmp_path)


def test_images_beside_the_configuration_come_before_the_data_directory(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    images(data / "probes.npz", n=5)
    images(data / "others.npz", n=7)
    assert len(load_campaign(write(), data=data).probe()) == 400
    assert len(load_campaign(write(images="others.npz"), data=data).probe()) == 7
    with pytest.raises(DataError, match=r"nowhere\.npz: .* beside the configuration or in the data directory .*--data"):
        load_campaign(write(images="nowhere.npz"), data=data).probe()
    (data / "page.npz").write_text("<html></html>")
    with pytest.raises(DataError, match=r"page\.npz: expected a \.npz file .*; found"):
        load_campaign(write(images="page.npz"), data=data).probe()


def test_networks_have_the_options_of_their_space(write: Callable[..., Path]) -> None:
    assert load_campaign(write(space="nasbench201", network={"C": 8, "N": 1})).network == {"C": 8, "N": 1}
    with pytest.raises(ValueError, match="space nasbench201 has no option 'c'; there are C, N, num_classes, variant"):
        load_campaign(write(space="nasbench201", network={"c": 8}))


# What cannot be --------------------

KINDS: Sequence[tuple[str, Sequence[Any]]] = [
    ("space", [5, ["toy"], {"name": "toy"}]),
    ("architectures", [True, 1.5, [], [1, 2], ["net-1", 2]]),
    ("images", [5, ["probes.npz"], {"size": 8}, {"source": 5}]),
    ("proxies", ["naswot", {"naswot": 1}, [], [5], [{"label": "a"}], [["naswot"]]]),
    ("preset", [5, ["naslib"], True]),
    ("batch", [5, ["batch_size"], {"batch_size": "8"}, {"batch_size": 0}, {"balanced": "8"}, {"augment": 1}]),
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
    with pytest.raises(ConfigurationError, match=rf"(?s)campaign\.yaml.* line 1: {field}[][.\w]* must be .*, not "):
        load_campaign(write(**{field: value}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": "toi"}, "space: unknown search space 'toi'; did you mean toy"),
        ({"preset": "naslab"}, "preset: unknown protocol 'naslab'; did you mean naslib"),
        ({"proxys": ["snip"]}, "proxys: unknown field; did you mean proxies"),
        ({"batch": {"batchsize": 8}}, "batch.batchsize: unknown field; did you mean batch_size"),
        (
            {"architectures": {"benchmark": "toy", "share": 0.5}},
            "architectures: share: unknown field; there are at_most",
        ),
        ({"zzz": 1}, "zzz: unknown field; there are architectures"),
        ({"space": None}, "space is missing"),
        ({"proxies": ["snipp"]}, "proxies: unknown proxy 'snipp'; did you mean snip"),
        ({"engine": {"name": "lcoal"}}, "engine: unknown engine 'lcoal'; did you mean local"),
        (
            {"engine": {"name": "local", "wrkers": 2}},
            "engine: engine local has no option 'wrkers'; did you mean workers",
        ),
        ({"tokens": "text.npz"}, "give either images or tokens"),
    ],
)
def test_a_wrong_name_is_corrected(write: Callable[..., Path], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"campaign\.yaml, line 1: .*{message}"):
        load_campaign(write(**changes))


FIELDS = [
    *Config.model_fields,
    *(f"batch.{name}" for name in BatchConfig.model_fields),
    *(f"architectures.{name}" for name in OfBenchmark.model_fields),
]


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_misspelt_is_named(write: Callable[..., Path], field: str) -> None:
    outer, _, name = field.rpartition(".")
    wrong = name + name[-1]
    path = write(**({outer: {wrong: 1}} if outer else {name: None, wrong: GOOD.get(name, 1)}))
    with pytest.raises(ConfigurationError) as refused:
        load_campaign(path)
    (line,) = [str(each) for each in refused.value.problems if f"{wrong}: unknown field" in str(each)]
    assert outer in line and name in line.partition("did you mean")[2]


@pytest.mark.parametrize("name", list_engines())
def test_each_option_of_an_engine_misspelt_is_named(write: Callable[..., Path], name: str) -> None:
    for option in list(inspect.signature(ENGINES.load(name)).parameters)[1:]:
        with pytest.raises(ConfigurationError, match=f"no option '{option}{option[-1]}'; did you mean .*{option}"):
            load_campaign(write(engine={"name": name, option + option[-1]: 1}))


@pytest.mark.parametrize("name", zc.list_proxies())
def test_each_option_of_a_proxy_misspelt_is_named(write: Callable[..., Path], name: str) -> None:
    for option in zc.describe(name).options:
        wrong = option + option[-1]
        with pytest.raises(ConfigurationError, match=f"{wrong}.*{option}"):
            load_campaign(write(proxies=[{"name": name, wrong: 1}]))


def test_all_that_is_wrong_is_listed_with_its_line(write: Callable[..., Path]) -> None:
    path = write()
    path.write_text("space: toi\nseed: x\nproxies:\n  - snip\nimages: probes.npz\narchitectures: 3\nthreads: 0\n")
    with pytest.raises(ConfigurationError) as refused:
        load_campaign(path)
    assert [(each.line, each.field) for each in refused.value.problems] == [
        (1, "space"), (1, "preset"), (2, "seed"), (7, "threads"),
    ]  # fmt: skip


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
        ([{"name": "snip", "wdth": 1}], ValueError, "wdth"),
    ],
)
def test_proxies_that_cannot_be(campaign: Make, proxies: Sequence[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        campaign(proxies=proxies)


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
        found = load_campaign(write(space="nasbench201", **changes), data=shared / "data").architectures
        assert not isinstance(found, (int, str))
        return found

    asked = {"benchmark": "nasbench201", "number": 30}
    keys = drawn(architectures=asked)
    assert len({NASBENCH201.index(key) for key in keys}) == 30
    assert list(drawn(architectures={**asked, "number": 50}))[:30] == list(keys)
    assert drawn(architectures=asked, seed=1) != keys
    assert len(drawn(architectures={"benchmark": "nasbench201"})) == NASBENCH201.size
    cheap = {"benchmark": "nasbench201", "at_most": {"cifar10_params_M": 0.1, "cifar10_flops_M": 12}}
    table = benchmarks.benchmark("nasbench201", shared / "data")
    params, flops = table.column("cifar10_params_M"), table.column("cifar10_flops_M")
    found = drawn(architectures=cheap)
    assert set(found) == {key for key in table.keys if params[key] <= 0.1 and flops[key] <= 12} and len(found) > 500
    assert list(drawn(architectures={**cheap, "number": 7})) == list(found)[:7]
    once = drawn(architectures={"benchmark": "nasbench201", "distinct": True})
    first = {class_text(key): key for key in reversed(table.keys)}
    assert set(once) == set(first.values()) and len(once) == 6466
    for wrong, message in (
        ({**cheap, "at_most": {"cifar10_params_M": 0.01}}, "nasbench201 has 0; ask for 1 to that many, not None"),
        ({**cheap, "at_most": {"params": 1}}, "nasbench201 has no column 'params'"),
        ({**asked, "number": 15_626}, "nasbench201 has 15,625; ask for 1 to that many, not 15626"),
        ({**asked, "benchmark": "nasbench200"}, "unknown benchmark 'nasbench200'"),
        ({"benchmark": "timm", "distinct": True}, "timm does not say which architectures are one network"),
    ):
        with pytest.raises(ValueError, match=message):
            drawn(architectures=wrong)


def test_tokens_stand_in_for_images(write: Callable[..., Path], campaign: Make, tmp_path: Path) -> None:
    text = np.random.default_rng(0).integers(0, 50, (6, 9))
    np.savez(tmp_path / "text.npz", tokens=text, vocabulary_size=50)
    config = load_campaign(write(images=None, tokens="text.npz"))
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
