"""Whether a network keeps its samples in the first dimension, where shapes alone leave it open."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from naslib_zc_plugin.observations.activations import ACTIVATIONS, activation_handlers
from naslib_zc_plugin.passes import LayerCall, NotApplicable
from naslib_zc_plugin.passes.capture import Function, Handler
from naslib_zc_plugin.passes.forward import ForwardPass
from naslib_zc_plugin.passes.inputs import tensors, tree_map


def check_batch_first(p: ForwardPass, kinds: Iterable[str]) -> None:
    """Check, after the forward run, that the first dimension of some activations, or of layers, is the batch.

    If there are as many samples as positions it could be the positions (``nn.TransformerEncoderLayer`` has them first
    by default): one more run, with one more sample, decides. It is made once for all observations of a pass.

    Args:
        p: the pass.
        kinds: kinds of activations, or ``"layer"``: convolutions and linear layers.

    Raises:
        Undefined: it is not.
    """
    samples = len(tensors(p.inputs)[0])
    if samples < 2 or all(shown.shape[1:2] != (samples,) for shown in tensors(p.inputs)):
        return
    if "first dimensions" not in p.memo:
        p.memo["first dimensions"] = _with_one_more(p)
    found = p.memo["first dimensions"]
    if any(found.get(kind, set()) - {samples + 1} for kind in kinds):
        raise NotApplicable(
            f"{samples} samples of {samples} positions, and the network has the positions first: which outputs are "
            "whose cannot be told. Take more samples or fewer"
        )


def _with_one_more(p: ForwardPass) -> dict[str, set[int]]:
    """Return the first dimensions of each kind of activations, and of layers, with the first sample twice."""
    found: dict[str, set[int]] = {"layer": set()}
    handlers: dict[Function, Handler] = {}
    for kind in ACTIVATIONS:
        lengths: set[int] = found.setdefault(kind, set())
        handlers.update(activation_handlers(kind, lambda output, lengths=lengths: lengths.add(len(output))))

    def layer(call: LayerCall) -> None:
        found["layer"].add(call.output.shape[call.batch])

    try:
        p.run_again(tree_map(lambda shown: torch.cat([shown, shown[:1]]).detach(), p.inputs), handlers, layer)
    except Exception as error:  # a network for batches of one size
        p.detour("whether the first dimension is the batch is not checked", error)
        return {}
    return found
