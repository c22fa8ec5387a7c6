"""Kernels of a network's activations: how alike samples are by all activations of one kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from naslib_zc_plugin.observe.activations import FOUND, activation_handlers, itself
from naslib_zc_plugin.observe.borrow import kept_random_states
from naslib_zc_plugin.observe.capture import Function, Handler, Watch
from naslib_zc_plugin.observe.forward import Forward, ForwardObservation
from naslib_zc_plugin.observe.layout import check_batch_first
from naslib_zc_plugin.observe.measures import Measure, Partition
from naslib_zc_plugin.observe.observation import Undefined
from naslib_zc_plugin.observe.run import Run


@dataclass(frozen=True)
class Activation:
    """A bounded activation of one's own: which functions it is, and how its outputs are compared.

    Attributes:
        kind: its name.
        functions: those whose output is the activation, as the network calls them: torch's, methods of tensors, and
            functions of one's own that are decorated with ``torch.overrides.wrap_torch_function(lambda x: (x,))``,
            without which a function cannot be seen.
        measure: a :class:`~naslib_zc_plugin.observe.distances.Distance` (mapping, f and m), or any other.
    """

    kind: str
    functions: Sequence[Function]
    measure: Measure


REGISTERED: dict[str, Activation] = {}


def _can_be_seen(function: Function) -> bool:
    seen: list[Any] = []
    try:
        watch = Watch([{function: lambda args, kwargs, output: seen.append(output)}])
        with kept_random_states(), torch.no_grad(), watch:
            function(torch.zeros(2, 2))
    except Exception:  # one that takes more than a tensor
        return not isinstance(function, type)
    return bool(seen)


def register_activation(activation: Activation) -> None:
    """Make an activation known in this process, to be seen besides torch's own.

    Raises:
        ValueError: another one of that name is known, or one of its functions belongs to another or cannot be seen.
    """
    if REGISTERED.get(activation.kind) == activation:
        return
    taken = {function: kind for kind, found in FOUND.items() for functions, _ in found for function in functions}
    if activation.kind in FOUND:
        raise ValueError(f"there is an activation called {activation.kind!r}: give yours another name")
    for function in activation.functions:
        if function in taken:
            raise ValueError(f"{function!r} is a {taken[function]!r} activation already")
        if not _can_be_seen(function):
            raise ValueError(
                f"calls of {function!r} cannot be seen: decorate a function of your own with "
                "torch.overrides.wrap_torch_function(lambda x: (x,)), and name that in place of a module"
            )
    REGISTERED[activation.kind] = activation
    FOUND[activation.kind] = [(activation.functions, itself)]


@dataclass(frozen=True)
class ActivationKernel(ForwardObservation):
    """K = Σ (m − f) over all calls of the activations of one kind: (N, N), float64; None where there is none.

    Attributes:
        kind: see :func:`~naslib_zc_plugin.observe.activations.activation_handlers`.
        measure: gives m and f.
        under: the setting.
        maps_only: see only feature maps (four dimensions).
    """

    kind: str
    measure: Measure = Partition()
    under: Forward = Forward()
    maps_only: bool = False
    order: ClassVar[int] = 0

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """See every activation; keep the running sum alone."""
        kept: list[Any] = run.kept[self]

        def see(kind: str, output: Tensor) -> None:
            if self.maps_only and output.ndim != 4:
                return
            if output.ndim == 0 or len(output) != run.batch.size:
                raise Undefined(
                    f"the output {tuple(output.shape)} of an activation ({kind}) lacks the batch of "
                    f"{run.batch.size} as first dimension"
                )
            if not kept:
                kept.append(self.measure.start(run.batch.size))
            kept[0].add(output)

        return activation_handlers(see, [self.kind])

    def read(self, run: Run) -> Tensor | None:
        """The sum over all calls.

        Raises:
            Undefined: the outputs are not finite (NaN is neither on nor off), or positions come before samples.
        """
        run.logits  # noqa: B018
        if not run.kept[self]:
            return None
        if not self.maps_only:
            check_batch_first(run, [self.kind])
        found: Tensor = run.kept[self][0].total()
        return found


@dataclass(frozen=True)
class ReluAgreement(ActivationKernel):
    """Number of ReLU units on whose state each pair of samples agrees: (N, N), float64, N_units − Hamming distance.

    Every call of every ReLU counts, so a module used twice counts twice.
    """

    kind: str = "relu"

    def read(self, run: Run) -> Tensor:
        """The sum over all ReLUs.

        Raises:
            Undefined: no ReLU was seen, or the outputs are not finite.
        """
        total = super().read(run)
        if total is None:
            kind = "on a feature map " if self.maps_only else ""
            raise Undefined(f"no ReLU {kind}was seen in the forward pass")
        return total
