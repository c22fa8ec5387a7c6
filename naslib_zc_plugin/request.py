"""What is asked for and what is known of a proxy, as plain values (free of torch)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class ProxyRequest:
    """A proxy with its options, as :func:`naslib_zc_plugin.proxy` makes it.

    Attributes:
        name: name of the proxy.
        options: options that differ from the proxy's defaults.
        label: key of its score; the name unless given.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    label: str = ""

    def __post_init__(self) -> None:
        """The label defaults to the name."""
        object.__setattr__(self, "label", self.label or self.name)


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
        options: names and defaults of the options.
        summary: first line of the documentation.
        documentation: formula, direction, and how papers and codes differ.
    """

    name: str
    version: int
    paper: str
    higher_is_better: bool
    needs: tuple[str, ...]
    options: Mapping[str, Any]
    summary: str
    documentation: str
