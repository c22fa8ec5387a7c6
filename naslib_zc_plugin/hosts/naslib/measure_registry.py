"""Our proxies in NASLib's own registry of measures, so that its unmodified ``ZeroCost`` and ``zc_names`` know them.

NASLib's names stay NASLib's. Of a graph without a score ``ZeroCost`` makes -1e8 if it gets NaN; here it gets
:data:`.predictor.LAST`. If memory runs out NASLib tries again with the batch in parts, which other measures sum; ours
has then failed, for parts are another batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable

import torch
from naslib.predictors.utils.pruners import measures
from torch import Tensor, nn

from naslib_zc_plugin.hosts.naslib.predictor import ZeroCostPredictor, predictors

_SPECIAL = ("flops", "params")  # which NASLib counts without its registry
_registered: list[str] = []


def register(names: Iterable[str] | None = None, **options: Any) -> list[str]:
    """Register proxies as measures of NASLib's, until :func:`unregister`, in this process.

    Args:
        names: of the proxies, all unless given; those that NASLib has are left out. Those that are named share their
            passes on a graph.
        options: of the predictors behind them, see :class:`.predictor.ZeroCostPredictor`. Without ``dataset`` or
            ``batch`` among them they see the batch that NASLib draws.

    Returns:
        The names that are new.

    Raises:
        ValueError: a proxy is unknown.

    >>> from naslib_zc_plugin.hosts.naslib import register  # doctest: +SKIP
    >>> register(["gradsign"], seed=0)  # doctest: +SKIP
    ['gradsign']
    """
    made = predictors(names, **options)
    new = [name for name in made if name not in (*measures._measure_impls, *_SPECIAL)]
    for name in new:
        # The graph is borrowed as it is; NASLib's own measures get a copy, which takes as long as a proxy.
        measures.measure(name, copy_net=False)(_measure(partial(made.__getitem__, name)))
    _registered.extend(new)
    return new


def unregister() -> None:
    """Remove from NASLib's registry all that :func:`register` added."""
    for name in _registered:
        measures.available_measures.remove(name)
        del measures._measure_impls[name]
    _registered.clear()


@contextmanager
def registered(names: Iterable[str] | None = None, **options: Any) -> Iterator[list[str]]:
    """Register proxies until the end of the block; arguments of :func:`register`."""
    try:
        yield register(names, **options)
    finally:
        unregister()


def _measure(predictor: Callable[[], ZeroCostPredictor]) -> Callable[..., list[Tensor]]:
    def measured(net: nn.Module, inputs: Tensor, targets: Any, loss_fn: Any, split_data: int = 1) -> list[Tensor]:
        # NASLib has moved the graph to the CPU, and after its measures takes it to the images' device for good.
        value = predictor().query(net.to(inputs.device), (inputs, targets))
        return [torch.tensor(value, dtype=torch.float64)]  # NASLib sums what it is given

    return measured
