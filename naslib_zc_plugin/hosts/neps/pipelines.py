"""NePS's configurations as networks: which argument of a pipeline is the network, its name in records, how it is built.

A configuration of a ``PipelineSpace`` holds what was sampled, by the path of the choice. NePS resolves it to the
arguments of ``evaluate_pipeline``; an ``Operation`` among them, such as one of ``nn.Sequential``, becomes what it
returns, and that is the network where it is a module. Of plain values a function ``build`` makes the network.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any, Callable, Union

from neps.space.neps_spaces.neps_space import NepsCompatConverter, convert_operation_to_callable, resolve
from neps.space.neps_spaces.parameters import Operation, PipelineSpace
from neps.space.neps_spaces.sampling import OnlyPredefinedValuesSampler
from torch import nn

from naslib_zc_plugin.candidates import built
from naslib_zc_plugin.passes.seeding import Turn, kept_random_states, seed_everything

Config = Mapping[str, Any]
Named = Union[str, Callable[..., Any]]
_DRAWS = 10  # configurations in which an argument is looked for
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class Pipelines:
    """The networks of a space's configurations.

    Args:
        space: the space of the pipeline's arguments.
        build: function that returns the network, given those of the pipeline's arguments that it names. Without it the
            network is an argument itself.
        argument: which argument is the network, where several are modules.

    Raises:
        ValueError: no argument is a module, several are, or ``build`` asks for one that the space does not have.

    >>> networks = Pipelines(space)  # doctest: +SKIP
    >>> networks.key(config)  # doctest: +SKIP
    'torch.nn.modules.container.Sequential(torch.nn.modules.linear.Linear(8, 2))'
    """

    def __init__(self, space: PipelineSpace, build: Callable[..., Any] | None = None, argument: str = "") -> None:
        if build is not None and argument:
            raise ValueError("give one of build= (a function that makes the network) and argument= (its name)")
        self._space, self._build = space, build
        names = list(space.get_attrs())
        if build is None:
            self._names = [argument or self._network_argument()]
        else:
            self._names = _parameters(build, names)
        unknown = [name for name in self._names if name not in names]
        if unknown:
            asked = "argument" if build is None else f"{build.__name__}, build="
            raise ValueError(f"{asked} asks for {', '.join(unknown)}; the space has {', '.join(names) or 'nothing'}")

    def draw(self, count: int, seed: int, *names: object) -> list[Config]:
        """Return so many random configurations, equal for equal seeds; at the highest fidelity where there is one."""
        highest = {name: fidelity.upper for name, fidelity in self._space.fidelity_attrs.items()}
        with Turn("states"), kept_random_states():
            seed_everything(seed, *names)
            drawn = [resolve(self._space, environment_values=highest)[1] for _ in range(count)]
        return [plain(NepsCompatConverter.to_neps_config(each)) for each in drawn]

    def arguments(self, config: Config) -> dict[str, Any]:
        """Return the pipeline's arguments, operations not yet called."""
        known = NepsCompatConverter.from_neps_config(config)
        sampler = OnlyPredefinedValuesSampler(known.predefined_samplings)
        return dict(resolve(self._space, sampler, known.environment_values)[0].get_attrs())

    def key(self, config: Config) -> str:
        """Return the name of a configuration's network: equal for equal ones, whatever else is in the configuration.

        It is the text of what is called. Where that leaves open what is meant, as of a function without a name, it is
        that of all that was sampled.
        """
        found = self.arguments(config)
        try:
            return ", ".join(_text(found[name]) for name in self._names)
        except _AmbiguousError:
            return json.dumps(NepsCompatConverter.from_neps_config(config).predefined_samplings, sort_keys=True)

    def network(self, config: Config, seed: int) -> nn.Module:
        """Build the network of a configuration; its weights depend on the seed, random states are as before.

        Raises:
            TypeError: there is none. What the space's own functions raise is raised here.
        """
        found = self.arguments(config)

        def made() -> Any:
            if self._build is None:
                return _called(found[self._names[0]])
            return self._build(**{name: _called(found[name]) for name in self._names})

        return built(made, seed)

    def _network_argument(self) -> str:
        """Return the name of the argument that is a module.

        Raises:
            ValueError: none is, or several are.
        """
        reasons: dict[str, str] = {}
        modules: dict[str, None] = {}
        for config in self.draw(_DRAWS, 0, "arguments"):
            for name, value in self.arguments(config).items():
                try:
                    with kept_random_states():
                        made = _called(value)
                except Exception as error:
                    reasons[name] = f"{name} cannot be built, {type(error).__name__}: {error}"
                    continue
                if isinstance(made, nn.Module):
                    modules[name] = None
                else:
                    reasons.setdefault(name, f"{name} is a {type(made).__name__}")
            if modules:
                break
        if len(modules) == 1:
            return next(iter(modules))
        if modules:
            raise ValueError(f"several arguments are networks: choose with argument=, one of {', '.join(modules)}")
        found = "; ".join(reasons.values()) or "it has none"
        raise ValueError(
            f"no argument of the pipeline is a network, so nothing can be scored ({found}): give "
            "build=, a function that makes the torch.nn.Module of the arguments that it names"
        )


def plain(config: Config) -> dict[str, Any]:
    """Return a configuration as values that JSON knows: numpy's numbers are made Python's."""
    return {name: value.item() if hasattr(value, "item") else value for name, value in config.items()}


def _parameters(build: Callable[..., Any], names: list[str]) -> list[str]:
    parameters = inspect.signature(build).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return names
    return [each.name for each in parameters if each.default is each.empty or each.name in names]


def _called(value: Any) -> Any:
    if not isinstance(value, Operation):
        return value
    return value.operator if isinstance(value.operator, str) else convert_operation_to_callable(value)


class _AmbiguousError(ValueError):
    """A value whose text may be that of another one."""


def _text(value: Any) -> str:
    """Return the text of a resolved argument, the same in every process.

    Raises:
        _AmbiguousError: the text may be that of another value.
    """
    if isinstance(value, Operation):
        inside = [_text(each) for each in value.args]
        inside += [f"{name}={_text(each)}" for name, each in value.kwargs.items()]
        return f"{value.operator if isinstance(value.operator, str) else _text(value.operator)}({', '.join(inside)})"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name!r}: {_text(each)}' for name, each in value.items())}}}"
    if isinstance(value, nn.Module):  # one that all networks share
        if type(value).__module__.startswith("torch.nn.") and not list(value.parameters()):
            return repr(value)
        raise _AmbiguousError
    name = getattr(value, "__qualname__", None)
    if name is None:
        text = repr(value)
        if _ADDRESS.search(text):
            raise _AmbiguousError
        return text
    if "<" in name:  # a lambda, or a function made in another
        raise _AmbiguousError
    return f"{value.__module__}.{name}"
