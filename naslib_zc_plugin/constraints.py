"""Limits on what is known of a network without training it: parameters, operations, memory, latency.

A limit is a name and what its value must be: ``{"params": "<= 1.0e6", "latency_here": {"max": 30}}``. The names are
those of proxies, ``latency`` for the table of a benchmark, and ``latency_here`` for this machine.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from naslib_zc_plugin.latency import Machine, check_settings_here, this_machine
from naslib_zc_plugin.proxies import canonical, list_proxies, proxy
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.registry import closest

HERE, TABLE = "latency_here", "latency"
"""Names of the two latencies: measured on this machine, and read in a benchmark's table."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_TEXT = re.compile(rf"\s*(<=|>=|<|>)\s*({_NUMBER.pattern})\s*")
_WORDS = {"max": "<=", "min": ">="}
_SETTINGS = {HERE: ("batch", "threads", "dtype", "rounds"), TABLE: ("device", "dataset")}
_COUNTS = ("activations", "depth", "flops", "layers", "params", "peak_activations", "total_width", "width_depth")
"""Proxies that are above zero for any network."""
_USUAL_DATASET = "cifar10"


@dataclass(frozen=True)
class Known:
    """A value that limits look at, as an interval; a value that is no measurement is one number.

    Attributes:
        low, high: ends of the interval; None: the value is not known.
        reason: why it is not known.
    """

    low: float | None
    high: float | None
    reason: str = ""

    @classmethod
    def exactly(cls, value: float | None, reason: str = "") -> Known:
        """Return a value that is one number, or why there is none."""
        return cls(value, value, reason)

    def __str__(self) -> str:
        """Return it as text."""
        if self.low is None or self.high is None:
            return f"not known ({self.reason})"
        return f"{self.low:.6g}" if self.low == self.high else f"between {self.low:.4g} and {self.high:.4g}"


