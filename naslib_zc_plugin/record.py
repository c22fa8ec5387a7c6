"""The ``@proxy`` record: what a proxy function needs to see, and the facts about it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Callable, Union

from naslib_zc_plugin.observe import Observation
from naslib_zc_plugin.request import ProxyInfo

Needs = Union[Sequence[Observation], Callable[..., Sequence[Observation]]]


@dataclass(frozen=True)
class Proxy:
    """A pure function from observations to a number, and the facts about it. Calling it calls the function.

    Attributes:
        function: positional arguments are the observations' values, keyword-only ones the options.
        needs: the observations, or a function of the options that gives them.
        version: see :class:`ProxyInfo`, as for ``paper`` and ``higher_is_better``.
    """

    function: Callable[..., float]
    needs: Needs
    version: int
    paper: str
    higher_is_better: bool

    def __call__(self, *observations: Any, **options: Any) -> float:
        """The score.

        Raises:
            Undefined: there is none for these observations.
        """
        return self.function(*observations, **options)

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    @property
    def options(self) -> Mapping[str, Any]:
        """Names and defaults of the options."""
        parameters = inspect.signature(self.function).parameters.values()
        return MappingProxyType({p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY})

    def observations(self, options: Mapping[str, Any]) -> Sequence[Observation]:
        """What must be seen for a score with ``options``.

        Raises:
            TypeError: an option that the proxy does not have.
            ValueError: a value that it does not take.
        """
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            known = ", ".join(self.options) or "none"
            raise TypeError(f"{self.name} has no option {', '.join(map(repr, unknown))}; its options: {known}")
        return self.needs(**{**self.options, **options}) if callable(self.needs) else self.needs

    def info(self) -> ProxyInfo:
        """The facts, as shown to users."""
        seen = self.observations({})
        needs = {
            "data": any(observation.data for observation in seen),
            "labels": any(observation.labels for observation in seen),
            "gradients": any(observation.order > 0 for observation in seen),
            "second order": any(observation.order > 1 for observation in seen),
            "draws": any(observation.under.draws for observation in seen),
        }
        text = inspect.getdoc(self.function) or ""
        return ProxyInfo(
            name=self.name,
            version=self.version,
            paper=self.paper,
            higher_is_better=self.higher_is_better,
            needs=tuple(name for name, needed in needs.items() if needed),
            options=self.options,
            summary=text.partition("\n")[0],
            documentation=text,
        )


def proxy(*, needs: Needs, version: int, paper: str, higher_is_better: bool) -> Callable[[Callable[..., float]], Proxy]:
    """Make a function a proxy; its file's name must be the function's.

    Args:
        needs: the observations whose values are its positional arguments, or a function of all its options that gives
            them.
        version: raise it whenever the same network may score differently than before.
        paper: where it was published.
        higher_is_better: direction of the score.
    """
    return lambda function: Proxy(function, needs, version, paper, higher_is_better)
