"""The configuration of a campaign: read from YAML, checked, sent to workers as JSON; and its provenance."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path, PurePath
from typing import Annotated, Any, Callable, Optional, Union

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from naslib_zc_plugin import benchmarks, configuration
from naslib_zc_plugin.aggregates import aggregate_named
from naslib_zc_plugin.campaign.engines import check_engine, list_engines
from naslib_zc_plugin.campaign.plan import KEYS, count, permuted
from naslib_zc_plugin.configuration import Origin, Section, completed, located
from naslib_zc_plugin.files import DataError, existing
from naslib_zc_plugin.probes import Probe, Tokens, probe
from naslib_zc_plugin.protocols import PROTOCOLS, Protocol
from naslib_zc_plugin.protocols import protocol as published_protocol
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.registry import check_options
from naslib_zc_plugin.spaces import list_spaces, space
from naslib_zc_plugin.store.provenance import digest

_PLACES = " beside the configuration or in the data directory (--data DIR or NAS_ZC_DATA)"
# Named here, for Python 3.9 cannot evaluate `int | None`.
MaybeInt = Optional[int]
MaybeBool = Optional[bool]
Positive = Optional[Annotated[int, Field(gt=0)]]
NotNegative = Optional[Annotated[int, Field(ge=0)]]
Gib = Optional[Annotated[float, Field(gt=0)]]
Source = Union[str, Mapping[str, Any]]
_NAME = re.compile("[A-Za-z0-9_-]+")


class OfBenchmark(Section):
    """Architectures of a benchmark's table."""

    benchmark: str
    """The benchmark's name."""
    number: MaybeInt = None
    """As many random ones; all of them unless given. A larger number adds to those of a smaller one."""
    at_most: Mapping[str, float] = Field(default_factory=dict)
    """Columns of the table and their largest numbers; others, and architectures without a number, are left out."""
    distinct: bool = False
    """Of architectures that the benchmark holds for the same network, the first one alone."""


class BatchConfig(Section):
    """Changes of the protocol's batches."""

    batch_size: Positive = None
    """Samples in a batch."""
    balanced: NotNegative = None
    """Images of each class in a batch, of as many random classes as fill it; 0: images whatever their class."""
    augment: MaybeBool = None
    """Whether images are cropped and flipped at random."""
    same_batch: MaybeBool = None
    """Whether all architectures share one batch."""
    size: Positive = None
    """Height and width that images are enlarged or shrunk to, for networks of larger images than there are."""


Keys = Union[int, str, Annotated[Sequence[str], Field(min_length=1)]]


