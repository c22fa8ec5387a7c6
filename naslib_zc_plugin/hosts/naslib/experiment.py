"""A search of ours, run by NASLib: its ``Trainer``, its graph of NAS-Bench-201."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Callable

from naslib_zc_plugin import strategies
from naslib_zc_plugin.hosts._quiet import quiet
from naslib_zc_plugin.hosts.naslib import compat
from naslib_zc_plugin.hosts.naslib.help import advice
from naslib_zc_plugin.passes.seeding import kept_random_states
from naslib_zc_plugin.search.loop import Evaluate


def drive(strategy: strategies.Strategy, evaluate: Evaluate, goes_on: Callable[[], bool], space: str) -> None:
    """Ask, evaluate and tell as :func:`naslib_zc_plugin.search.loop.run_search` does, in a ``Trainer``.

    One epoch is one evaluation: every key becomes the spec of NASLib's graph, and a key again for ``evaluate``. Nothing
    is written. Who names NASLib as the host of a search asks for what makes it run: the repairs of :mod:`.compat` that
    are needed here are applied, in this process and for good.

    Args:
        strategy: that asks and is told.
        evaluate: worth of a key; an error that it raises ends the search and comes out here.
        goes_on: whether to ask once more.
        space: name of the search space of the keys.

    Raises:
        ValueError: NASLib has no such space.
        ImportError: NASLib is not to be had; the message says how to get it.
    """
    compat.repair()
    try:
        from naslib_zc_plugin.hosts.naslib.driven import Driven, Ended, Loop, graph
    except (ImportError, RuntimeError) as error:
        raise ImportError(advice(error)) from error
    with quiet("naslib"), ExitStack() as until_it_begins:
        # NASLib draws weights of the graph, and seeds all generators: evaluations shall not know.
        until_it_begins.enter_context(kept_random_states())
        optimizer = Driven(strategy, evaluate, goes_on, begins=until_it_begins.close)
        optimizer.adapt_search_space(graph(space))
        try:
            Loop(optimizer).search()
        except Ended:
            return
