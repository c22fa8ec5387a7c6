"""NAS-Bench-NLP (Klyuchnikov et al., IEEE Access 2022): recurrent cells for language models.

A cell is a graph of linear maps, gates, products, sums and activations that turns a layer's input and one to three
hidden states into new hidden states; see :mod:`.keys` for how it is written. There is no list of all cells.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from naslib_zc_plugin.spaces.nasbench_nlp import canonical, changes, drawing, keys
from naslib_zc_plugin.spaces.nasbench_nlp.recipes import EXAMPLES, from_recipe, to_recipe

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EXAMPLES", "SPACE", "NASBenchNLP", "from_recipe", "to_recipe"]


class NASBenchNLP:
    """The search space; stateless, all randomness is the caller's ``rng``."""

    name = "nasbench_nlp"
    size = None

    def sample(self, rng: Random) -> str:
        """A cell as the benchmark's generator draws it; 1, 2 or 3 hidden states as often as there, 2000:2000:735."""
        states = rng.choices((1, 2, 3), (2000, 2000, 735))[0]
        return keys.format(drawing.draw(rng, states))

    def neighbours(self, key: str) -> list[str]:
        """The cells one elementary change away (see :mod:`.changes`), by node, in a fixed order."""
        return list(changes.neighbours(key))

    def mutate(self, key: str, rng: Random, rule: str = "node") -> str:
        """A random neighbour.

        Args:
            rule: ``"node"`` draws a node, then one of the neighbours that change it; ``"edge"`` any of the neighbours.

        Raises:
            ValueError: for a malformed key or another rule.
        """
        return changes.mutate(key, rng, rule)

    def canonical(self, key: str) -> str:
        """The representative of the keys that build the same network (see :mod:`.canonical`)."""
        return canonical.canonical(key)

    def index(self, key: str) -> int:
        """Cells are not counted.

        Raises:
            ValueError: always.
        """
        raise ValueError("the cells of nasbench_nlp are not counted and have no positions: ask by keys")

    def key(self, index: int) -> str:
        """Cells are not counted.

        Raises:
            ValueError: always.
        """
        raise ValueError("the cells of nasbench_nlp are not counted and have no positions: sample some")

    def build(
        self,
        key: str,
        num_classes: int = 10_000,
        flavour: str = "logits",
        embedding: int = 400,
        hidden: int = 600,
        layers: int = 3,
    ) -> nn.Module:
        """The freshly initialised language model of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.nasbench_nlp import network

        return network.build(key, num_classes, flavour, embedding, hidden, layers)


SPACE = NASBenchNLP()