class Config(Section):
    """A campaign."""

    space: str = Field(json_schema_extra=completed(list_spaces))
    """The search space."""
    preset: str = Field(json_schema_extra=completed(lambda: sorted(PROTOCOLS)))
    """The published protocol: batches, loss and networks of a paper's code."""
    seed: int = 0
    """Seed of the sample, the weights, the batches and the proxies' draws."""
    architectures: Keys
    """A number of random ones, `all`, a file with a key per line, a list of keys, or a benchmark and a number."""
    images: Source = ""
    """Probe images: a source such as an .npz file, or a mapping with `source` and its options. Paths are relative to
    the configuration's folder or to the data directory. `dataset` beside `source` says which data set they are of;
    unless given, the one that the file is called like."""
    tokens: Source = ""
    """The same instead of images, for networks of text."""
    proxies: Sequence[Source] = Field(min_length=1)
    """Names of proxies, or mappings with `name`, perhaps `label`, and options. The name of an aggregate, such as
    `recommended`, stands for its members; `nas-zc leaderboard --aggregate recommended` joins them."""
    batch: BatchConfig = BatchConfig()
    """Changes of the protocol's batches."""
    network: Mapping[str, Any] = Field(default_factory=dict)
    """Options of the space's networks, such as `C` and `N`."""
    threads: int = Field(1, gt=0)
    """CPU threads of a worker; some sums depend on them."""
    device: str = "cpu"
    """`cpu`, `cuda`, `cuda:1`."""
    engine: Mapping[str, Any] = Field(default_factory=lambda: {"name": "local", "workers": 1})
    """Where scoring processes run: a mapping with `name` and the engine's options."""
    time_limit: float = Field(900.0, gt=0)
    """Seconds that an architecture may take."""
    memory_limit: Gib = None
    """GiB that a worker may allocate beyond those at its start (Linux, CPU); no limit unless given."""
    store: str = Field("", validate_default=True)
    """The file of results; beside the configuration and named like it unless given."""
    truth: str = ""
    """The benchmark's column that leaderboards compare with; the protocol's unless given."""

    @field_validator("space", "preset")
    @classmethod
    def _check_name(cls, name: str, info: ValidationInfo) -> str:
        find: Callable[[str], object] = space if info.field_name == "space" else published_protocol
        find(name)
        return name

    @field_validator("architectures", mode="before", json_schema_input_type=Union[Keys, OfBenchmark])
    @classmethod
    def _find_architectures(cls, given: Any, info: ValidationInfo) -> Any:
        origin: Origin | None = info.context
        if isinstance(given, Mapping):
            asked = configuration.check(OfBenchmark, given, "architectures")
            return _of_benchmark(asked, info.data.get("seed", 0), origin.data if origin else None)
        if origin and isinstance(given, str) and given != "all":
            return str(origin.path.parent / given)
        return given

    @field_validator("images", "tokens")
    @classmethod
    def _find_source(cls, given: Any, info: ValidationInfo) -> Any:
        if isinstance(given, Mapping) and not isinstance(given.get("source"), str):
            raise ValueError("must be a source, or a mapping with a source")
        if isinstance(given, Mapping) and not _NAME.fullmatch(str(given.get("dataset", "images"))):
            raise ValueError("must have a dataset of letters, digits, _ and -, such as cifar10")
        origin: Origin | None = info.context
        return located(given, origin.path.parent, origin.data) if origin else given

    @field_validator("proxies")
    @classmethod
    def _check_proxies(cls, given: Sequence[Any], info: ValidationInfo) -> Sequence[Any]:
        if not all(isinstance(each, str) or isinstance(each.get("name"), str) for each in given):
            raise ValueError("must be a list of names, or of mappings with a name")
        if "space" in info.data and "preset" in info.data:
            try:
                _requests(given, published_protocol(info.data["preset"]), info.data["space"])
            except TypeError as error:  # an option of another type than the proxy takes
                raise ValueError(str(error)) from error
        return given

    @field_validator("network")
    @classmethod
    def _check_network(cls, given: Mapping[str, Any], info: ValidationInfo) -> Mapping[str, Any]:
        if "space" in info.data:
            build = space(info.data["space"]).build
            usual = {"num_classes", "variant"} & inspect.signature(build).parameters.keys()
            check_options(f"space {info.data['space']}", build, {**given, **dict.fromkeys(usual)}, first=1)
        return given

    @field_validator("engine")
    @classmethod
    def _check_engine(cls, given: Mapping[str, Any], info: ValidationInfo) -> Any:
        if not isinstance(given.get("name"), str):
            raise ValueError(f"must be a mapping with a name, one of {', '.join(list_engines())}")
        check_engine(given)
        origin: Origin | None = info.context
        return located(given, origin.path.parent, None) if origin else given

    @field_validator("store")
    @classmethod
    def _find_store(cls, given: str, info: ValidationInfo) -> str:
        origin: Origin | None = info.context
        return str(origin.path.parent / (given or f"{origin.path.stem}.db")) if origin else given

    @model_validator(mode="after")
    def _check_shown(self) -> Config:
        if bool(self.images) == bool(self.tokens):
            raise ValueError("give either images or tokens: what networks are shown")
        return self

    @classmethod
    def trusted(cls, plain: Mapping[str, Any]) -> Config:
        """Return the configuration of :meth:`plain` values that were checked elsewhere; no proxy is imported."""
        return cls.model_construct(**{**plain, "batch": BatchConfig(**plain["batch"])})

    @property
    def protocol(self) -> Protocol:
        """Return the preset within the search space, with the changes of ``batch``."""
        return replace(published_protocol(self.preset).within(self.space), **self.batch.model_dump(exclude_none=True))

    def requests(self) -> dict[str, ProxyRequest]:
        """Return the proxies by label, with the protocol's options and over them those of the configuration."""
        return dict(self._asked)

    def total(self) -> int:
        """Return the number of architectures; those that are written down are checked, once.

        Raises:
            ValueError: one of them is not of the space, or the space has fewer.
        """
        return self._total

    @cached_property
    def _total(self) -> int:
        return count(self.architectures, space(self.space), self.seed)

    @cached_property
    def _provenance(self) -> dict[str, Any]:
        return _provenance(self)

    @cached_property
    def _asked(self) -> dict[str, ProxyRequest]:
        return _requests(self.proxies, published_protocol(self.preset), self.space)

    def probe(self) -> Probe | Tokens:
        """Read the images or tokens.

        Raises:
            DataError: there is no such file, it is damaged, or it holds something else, such as images for tokens.
            ValueError: options that the source does not have.
        """
        field, given = ("images", self.images) if self.images else ("tokens", self.tokens)
        options = {"source": given} if isinstance(given, str) else dict(given)
        source, declared = options.pop("source"), options.pop("dataset", None)
        try:
            found = probe(source, **options)
        except DataError as error:
            places = _PLACES if error.found.startswith("no such file") else ""
            raise DataError(f"{field}: {error.path}", f"{error.expected}{places}", error.found) from error
        except (TypeError, ValueError, OverflowError, MemoryError) as error:  # an option of an impossible value
            raise ValueError(f"{field}: {source}: {error or 'out of memory'}") from error
        held = "images" if isinstance(found, Probe) else "tokens"
        if held != field:
            raise DataError(source, field, f"{held}: write `{held}: {source}`")
        return replace(found, name=declared) if declared else found

    @property
    def declared(self) -> str:
        """Return the data set that the configuration says the images or tokens are of; empty if it says none."""
        given = self.images or self.tokens
        return "" if isinstance(given, str) else str(given.get("dataset", ""))

    def plain(self) -> dict[str, Any]:
        """Return values that JSON can hold: ``Config(**plain)`` scores alike, but all architectures of the space."""
        return {
            **self.model_dump(exclude={"engine"}),
            "batch": self.batch.model_dump(exclude_none=True),
            "proxies": list(self.proxies),
            "architectures": "all",
        }


