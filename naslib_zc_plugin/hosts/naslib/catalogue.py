"""All proxies as predictors, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from naslib_zc_plugin.hosts._scoring import Named
from naslib_zc_plugin.hosts.naslib.answers import known_number
from naslib_zc_plugin.hosts.naslib.loaders import drawn
from naslib_zc_plugin.hosts.naslib.names import ALIASES
from naslib_zc_plugin.hosts.naslib.predictor import ZeroCostPredictor
from naslib_zc_plugin.proxies import list_proxies


class Predictors(Mapping[str, ZeroCostPredictor]):
    """Predictors with equal settings, each made when it is first asked for.

    Args:
        names: what each is asked for by.
        declared: they will be asked for on each graph: the first question about it scores them all.
        options: of every predictor, see :class:`.predictor.ZeroCostPredictor`.
    """

    def __init__(self, names: Mapping[str, Named], declared: bool, options: Mapping[str, Any]) -> None:
        self._names, self._declared, self._options = dict(names), declared, dict(options)
        self._made: dict[str, ZeroCostPredictor] = {}

    def __getitem__(self, name: str) -> ZeroCostPredictor:
        """The predictor of a name.

        Raises:
            KeyError: there is none.
            ValueError, TypeError, DataError: the options are not what they should be.
        """
        if name not in self._made:
            for each in self._names if self._declared else [name]:
                self._made[each] = self._make(each)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._names)

    def __len__(self) -> int:
        """How many."""
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        """Whether there is a predictor of that name; none is made."""
        return name in self._names

    def features(
        self, graph: Any, dataloader: Any = None, known: Mapping[str, Mapping[str, Any]] | None = None
    ) -> dict[str, float]:
        """What NASLib's ensembles take as ``zero_cost_scores`` of an architecture: the number of each predictor.

        Args:
            graph: a graph or a spec, as for a predictor's ``query``.
            dataloader: likewise, or a function that gives one, called if it is needed; one batch is drawn for all.
            known: what a ``zc_api`` holds of the architecture: scores that are not asked for again.
        """
        found = {name: known_number(known[name]["score"]) for name in self if known and name in known}
        missing = [name for name in self if name not in found]
        if missing and dataloader is not None:
            loader = dataloader() if callable(dataloader) else dataloader
            dataloader = drawn(loader, self[missing[0]].seed) if loader is not None else None
        return {name: found[name] if name in found else self[name].query(graph, dataloader) for name in self}

    def _make(self, name: str) -> ZeroCostPredictor:
        made = ZeroCostPredictor(self._names[name], **self._options)
        made.method_type = name
        if self._declared:
            made.declare()
        else:
            made.set_aside()  # scripts make all that there are, and ask one
        return made


def predictors(names: Iterable[str] | Mapping[str, Named] | None = None, **options: Any) -> Predictors:
    """The ``{name: predictor}`` mapping that NASLib's scripts keep; no predictor is made before it is asked for.

    Args:
        names: of proxies, ours or NASLib's, or a mapping from any names to proxies with options. Those that are named
            are taken to be asked for on each graph, and share their passes from the first. None: all that there are,
            of which a graph is scored by those that are asked for.
        options: of every predictor, see :class:`.predictor.ZeroCostPredictor`.

    Raises:
        ValueError: no such proxy.
    """
    known: dict[str, Named] = {**{name: name for name in list_proxies()}, **ALIASES}
    if isinstance(names, Mapping):
        return Predictors(names, True, options)
    asked = known if names is None else dict.fromkeys(names)
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise ValueError(f"no proxy is called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return Predictors({name: known[name] for name in asked}, names is not None, options)
