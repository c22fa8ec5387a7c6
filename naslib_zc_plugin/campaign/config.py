"""What a campaign scores and how: read from YAML, checked, and sent to workers as JSON."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any, Union

from naslib_zc_plugin import benchmarks
from naslib_zc_plugin.campaign.plan import KEYS, Architectures, permuted
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.files.configuration import Checked, check_known, located, mapping
from naslib_zc_plugin.probes import Probe, Tokens, probe
from naslib_zc_plugin.protocols import Protocol, protocol
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.spaces import space

Asked = Union[str, Mapping[str, Any]]
_PLACES = " beside the configuration or in the data directory (--data DIR or NAS_ZC_DATA)"
BATCH = {"batch_size": int, "balanced": int, "augment": bool, "same_batch": bool}
"""What of a preset's batches a configuration may change."""
_KINDS: Mapping[str, tuple[Any, str]] = {
    "space": (str, "the name of a search space"),
    "architectures": ((int, str, list, tuple), f"{KEYS}, or a benchmark and a number"),
    "images": ((str, Mapping), "a source, or a mapping with a source"),
    "tokens": ((str, Mapping), "a source, or a mapping with a source"),
    "proxies": ((list, tuple), "a list of names, or of mappings with a name"),
    "preset": (str, "the name of a protocol"),
    "batch": (Mapping, "a mapping with some of batch_size, balanced (numbers), augment, same_batch (true or false)"),
    "network": (Mapping, "a mapping"),
    "seed": (int, "a whole number"),
    "threads": (int, "a whole number above 0"),
    "device": (str, "cpu, cuda, cuda:1 …"),
    "engine": (Mapping, "a mapping with a name"),
    "time_limit": ((int, float), "a number of seconds above 0"),
    "memory_limit": ((int, float, type(None)), "a number of GiB above 0"),
    "store": (str, "the path of a file"),
    "truth": (str, "the name of a column"),
}


@dataclass(frozen=True)
class Config(Checked):
    """A campaign.

    Attributes:
        space: search space.
        architectures: number of random ones, ``all``, a file with a key per line, or a list of keys. In a file also
            ``{benchmark: NAME, number: N}``: as many random ones of a benchmark's table, or all of them.
        images: probe images, a source of :func:`naslib_zc_plugin.probes.probe` or a mapping with ``source`` and
            options. Paths are relative to the configuration's folder or to the data directory.
        tokens: the same in place of images, for networks of text.
        proxies: names, or mappings with ``name``, perhaps ``label``, and options.
        preset: published protocol (:mod:`naslib_zc_plugin.protocols`).
        batch: what differs from the protocol: ``batch_size``, ``balanced``, ``augment``, ``same_batch``.
        network: options of the space's ``build``, such as ``C`` and ``N``.
        seed: of the sample, the weights, the batches and the proxies' draws.
        threads: CPU threads of a worker; some sums depend on them.
        device: ``cpu``, ``cuda``, ``cuda:1`` …
        engine: ``{name: local, workers: 2}``, or another with its options (:mod:`.engines`).
        time_limit: seconds that an architecture may take.
        memory_limit: GiB that a worker may allocate beyond what it starts with (Linux, CPU); None: no limit.
        store: file of results; beside the configuration and called like it unless given.
        truth: column of the benchmark that leaderboards compare with; the protocol's unless given.
    """

    KINDS = _KINDS

    space: str
    architectures: Architectures
    proxies: tuple[Asked, ...]
    preset: str
    images: str | Mapping[str, Any] = ""
    tokens: str | Mapping[str, Any] = ""
    batch: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    engine: Mapping[str, Any] = field(default_factory=lambda: {"name": "local", "workers": 1})
    time_limit: float = 900.0
    memory_limit: float | None = None
    store: str = ""
    truth: str = ""

    def __post_init__(self) -> None:
        """Check what can be checked without reading a file.

        Raises:
            ValueError: a value that cannot be; the message names the field.
        """
        self._check_kinds()
        _check_options(self.space, self.network)
        protocol(self.preset)
        object.__setattr__(self, "proxies", tuple(self.proxies))
        keys, limit = self.architectures, self.memory_limit
        self._check("architectures", isinstance(keys, (int, str)) or (keys and all(isinstance(k, str) for k in keys)))
        if bool(self.images) == bool(self.tokens):
            raise ValueError("give either images or tokens: what networks are shown")
        self._check("images", isinstance(self._source().get("source"), str))
        self._check("proxies", self.proxies and all(isinstance(each, str) or _named(each) for each in self.proxies))
        self._check("batch", all(type(value) is BATCH.get(name) for name, value in self.batch.items()))
        self._check("batch", self.batch.get("batch_size", 1) > 0 and self.batch.get("balanced", 0) >= 0)
        self._check("threads", self.threads > 0)
        self._check("engine", isinstance(self.engine.get("name"), str))
        self._check("time_limit", self.time_limit > 0)
        self._check("memory_limit", limit is None or limit > 0)

    @property
    def protocol(self) -> Protocol:
        """The preset within the search space, with the changes of ``batch``."""
        return replace(protocol(self.preset).within(self.space), **self.batch)

    def requests(self) -> dict[str, ProxyRequest]:
        """The proxies by label, with the protocol's options and over them those of the configuration.

        Raises:
            ValueError: no such proxy, or a label used twice.
            TypeError: an option that a proxy does not have.
        """
        from naslib_zc_plugin.proxies import proxy

        found: dict[str, ProxyRequest] = {}
        for asked in self.proxies:
            given = {"name": asked} if isinstance(asked, str) else dict(asked)
            name, label = given.pop("name", ""), given.pop("label", "")
            (usual,) = self.protocol.requests([name], self.space)
            own = {option: tuple(value) if isinstance(value, list) else value for option, value in given.items()}
            request = proxy(name, label=label, **{**usual.options, **own})
            if request.label in found:
                raise ValueError(f"proxies: {request.label!r} is asked for twice; give one a label")
            found[request.label] = request
        return found

    def probe(self) -> Probe | Tokens:
        """The images or tokens.

        Raises:
            DataError: no such file, or one that is damaged or something else, images for tokens among it.
            ValueError: options that the source does not have.
        """
        options = self._source()
        source = options.pop("source", "")
        try:
            found = probe(source, **options)
        except DataError as error:
            if error.found.startswith("no such file"):
                raise DataError(source, f"{error.expected}{_PLACES}", error.found) from error
            raise
        asked, held = ("tokens", "images") if isinstance(found, Probe) else ("images", "tokens")
        if getattr(self, asked):
            raise DataError(source, asked, f"{held}: write `{held}: {source}`")
        return found

    def _source(self) -> dict[str, Any]:
        given = self.images or self.tokens
        return {"source": given} if isinstance(given, str) else dict(given)

    def plain(self) -> dict[str, Any]:
        """As values that JSON knows: ``Config(**plain)`` scores alike, though not the same architectures."""
        return {**asdict(self), "proxies": list(self.proxies), "architectures": "all"}