def load_campaign(path: str | Path, data: str | Path | None = None) -> Config:
    """Read a campaign from YAML.

    Args:
        path: the file.
        data: data directory, in which images and tokens are looked for that are not beside the configuration, and
            benchmarks.

    Raises:
        DataError: there is no such file, it is no YAML, or no mapping; also for a benchmark that it names.
        ConfigurationError: it has errors; all are listed.
    """
    return configuration.load(path, Config, data)


def _requests(asked: Sequence[Any], rules: Protocol, within: str) -> dict[str, ProxyRequest]:
    """Return proxies by label, with a protocol's options and over them those of the configuration."""
    from naslib_zc_plugin.proxies import proxy

    found: dict[str, ProxyRequest] = {}
    for each in _members(asked):
        given = {"name": each} if isinstance(each, str) else dict(each)
        name, label = given.pop("name"), given.pop("label", "")
        (usual,) = rules.requests([name], within)
        own = {option: tuple(value) if isinstance(value, list) else value for option, value in given.items()}
        request = proxy(name, label=label, **{**usual.options, **own})
        if request.label in found:
            raise ValueError(f"{request.label!r} is asked for twice; give one a label")
        found[request.label] = request
    return found


def _members(asked: Sequence[Any]) -> list[Any]:
    """Return the proxies with the members of aggregates in their place, those that are not asked for already."""
    labels = {each if isinstance(each, str) else each.get("label") or each.get("name") for each in asked}
    found: list[Any] = []
    for each in asked:
        aggregate = aggregate_named(each)
        found += [each] if aggregate is None else [
            {"name": member.name, "label": member.label, **member.options}
            for member in aggregate.members if member.label not in labels
        ]  # fmt: skip
        labels.update(() if aggregate is None else aggregate.labels)
    return found


def _of_benchmark(asked: OfBenchmark, seed: int, data: str | Path | None) -> list[str]:
    """Return keys of a benchmark's table in a random order; a larger number adds to those of a smaller one."""
    table, number = benchmarks.benchmark(asked.benchmark, data), asked.number
    bounded = [(table.column(name), largest) for name, largest in asked.at_most.items()]
    keys = [key for key in table.keys if all(found.get(key, math.inf) <= largest for found, largest in bounded)]
    if asked.distinct:
        if table.class_of is None:
            raise ValueError(f"{asked.benchmark} does not say which architectures are one network: omit `distinct`")
        keys = list({table.class_of(key): key for key in reversed(keys)}.values())
    if not keys or (number is not None and not 1 <= number <= len(keys)):
        raise ValueError(f"{asked.benchmark} has {len(keys):,}; ask for 1 to that many, not {number!r}")
    return [keys[place] for place in islice(permuted(len(keys), seed), number)]


