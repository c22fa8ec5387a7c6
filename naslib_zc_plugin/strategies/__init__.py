"""Search strategies that own no loop and know no host: ask for an architecture, tell what it was worth.

``strategy("area", space("nasbench201"), score=proxy_of_a_key, seed=0)`` makes one; ``key = it.ask()`` and
``it.tell(key, fitness)`` drive it, ``state_dict`` and ``load_state_dict`` carry it over an interruption. One file of
``strategies/`` is one strategy; others register theirs in the entry-point group ``naslib_zc_plugin.strategies``. Keys
are text; nothing here needs torch.
"""

from __future__ import annotations

from naslib_zc_plugin.strategies.base import Domain, Exhausted, Fitness, Seed, Strategy
from naslib_zc_plugin.strategies.presets import preset
from naslib_zc_plugin.strategies.registry import strategies, strategy, strategy_class

__all__ = ["Domain", "Exhausted", "Fitness", "Seed", "Strategy", "preset", "strategies", "strategy", "strategy_class"]