def load(path: str | Path, data: str | Path | None = None) -> Config:
    """Read a configuration from YAML.

    Args:
        path: the file.
        data: data directory, where images and tokens are looked for that are not beside the configuration, and
            benchmarks.

    Raises:
        DataError: no such file, no YAML (tags are none), or no mapping; so too for a benchmark that it names.
        ValueError: an unknown, missing or impossible field; the message names it.
    """
    path = Path(path)
    given = mapping(path)
    try:
        check_known(given, [each.name for each in fields(Config)])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    needed = [name for name in ("space", "architectures", "proxies", "preset") if name not in given]
    if needed:
        raise ValueError(f"{path} lacks {', '.join(needed)}")
    for name, value in (("store", given.get("store") or f"{path.stem}.db"), ("architectures", given["architectures"])):
        given[name] = str(path.parent / value) if isinstance(value, str) and value != "all" else value
    given.update(located({name: given[name] for name in ("images", "tokens") if name in given}, path.parent, data))
    try:
        if isinstance(given["architectures"], Mapping) and "benchmark" in given["architectures"]:
            given["architectures"] = _of_benchmark(data, given.get("seed", 0), **given["architectures"])
        return Config(**given)
    except DataError:
        raise  # it names its own file
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _of_benchmark(data: str | Path | None, seed: int, benchmark: str, number: int | None = None) -> list[str]:
    """The keys of a benchmark's table, so many of them at random: a larger number adds to those of a smaller one."""
    keys = benchmarks.benchmark(benchmark, data).keys
    if number is not None and not 1 <= number <= len(keys):
        raise ValueError(f"architectures: {benchmark} has {len(keys):,}; ask for 1 to that many, not {number!r}")
    return [keys[place] for place in islice(permuted(len(keys), seed), number)]


def _check_options(name: str, network: Mapping[str, Any]) -> None:
    """There is such a search space, and it builds networks with such options."""
    takes = list(inspect.signature(space(name).build).parameters.values())[1:]
    known = [each.name for each in takes]
    unknown = [option for option in network if option not in known]
    if unknown and not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in takes):
        raise ValueError(f"network: {name} has no option {unknown[0]!r}; its options: {', '.join(known)}")


def _named(proxy: Any) -> bool:
    return isinstance(proxy, Mapping) and "name" in proxy