# Its provenance --------------------

_OWN = ("source", "dataset")  # of images and tokens; everything else is an option of their source
_STORED = {"variant": "flavour"}  # options of networks that stores know by an older name


def options_of_images(config: Config) -> dict[str, Any]:
    """Return the options of the source of images or tokens, with which it gives them again."""
    given = config.images or config.tokens
    return {} if isinstance(given, str) else {name: given[name] for name in given if name not in _OWN}


def provenance(config: Config) -> dict[str, Any]:
    """Return everything that a score depends on besides its key, and the architectures, as values that JSON can hold.

    The engine, the number of workers and the limits are not part of it: they change no value. The names are stored.
    The images are read once, however often it is called.

    Raises:
        ValueError: the architectures, proxies or images are not available, or the protocol does not fit the images.
    """
    return dict(config._provenance)


def _provenance(config: Config) -> dict[str, Any]:
    from naslib_zc_plugin.proxies import describe

    shown, protocol = config.probe(), config.protocol
    _check_device(config.device)
    rules = protocol.stored()
    dataset = PurePath(shown.name).stem
    given = config.images or config.tokens
    file = shown.name if not config.declared or isinstance(given, str) else given["source"]
    rules["normalisation"] = rules["normalisation"].get(dataset)
    for part in ("truth", "options", "spaces", "logs", "source"):
        del rules[part]
    if protocol.loss == "labels":  # stores that were made when there was no other loss do not name it
        del rules["loss"]
    if not protocol.size:  # likewise
        del rules["size"]
    proxies = {}
    for label, request in config.requests().items():
        info, options = describe(request.name), dict(request.options)
        proxies[label] = {
            "name": info.name, "version": info.version, "higher_is_better": info.higher_is_better, "options": options,
        }  # fmt: skip
    builder, software = getattr(space(config.space), "builder", 0), getattr(space(config.space), "software", ())
    plain = {
        "space": config.space,
        **({"builder": builder} if builder else {}),
        **({"software": {name: _version(name) for name in software}} if software else {}),
        "network": {_STORED.get(name, name): value for name, value in config.network.items()},
        "architectures": _identified(config),
        "preset": rules,
        "dataset": dataset,
        "images": {"name": PurePath(file).name, "sha256": digest(shown)},
        "proxies": proxies,
        "seed": config.seed,
        "threads": config.threads,
        "device": config.device.partition(":")[0],
        "torch": version("torch"),
        "truth": config.truth or protocol.truth_of(dataset),
        "singletons": _singletons(config, shown),
    }
    return dict(json.loads(json.dumps(plain)))


def _version(distribution: str) -> str | None:
    """Return the version of a distribution; None where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _singletons(config: Config, shown: Probe | Tokens) -> float | None:
    """Return the share of the common batch's samples that are alone in their class: their gradients compare with none.

    Raises:
        ValueError: the protocol cannot draw a batch.
    """
    try:
        _, labels = config.protocol.batch(shown, config.space, config.seed)
    except ValueError as error:
        raise ValueError(f"{'images' if config.images else 'tokens'}: {error}") from error
    if labels is None or isinstance(shown, Tokens) or not config.protocol.same_batch:
        return None
    _, counts = np.unique(labels.numpy(), return_counts=True)
    return float((counts == 1).sum() / len(labels))


def _check_device(name: str) -> None:
    """Raise an error unless torch knows the kind of device; whether there is one is the worker's matter."""
    import torch

    try:
        torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device: {name!r} is none that torch knows, such as cpu, cuda or cuda:1") from error


def _identified(config: Config) -> Any:
    """Return the architectures, a file's by its name and SHA-256."""
    keys = config.architectures
    if isinstance(keys, int) or keys == "all":
        return keys if config.total() else None
    if isinstance(keys, str):
        content = hashlib.sha256()
        with existing(keys, KEYS).open("rb") as file:
            while block := file.read(1 << 20):
                content.update(block)
        return {"file": PurePath(keys).name, "sha256": content.hexdigest()}
    return list(keys)