@dataclass(frozen=True)
class Limit:
    """What the value of a name must be.

    Attributes:
        name: of a proxy, :data:`HERE` or :data:`TABLE`.
        conditions: pairs of ``<=``, ``<``, ``>=`` or ``>`` and a number.
        settings: of a latency, or the options of the proxy.
    """

    name: str
    conditions: tuple[tuple[str, float], ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name that its values have: that of the proxy with its options, or a latency's device."""
        if self.name == TABLE:
            return f"{self.settings['device']}_ms"
        chosen = ",".join(f"{name}={self.settings[name]}" for name in sorted(self.settings))
        return f"{self.name}[{chosen}]" if chosen else self.name

    @property
    def request(self) -> ProxyRequest | None:
        """The proxy whose values the limit looks at; None for a latency."""
        return None if self.name in _SETTINGS else proxy(self.name, label=self.label, **self.settings)

    def allows(self, known: Known) -> bool:
        """Return whether a value may be within the limit: an interval is beyond it where it wholly is.

        A value that is not known is not within any limit.
        """
        if known.low is None or known.high is None:
            return False
        return all(_holds(sign, known.low if "<" in sign else known.high, bound) for sign, bound in self.conditions)

    def __str__(self) -> str:
        """Return it as text, such as ``params <= 1e+06``."""
        return f"{self.label} {' and '.join(f'{sign} {bound:g}' for sign, bound in self.conditions)}"


def _holds(sign: str, value: float, bound: float) -> bool:
    return {"<=": value <= bound, "<": value < bound, ">=": value >= bound, ">": value > bound}[sign]


def broken(limits: Sequence[Limit], value: Callable[[Limit], Known]) -> str:
    """Return the first limit that is not kept, as text; empty where all are.

    Args:
        limits: the limits.
        value: returns the value that a limit looks at; not called for the limits after one that is not kept.

    >>> broken(limits_of({"params": "<= 100"}), lambda limit: Known.exactly(120.0))
    'params is 120, the limit is <= 100'
    """
    for limit in limits:
        known = value(limit)
        if not limit.allows(known):
            conditions = str(limit)[len(limit.label) + 1 :]
            return f"{limit.label} is {known}, the limit is {conditions}"
    return ""


def machine_of(limit: Limit, device: str = "cpu") -> Machine:
    """Return the fingerprint of what a latency would be measured on here, with a limit's settings."""
    settings = {name: value for name, value in limit.settings.items() if name in ("threads", "dtype", "batch")}
    return this_machine(**settings, device=device)


def limits_of(constraints: Mapping[str, Any]) -> tuple[Limit, ...]:
    """Return the limits of a mapping, as YAML and :func:`naslib_zc_plugin.rank` take it.

    Args:
        constraints: name → a text such as ``"<= 1.0e6"``, several of them, or a mapping with ``min``, ``max`` or both,
            and the proxy's options or a latency's settings: ``device`` and ``dataset`` of ``latency``; ``batch``,
            ``threads``, ``dtype`` and ``rounds`` of ``latency_here``.

    Returns:
        The limits; a latency that is measured comes last, so that nothing is timed that is beyond another limit.

    Raises:
        ValueError: an unknown name or setting, a limit that cannot be read, or one that nothing can keep.

    >>> [str(limit) for limit in limits_of({"flops": "<= 1.5e8", "latency": {"device": "raspi4", "max": 30}})]
    ['flops <= 1.5e+08', 'raspi4_ms <= 30']
    """
    if not isinstance(constraints, Mapping):
        raise ValueError(f"constraints must be a mapping such as {{params: '<= 1.0e6'}}, not {constraints!r}")
    found = (_limit(str(name), given) for name, given in constraints.items())
    return tuple(sorted(found, key=lambda limit: limit.name == HERE))


def measure_of(given: str | Mapping[str, Any]) -> Limit:
    """Return a measure as a limit that every value keeps: its name, or a mapping with ``name`` and its options.

    Raises:
        ValueError: as :func:`limits_of`; or the name is missing, or bounds are given.

    >>> measure_of({"name": "latency", "device": "raspi4"}).label
    'raspi4_ms'
    """
    options = {"name": given} if isinstance(given, str) else dict(given)
    name = options.pop("name", None)
    if not isinstance(name, str) or set(options) & set(_WORDS):
        raise ValueError(f"a measure is a name, or a mapping with name and options, without bounds, not {given!r}")
    return _limit(name, {**options, "max": sys.float_info.max})


def limits_of_texts(texts: Sequence[str]) -> dict[str, Any]:
    """Return constraints that a command line gives, such as ``params <= 1.0e6``, one of a name and as many as it has.

    Raises:
        ValueError: a text that is no such limit.

    >>> limits_of_texts(["params<=1e6", "params > 10"])
    {'params': ['<=1e6', '> 10']}
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        name, sign, rest = next(iter(re.findall(r"^\s*(\w+)\s*([<>]=?)(.*)$", text)), ("", "", ""))
        if not name:
            raise ValueError(f"{text!r} is no limit: write a name, <= or >=, and a number, such as 'params <= 1.0e6'")
        found.setdefault(name, []).append(f"{sign}{rest}")
    return dict(found)


def _limit(name: str, given: Any) -> Limit:
    settings: dict[str, Any] = {}
    if isinstance(given, Mapping):
        conditions = tuple((_WORDS[word], _number(name, given[word])) for word in _WORDS if word in given)
        settings = {str(key): value for key, value in given.items() if key not in _WORDS}
        if not conditions:
            raise ValueError(f"{name}: give max, min or both, such as {{max: 1.0e6}}")
    else:
        several = [given] if isinstance(given, str) or not isinstance(given, Sequence) else given
        conditions = tuple(_condition(name, text) for text in several)
    limit = _named(name, conditions, settings)
    upper = min((bound for sign, bound in conditions if "<" in sign), default=math.inf)
    lower = max((bound for sign, bound in conditions if ">" in sign), default=-math.inf)
    if upper < lower:
        raise ValueError(f"{limit}: no value is both: give a max that is not below the min")
    if upper <= 0 and (limit.request is None or limit.request.name in _COUNTS):
        raise ValueError(f"{limit}: it is above 0 for every network: give a larger limit")
    return limit


def _condition(name: str, text: Any) -> tuple[str, float]:
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{name}: {text!r} is no limit: write '<= 1.0e6', or {{max: 1.0e6}}")
    return found[1], _number(name, found[2])


def _number(name: str, given: Any) -> float:
    if isinstance(given, str) and _NUMBER.fullmatch(given):
        return float(given)  # YAML reads 1.0e+6 as a number, 1.0e6 as a text
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
        raise ValueError(f"{name}: a limit must be a number, not {given!r}")
    return float(given)


def _named(name: str, conditions: tuple[tuple[str, float], ...], settings: dict[str, Any]) -> Limit:
    """Return the limit of a name with its settings.

    Raises:
        ValueError: the name or a setting is not known.
    """
    if name in _SETTINGS:
        for each in settings:
            if each not in _SETTINGS[name]:
                raise ValueError(f"{name} has no setting {each!r}; {closest(each, ('max', 'min', *_SETTINGS[name]))}")
        if name == TABLE:
            if not isinstance(settings.get("device"), str):
                raise ValueError(f"{name}: give the device, such as {{device: raspi4, max: 30}}; or {HERE} measures")
            return Limit(name, conditions, {"dataset": _USUAL_DATASET, **settings})
        check_settings_here(**settings)
        return Limit(name, conditions, settings)
    try:
        canonical(name)
    except ValueError:
        raise ValueError(f"no limit is called {name!r}; {closest(name, [*_SETTINGS, *list_proxies()])}") from None
    try:
        proxy(name, **settings)
    except TypeError as error:
        raise ValueError(str(error)) from error
    return Limit(name, conditions, settings)
