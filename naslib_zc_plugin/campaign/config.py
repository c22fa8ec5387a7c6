"""What a campaign scores and how: read from YAML, checked, and sent to workers as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Union, get_args

from naslib_zc_plugin.campaign.plan import Architectures
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.presets import Preset, preset
from naslib_zc_plugin.probes import Probe, probe
from naslib_zc_plugin.request import ProxyRequest
from naslib_zc_plugin.spaces import space

Asked = Union[str, Mapping[str, Any]]
BATCH = ("batch_size", "balanced", "augment", "same_batch")
"""What of a preset's batches a configuration may change."""


@dataclass(frozen=True)
class Config:
    """A campaign.

    Attributes:
        space: search space.
        architectures: number of random ones, ``all``, a file with a key per line, or a list of keys.
        images: probe images, a source of :func:`naslib_zc_plugin.probes.probe` or a mapping with ``source`` and options.
            Paths are relative to the configuration's folder or to the data directory.
        proxies: names, or mappings with ``name``, perhaps ``label``, and options.
        preset: published protocol (:mod:`naslib_zc_plugin.presets`).
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

    space: str
    architectures: Architectures
    images: Union[str, Mapping[str, Any]]
    proxies: tuple[Asked, ...]
    preset: str
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
        space(self.space)
        object.__setattr__(self, "proxies", tuple(self.proxies))
        for name in ("seed", "threads"):
            _check(isinstance(getattr(self, name), int), name, getattr(self, name), "a whole number")
        _check(self.threads >= 1, "threads", self.threads, "at least 1")
        _check(self.time_limit > 0, "time_limit", self.time_limit, "a number of seconds above 0")
        limit = self.memory_limit
        _check(limit is None or limit > 0, "memory_limit", limit, "a number of GiB above 0")
        _check(isinstance(self.engine.get("name"), str), "engine", self.engine, "a mapping with a name")
        _check(set(self.batch) <= set(BATCH), "batch", dict(self.batch), f"a mapping with some of {', '.join(BATCH)}")
        _check(len(self.proxies) > 0, "proxies", list(self.proxies), "at least one proxy")

    @property
    def protocol(self) -> Preset:
        """The preset with the changes of ``batch``."""
        changed = dict(self.batch)
        sizes = {} if "batch_size" in changed else preset(self.preset).batch_sizes
        return replace(preset(self.preset), batch_sizes=sizes, **changed)

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

    def probe(self) -> Probe:
        """The probe images."""
        options = {"source": self.images} if isinstance(self.images, str) else dict(self.images)
        return probe(options.pop("source", ""), **options)

    def plain(self) -> dict[str, Any]:
        """As values that JSON knows, for workers: ``Config(**plain)`` scores alike (its tasks name the architectures)."""
        return {**asdict(self), "proxies": list(self.proxies), "architectures": "all"}


def load(path: str | Path, data: str | Path | None = None) -> Config:
    """Read a configuration from YAML.

    Args:
        path: the file.
        data: data directory, where images are looked for that are not beside the configuration.

    Raises:
        DataError: no such file, no YAML (tags are none), or no mapping.
        ValueError: an unknown, missing or impossible field; the message names it.
    """
    path = Path(path)
    given = _mapping(path)
    known = [each.name for each in fields(Config)]
    for name in given:
        if name not in known:
            close = get_close_matches(str(name), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            raise ValueError(f"{path}: unknown field {name!r}; {hint}")
    needed = [name for name in ("space", "architectures", "images", "proxies", "preset") if name not in given]
    if needed:
        raise ValueError(f"{path} lacks {', '.join(needed)}")
    for name, kind in (("proxies", list), ("batch", dict), ("network", dict), ("engine", dict)):
        if name in given and not isinstance(given[name], kind):
            raise ValueError(f"{path}: {name} must be a {'list' if kind is list else 'mapping'}, not {given[name]!r}")
    given["store"] = str(path.parent / given.get("store", f"{path.stem}.db"))
    given["images"] = _images(given["images"], path.parent, data)
    keys = given["architectures"]
    if isinstance(keys, str) and keys != "all":
        given["architectures"] = str(path.parent / keys)
    elif isinstance(keys, bool) or not isinstance(keys, get_args(Architectures)[:2] + (list,)):
        raise ValueError(f"{path}: architectures must be a number, 'all', a file or a list of keys, not {keys!r}")
    try:
        return Config(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _mapping(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise ImportError("configurations need PyYAML: pip install 'naslib-zc-plugin[cli]'") from error
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(path, "a configuration in YAML", "no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(path, "a configuration in YAML", " ".join(str(error).split())) from error
    if not isinstance(given, dict):
        raise DataError(path, "a configuration in YAML, a mapping", f"{type(given).__name__}")
    return given


def _images(images: Any, folder: Path, data: str | Path | None) -> Any:
    """The source with its path made absolute, if it is one that exists in one of the two places."""
    source = images.get("source") if isinstance(images, dict) else images
    for root in (folder, data):
        if root is not None and isinstance(source, str) and (Path(root) / source).exists():
            found = str((Path(root) / source).resolve())
            return {**images, "source": found} if isinstance(images, dict) else found
    return images


def _check(holds: bool, name: str, value: Any, wanted: str) -> None:
    if not holds:
        raise ValueError(f"{name} must be {wanted}, not {value!r}")
