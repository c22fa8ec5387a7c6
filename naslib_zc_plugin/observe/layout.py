"""Whether a network keeps its samples in the first dimension, where shapes alone cannot tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.observe.activations import BLIND, activation_handlers
from naslib_zc_plugin.observe.batch import tensors, tree_map
from naslib_zc_plugin.observe.capture import CONVOLUTIONS, TRANSPOSED, Watch
from naslib_zc_plugin.observe.observation import Observation, Undefined
from naslib_zc_plugin.observe.run import Run

LAYER = "layer"
"""In the place of an activation's kind: convolutions and linear layers."""


@dataclass(frozen=True)
class _Lengths(Observation):
    """Under it a run keeps the lengths of first dimensions, so that they are found once for all who ask."""


def check_batch_first(run: Run, kinds: Iterable[str]) -> None:
    """The first dimension of the activations of these kinds, or of layers (:data:`LAYER`), is the batch.

    Of as many samples as positions it could be the positions (``nn.TransformerEncoderLayer`` has them first unless
    told otherwise): one more run, with one more sample, tells.

    Raises:
        Undefined: it is not.
    """
    samples, kept = run.batch.size, run.kept[_Lengths()]
    if samples < 2 or all(shown.shape[1:2] != (samples,) for shown in tensors(run.shown[0])):
        return
    if not kept:
        kept.append(_with_one_more(run))
    if any(kept[0].get(kind, set()) - {samples + 1} for kind in kinds):
        raise Undefined(
            f"{samples} samples of {samples} positions, and the network has the positions first: which outputs are "
            "whose cannot be told. Take more samples or fewer"
        )


def _with_one_more(run: Run) -> dict[str, set[int]]:
    """The first dimensions of each kind of activations, and of layers, for a batch with its first sample twice."""
    found: dict[str, set[int]] = {}

    def see(kind: str, output: Tensor) -> None:
        found.setdefault(kind, set()).add(len(output))

    def layer(args: Any, kwargs: Any, output: Tensor) -> Tensor:
        see(LAYER, output)
        return output

    handlers = {function: handler for function, handler in activation_handlers(see).items() if function not in BLIND}
    handlers.update(dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED, F.linear), layer))
    more = tree_map(lambda shown: torch.cat([shown, shown[:1]]).detach(), run.shown[0])
    held = {name: value.detach().clone() for name, value in (*run.weights.items(), *run.buffers.items())}
    try:
        with torch.no_grad(), Watch([handlers], run.setting.replacements(run)):
            run.network(held, more)
    except Exception:  # a network for batches of one size
        return {}
    return found
