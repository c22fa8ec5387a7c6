"""No host: the plain loop."""

from __future__ import annotations

from typing import Callable

from naslib_zc_plugin.hosts import Evaluate
from naslib_zc_plugin.strategies import Exhausted, Strategy


def drive(strategy: Strategy, evaluate: Evaluate, goes_on: Callable[[], bool], space: str) -> None:
    """Ask, evaluate, tell, for as long as ``goes_on()`` holds and there is something to ask for."""
    while goes_on():
        try:
            key = strategy.ask()
        except Exhausted:
            return
        strategy.tell(key, evaluate(key))
