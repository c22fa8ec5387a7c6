"""Whether a network keeps its samples in the first dimension, where shapes alone cannot tell."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from naslib_zc_plugin.observe.activations import activation_handlers
from naslib_zc_plugin.observe.batch import tensors, tree_map
from naslib_zc_plugin.observe.capture import Watch
from naslib_zc_plugin.observe.observation import Undefined
from naslib_zc_plugin.observe.run import Run


def check_batch_first(run: Run, kinds: Iterable[str]) -> None:
    """The first dimension of the activations of these kinds is the batch.

    Of as many samples as positions it could be the positions (``nn.TransformerEncoderLayer`` has them first unless
    told otherwise): one more run, with one more sample, tells.

    Raises:
        Undefined: it is not.
    """
    samples, lengths = run.batch.size, set()
    if samples < 2 or all(shown.shape[1:2] != (samples,) for shown in tensors(run.shown[0])):
        return
    handlers = activation_handlers(lambda kind, output: lengths.add(len(output)), kinds)
    more = tree_map(lambda shown: torch.cat([shown, shown[:1]]).detach(), run.shown[0])
    held: dict[str, Tensor] = {
        name: value.detach().clone() for name, value in (*run.weights.items(), *run.buffers.items())
    }
    try:
        with torch.no_grad(), Watch([handlers], run.setting.replacements(run)):
            run.network(held, more)
    except Exception:  # a network for batches of one size
        return
    if lengths - {samples + 1}:
        raise Undefined(
            f"{samples} samples of {samples} positions, and the network has the positions first: which activations are "
            "whose cannot be told. Take more samples or fewer"
        )
