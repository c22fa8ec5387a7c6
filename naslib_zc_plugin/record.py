"""The record of a proxy with its options, the facts that users see, and a request for it. Free of torch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import WRAPPER_ASSIGNMENTS, cached_property
from numbers import Integral, Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Callable, Literal, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from naslib_zc_plugin.passes import Observation

    Needs = Union[Sequence[Observation], Callable[..., Sequence[Observation]]]

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class ProxyRequest:
    """A proxy with its options, as :func:`naslib_zc_plugin.proxy` makes it.

    Attributes:
        name: name of the proxy.
        options: options that differ from the proxy's defaults.
        label: key of its score; the name unless given.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)
    label: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.name)


@dataclass(frozen=True)
class Bounds:
    """Limits of a number, or of each number in a sequence, in an option's annotation.

    Write ``Annotated[float, Bounds(above=0)]``.

    Attributes:
        above: the number must be greater.
        least: the smallest number allowed.
        most: the largest number allowed.
        without: a number that is not allowed.
        distinct: whether the numbers of a sequence must differ.
    """

    above: float | None = None
    least: float | None = None
    most: float | None = None
    without: float | None = None
    distinct: bool = False

    def hold(self, value: Any) -> bool:
        """Return whether a number, or all numbers of a sequence, lie within the limits."""
        numbers = list(value) if isinstance(value, Sequence) else [value]
        if self.distinct and len(set(numbers)) < len(numbers):
            return False
        return all(
            (self.above is None or number > self.above)
            and (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and number != self.without
            for number in numbers
        )

    def __str__(self) -> str:
        limits = {"above": self.above, "from": self.least, "to": self.most, "other than": self.without}
        return "".join(f" {word} {limit:g}" for word, limit in limits.items() if limit is not None)


def takes(kind: Any, value: Any) -> bool:
    """Return whether an option of a type takes a value.

    Args:
        kind: a class, ``Literal``, ``Union``, ``Sequence[…]``, ``tuple[…]``, or ``Annotated`` with :class:`Bounds`; of
            any other type every value is taken.
        value: the value.

    >>> takes(Annotated[float, Bounds(above=0)], 0.5), takes(Literal["sum", "mean"], "max"), takes(bool, 1)
    (True, False, False)
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        limits = (limit for limit in arguments[1:] if isinstance(limit, Bounds))
        return takes(arguments[0], value) and all(limit.hold(value) for limit in limits)
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in arguments)
    if origin is not None and not isinstance(origin, type) or getattr(origin, "__name__", "") == "UnionType":
        return any(takes(each, value) for each in arguments)
    if origin is tuple and arguments[-1:] != (...,):
        pairs = zip(arguments, value) if isinstance(value, (tuple, list)) and len(value) == len(arguments) else None
        return pairs is not None and all(takes(each, item) for each, item in pairs)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return isinstance(value, Sequence) and not isinstance(value, str) and all(takes(arguments[0], v) for v in value)
    if kind in (int, float):
        return isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    known = origin or kind
    return known is Any or not isinstance(known, type) or isinstance(value, known)


def values_text(kind: Any, several: bool = False) -> str:
    """Return the values that an option of a type takes, in words.

    Args:
        kind: see :func:`takes`.
        several: whether to name them in the plural.

    >>> values_text(Literal["sum", "mean"])
    "'sum' or 'mean'"
    >>> values_text(tuple[float, float])
    '2 numbers'
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        limits = [limit for limit in arguments[1:] if isinstance(limit, Bounds)]
        text = values_text(arguments[0], several)
        if any(limit.distinct for limit in limits):
            text = text.replace("sequence of ", "sequence of different ")
        return text + "".join(map(str, limits))
    if origin is Literal:
        *first, last = map(repr, arguments)
        return " or ".join(filter(None, [", ".join(first), last]))
    if origin is not None and not isinstance(origin, type) or getattr(origin, "__name__", "") == "UnionType":
        return " or ".join(dict.fromkeys(values_text(each, several) for each in arguments))
    if origin is tuple and arguments[-1:] != (...,):
        return f"{len(arguments)} {values_text(arguments[0], several=True)}"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return f"a sequence of {values_text(arguments[0], several=True)}"
    words: dict[Any, tuple[str, str]] = {
        int: ("an integer", "integers"),
        float: ("a number", "numbers"),
        str: ("a text", "texts"),
    }
    words.update({bool: ("True or False",) * 2, type(None): ("None",) * 2, Any: ("any value", "any values")})
    name = str(getattr(kind, "__name__", kind))
    return words.get(kind, (name, name))[several]


@dataclass(frozen=True)
class Option:
    """An option of a proxy.

    Attributes:
        name: its name.
        default: its value where none is given.
        kind: the type of its values, see :func:`takes`.
    """

    name: str
    default: Any
    kind: Any = Any

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values that it takes, where these are few and listed; else empty."""
        return (True, False) if self.kind is bool else get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def values(self) -> str:
        """The values that it takes, in words, limits of numbers among them."""
        return values_text(self.kind)


@dataclass(frozen=True)
class ProxyInfo:
    """Facts of a proxy.

    Attributes:
        name: name, as in the field.
        version: raised whenever the same network may score differently than before.
        paper: where it was published.
        higher_is_better: direction of the score.
        needs: of ``"data"`` (looks at the batch, not only at its shape), ``"labels"``, ``"gradients"``, ``"second
            order"``, ``"draws"`` (draws weights or inputs of its own: scores vary with the seed).
        options: the options by name: default, choices, limits.
        aliases: other names, accepted wherever a proxy is named.
        summary: first line of the documentation, without escapes.
        documentation: formula, direction, and how papers and codes differ.
        units: measured time of a score, as a multiple of a forward and a backward pass of the same network and batch;
            None where it was not measured.
    """

    name: str
    version: int
    paper: str
    higher_is_better: bool
    needs: tuple[str, ...]
    options: Mapping[str, Option]
    aliases: tuple[str, ...]
    summary: str
    documentation: str
    units: float | None = None


@dataclass(frozen=True)
class Proxy:
    """A pure function from observations to a number, and the facts about it. Calling it calls the function.

    Attributes:
        function: positional arguments are the observations' values, keyword-only ones the options.
        needs: the observations, or a function of some of the options that returns them.
        version: see :class:`ProxyInfo`, as for ``paper`` and ``higher_is_better``.
        aliases: other names → options that they stand for.
    """

    function: Callable[..., float]
    needs: Needs
    version: int
    paper: str
    higher_is_better: bool
    aliases: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: NO_OPTIONS)

    def __post_init__(self) -> None:
        """Take over the function's name, module and documentation."""
        own: dict[str, Any] = {
            name: getattr(self.function, name) for name in WRAPPER_ASSIGNMENTS if hasattr(self.function, name)
        }
        self.__dict__.update(own, __wrapped__=self.function)  # frozen, so that update_wrapper cannot

    def __call__(self, *observations: Any, **options: Any) -> float:
        """Compute the score.

        Raises:
            Undefined: no score exists for these observations.
        """
        return self.function(*observations, **options)

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    @cached_property
    def options(self) -> Mapping[str, Option]:
        """The options by name.

        Raises:
            TypeError: an annotation cannot be evaluated.
        """
        parameters = inspect.signature(self.function).parameters.values()
        own = [parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]

        def annotated() -> None: ...

        # The options' annotations alone: those of observations need not be evaluated.
        annotated.__annotations__ = {p.name: p.annotation for p in own if p.annotation is not p.empty}
        try:
            kinds = get_type_hints(annotated, self.function.__globals__, include_extras=True)
        except Exception as error:
            raise TypeError(
                f"{self.name}: the annotation of an option cannot be evaluated ({error}); write Optional or Union "
                "where Python 3.9 has no |, and import the names when the module is imported"
            ) from error
        return MappingProxyType({p.name: Option(p.name, p.default, kinds.get(p.name, Any)) for p in own})

    def observations(self, options: Mapping[str, Any]) -> Sequence[Observation]:
        """Return the observations that a score with these options needs.

        Raises:
            TypeError: the proxy has no such option.
            ValueError: an option does not take the value.
        """
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            known = ", ".join(self.options) or "none"
            raise TypeError(f"{self.name} has no option {', '.join(map(repr, unknown))}; its options: {known}")
        for name, value in options.items():
            if not takes(self.options[name].kind, value):
                raise ValueError(f"{self.name}: {name} must be {self.options[name].values}, not {value!r}")
        if not callable(self.needs):
            return self.needs
        every = {**{name: option.default for name, option in self.options.items()}, **options}
        return self.needs(**{name: every[name] for name in inspect.signature(self.needs).parameters})

    def info(self, options: Mapping[str, Any] = NO_OPTIONS) -> ProxyInfo:
        """Return the facts, as shown to users; what it needs is what it needs with these options."""
        seen = self.observations(options)
        needs = {
            "data": any(observation.data for observation in seen),
            "labels": any(observation.labels for observation in seen),
            "gradients": any(observation.order > 0 for observation in seen),
            "second order": any(observation.order > 1 for observation in seen),
            "draws": any(observation.setting.draws for observation in seen),
        }
        text = inspect.getdoc(self.function) or ""
        return ProxyInfo(
            name=self.name,
            version=self.version,
            paper=self.paper,
            higher_is_better=self.higher_is_better,
            needs=tuple(name for name, needed in needs.items() if needed),
            options=self.options,
            aliases=tuple(self.aliases),
            summary=text.partition("\n")[0].replace("\\|", "|"),
            documentation=text,
        )


def proxy(
    *,
    needs: Needs,
    version: int,
    paper: str,
    higher_is_better: bool,
    aliases: Sequence[str] | Mapping[str, Mapping[str, Any]] = (),
) -> Callable[[Callable[..., float]], Proxy]:
    """Make a function a proxy; its file's name must be the function's.

    The function's keyword-only parameters are the proxy's options: their annotations say which values they take.

    Args:
        needs: the observations whose values are its positional arguments, or a function that returns them; its
            parameters are the options that it names, with the values asked for.
        version: raise it whenever the same network may score differently than before.
        paper: where it was published.
        higher_is_better: direction of the score.
        aliases: other names by which it is known; a mapping gives the options that each stands for.

    >>> from naslib_zc_plugin.observations import parameter_sizes
    >>> @proxy(needs=[parameter_sizes()], version=1, paper="nowhere", higher_is_better=True)
    ... def largest(sizes, *, times: Annotated[float, Bounds(above=0)] = 1.0):
    ...     "Compute the size of the largest parameter. Higher is better."
    ...     return times * max(sizes)
    >>> largest([3, 4], times=2.0), largest.info().options["times"].values
    (8.0, 'a number above 0')
    """
    named = dict(aliases) if isinstance(aliases, Mapping) else dict.fromkeys(aliases, NO_OPTIONS)
    return lambda function: Proxy(function, needs, version, paper, higher_is_better, MappingProxyType(named))
