"""Settings of a pass and observations of it, which are values, and the requests that observations make.

An observation is a generator; :mod:`.engine` has the table of its requests and their answers.
"""

from __future__ import annotations

import enum
import functools
import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Callable, ClassVar, TypeVar

import torch
from torch import Tensor

from naslib_zc_plugin.passes.degenerate import Undefined
from naslib_zc_plugin.passes.inputs import Batch, BatchInputs, Inputs, Loss, noisy_embedding
from naslib_zc_plugin.passes.isolation import default_type
from naslib_zc_plugin.passes.network import OriginalWeights, Weights

logger = logging.getLogger(__name__)
Value = TypeVar("Value")
Steps = Generator[Any, Any, Value]
"""A generator of requests that ends with a value, as an observation's function returns it."""


class Request(enum.Enum):
    """The requests without parameters."""

    FORWARD = "the network runs now"
    NEXT = "the next chunk of samples"
    AGAIN = "all chunks once more"


FORWARD, NEXT, AGAIN = Request.FORWARD, Request.NEXT, Request.AGAIN


TARGETS = ("logits", "loss", "hessian", "hessian_weights", "tensor", "each")
"""The values that can be differentiated by name, and tensors of the pass, in the order of the work."""
HESSIANS = frozenset(["hessian", "hessian_weights"])


@dataclass(frozen=True, eq=False)
class Grad:
    """A request for the gradient of something by some tensors of the pass.

    >>> @observation(labels=True, order=1)
    ... def largest_gradients(p):
    ...     yield FORWARD
    ...     (gradients,) = yield (Grad("loss", p.layers),)
    ...     return [gradient.abs().max().item() for gradient in gradients]

    Attributes:
        of: ``"logits"``: of the sum of all logits; ``"loss"``; ``"hessian"``: of the product of the loss gradient by
            all layers' weights, held fixed, with itself, which is the Hessian times the gradient;
            ``"hessian_weights"``: of its product with these weights, the Hessian times the weights; ``"each"``: of each
            sample's sum of logits, which gives one list of gradients per sample; or a tensor of the pass.
        by: leaves (``p.weights``, ``p.layers``, ``p.inputs``) or tensors that were seen in the forward run.
        fold: called with the position in ``by`` and the gradient as soon as it is there, so that no more than one is
            held; not called where the target does not depend on the tensor.
        leaves: with a fold, the leaves by which is differentiated; the gradients pass all of ``by`` on their way to
            them. None: all.
        grad_outputs: weights of the elements of a tensor ``of``; None: it is a scalar.
        zeros: whether zeros are sent where the target does not depend on a tensor; otherwise None.
    """

    of: str | Tensor
    by: Sequence[Tensor]
    fold: Callable[[int, Tensor], None] | None = None
    leaves: Sequence[Tensor] | None = None
    grad_outputs: Tensor | None = None
    zeros: bool = True

    def __post_init__(self) -> None:
        """Check the target."""
        names = [name for name in TARGETS if name != "tensor"]
        if isinstance(self.of, str) and self.of not in names:
            raise TypeError(f"Grad takes of= one of {', '.join(names)} or a tensor, not {self.of!r}")
        if self.fold is not None and isinstance(self.of, str) and self.of == "each":
            raise TypeError('Grad("each") takes no fold')


@dataclass(frozen=True)
class Setting(ABC):
    """How the network is run. Settings are values: observations whose settings are equal share one pass.

    Attributes:
        runs: whether the network is run at all; if not, nothing of it can change.
        draws: whether the pass draws its own weights or inputs, so that values depend on the seed.
        data: whether it shows the batch's values, not only something of its shape.
        view: the class of its passes, see :class:`~.engine.Pass`.
    """

    runs: ClassVar[bool] = True
    draws: ClassVar[bool] = False
    data: ClassVar[bool] = True
    view: ClassVar[type]

    @property
    @abstractmethod
    def seed_name(self) -> str:
        """The text under which the setting is hashed into seeds; it never changes."""

    def can_join(self, passes: Mapping[Setting, Sequence[Observation]]) -> Setting | None:
        """Return the setting of another of the passes in which this one's observations see the same."""
        return None

    def surroundings(self) -> AbstractContextManager[Any]:
        """Return the context in which the pass is made."""
        return nullcontext()

    def explained(self, error: Exception, takes_batch: Callable[[], bool]) -> Exception:
        """Return an error of the pass, with what the setting has to do with it.

        Args:
            error: of the network or of torch.
            takes_batch: tells whether the network runs on the batch as it is.
        """
        return error


@dataclass(frozen=True)
class Observation:
    """A function that looks at a pass, with its arguments, and its needs, which must be known before the pass.

    Attributes:
        function: see the table of this module; compared by identity.
        arguments: names and values, all of them, so that equal observations are equal values.
        setting: how the network runs.
        labels: whether the batch's labels are needed.
        order: 0: no gradients; 1: gradients; 2: a product with the Hessian, too.
        input_gradient: whether gradients by the inputs are needed.
    """

    function: Callable[..., Any]
    arguments: tuple[tuple[str, Any], ...]
    setting: Setting
    labels: bool = False
    order: int = 0
    input_gradient: bool = False

    @property
    def data(self) -> bool:
        """Whether the batch's values are looked at, not only its shape."""
        return self.setting.data

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.function.__name__)

    def undeclared(self, grads: Sequence[Grad], inputs: Sequence[Tensor]) -> str:
        """Return the missing declarations of these requests; an empty text where none is missing.

        Args:
            grads: the requests.
            inputs: the tensors that the network is shown.
        """
        names = {grad.of if isinstance(grad.of, str) else "tensor" for grad in grads}
        shown = {id(tensor) for tensor in inputs}
        missing = {
            "order=1": self.order < 1,
            "order=2": self.order < 2 and bool(names & HESSIANS),
            "labels=True": not self.labels and bool(names & {"loss", *HESSIANS}),
            "input_gradient=True": not self.input_gradient and any(id(t) in shown for grad in grads for t in grad.by),
        }
        return ", ".join(name for name, needed in missing.items() if needed)


@dataclass(frozen=True)
class Observed:
    """The value of an observation or the error instead of it, and the seconds of everything that it needed.

    ``detours`` are the ways that its pass took because an error barred the usual one.
    """

    value: Any
    error: Exception | None
    seconds: float
    detours: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Drop the frames that the error came through: they hold the pass's tensors."""
        error: BaseException | None = self.error
        if error is not None and error.__traceback__ is not None:
            logger.debug("an observation failed", exc_info=error)
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            BaseException.with_traceback(error, None)
            error = error.__cause__ or error.__context__


# Settings --------------------


@dataclass(frozen=True)
class NoForward(Setting):
    """No run at all: an observation of the network at rest is a function without yield.

    >>> @observation(setting=NoForward())
    ... def depth(p):
    ...     return len(p.network.layers)
    """

    runs: ClassVar[bool] = False
    data: ClassVar[bool] = False
    seed_name: ClassVar[str] = "Still()"


@dataclass(frozen=True)
class Forward(Setting):
    """The network runs on a whole batch.

    >>> from naslib_zc_plugin.extend import Reinitialized
    >>> Forward(Reinitialized("normal")).draws
    True

    Attributes:
        weights: parameters and buffers in force.
        inputs: the inputs of the network.
        training: mode of all modules. In either, batch norm takes the statistics of the batch.
        norm: ``"batch"``; ``"off"``: batch norm passes its input on; ``"new"``: it scales and shifts alone, as a new
            one does in evaluation mode, whose running mean is 0 and variance 1.
        keep_norm: shell-style pattern of the names of modules whose batch norm stays on all the same.
        dtype: of parameters, buffers, inputs and all that the network casts or makes; None: the network's own.
        noise: amplitude of the noise on the inputs, see :func:`~.inputs.with_noise`; 0: none.
        without_graph: not in the pass of observations of gradients, in which some functions round otherwise.
    """

    weights: Weights = OriginalWeights()
    inputs: Inputs = BatchInputs()
    training: bool = True
    norm: str = "batch"
    keep_norm: str = ""
    dtype: torch.dtype | None = None
    noise: float = 0.0
    without_graph: bool = False

    @property
    def seed_name(self) -> str:
        """The text under which the setting is hashed into seeds; later fields enter it where they differ."""
        first = f"weights={self.weights.seed_name}, inputs={self.inputs.seed_name}, training={self.training!r}"
        rest = f"norm={self.norm!r}, keep_norm={self.keep_norm!r}, dtype={self.dtype!r}, noise={self.noise!r}"
        return f"Forward({first}, {rest})"

    @property
    def draws(self) -> bool:  # type: ignore[override]
        """Whether weights, inputs or noise are drawn."""
        return self.weights.draws or self.inputs.draws or bool(self.noise)

    @property
    def data(self) -> bool:  # type: ignore[override]
        """Whether the inputs are made of the batch's values."""
        return self.inputs.data

    def can_join(self, passes: Mapping[Setting, Sequence[Observation]]) -> Setting | None:
        """Return the same setting with a graph, if there is such a pass and nothing is differentiated in it."""
        together = replace(self, without_graph=False)
        company = passes.get(together, ())
        return together if self.without_graph and company and not any(each.order for each in company) else None

    def surroundings(self) -> AbstractContextManager[Any]:
        """Return the pass's type as torch's default: a network may make tensors of that (a first state of zeros)."""
        return nullcontext() if self.dtype is None else default_type(self.dtype)

    def replacements(self, inputs: Any, seed: int) -> Mapping[Callable[..., Any], Callable[..., Any]]:
        """Return the functions that stand for torch's in the forward run of these inputs."""
        noisy = noisy_embedding(inputs, self.noise, seed) if self.noise else {}
        return {**noisy, **self.inputs.replacements(inputs, seed)}

    def explained(self, error: Exception, takes_batch: Callable[[], bool]) -> Exception:
        """Return an error of the pass, with what the inputs have to do with it."""
        return self.inputs.explained(error, takes_batch)


@dataclass(frozen=True)
class PerSample(Setting):
    """Each sample a batch of one, in train mode; in chunks of whole classes, a quarter of the batch where they allow.

    Small chunks keep the memory below that of one ordinary forward and backward run; a class that does not fit comes
    in several chunks, one after the other. Values do not depend on ``memory``, except by rounding and where the network
    draws random numbers (dropout), which are others in other chunks.

    Attributes:
        memory: bytes for gradients of single samples: a chunk takes a quarter (or one sample), for making it takes as
            much again, and what an observation keeps of earlier chunks should take no more than half.
        of: what is differentiated: ``"loss"``; ``"target"``: the logit of the sample's class; ``"logits"``: each logit
            in turn, for which all samples come again, without labels.

    >>> @observation(labels=True, order=1, setting=PerSample())
    ... def largest_norm(p):
    ...     largest = 0.0
    ...     while (chunk := (yield NEXT)) is not None:
    ...         norms = torch.cat(chunk.gradients, 1).norm(dim=1)
    ...         largest = max(largest, norms.max().item())
    ...     return largest
    """

    memory: int = 1 << 29
    of: str = "loss"
    seed_name: ClassVar[str] = "PerSample()"

    @property
    def value(self) -> str:
        """What is differentiated, in one word."""
        return "loss" if self.of == "loss" else "logit"

    @property
    def declared(self) -> Grad:
        """A request that observations of it must have declared: labels, unless each logit comes in turn."""
        return Grad("logits" if self.of == "logits" else "loss", ())

    def objective(self, batch: Batch) -> Loss:
        """Return the function (output, labels) that is differentiated.

        Raises:
            Undefined: labels are not one class index per sample.
            ValueError: a label below 0.
        """
        if self.of != "target":
            return batch.objective() if self.of == "loss" else class_logit
        if batch.classes is None:
            raise Undefined("a sample's logit is that of its class: labels must be one class index per sample")
        lowest, highest = (int(extreme) for extreme in batch.classes.aminmax())
        if lowest < 0:
            raise ValueError(f"label {lowest}: class indices begin with 0")
        return functools.partial(class_logit, highest=highest)

    def batches(self, batch: Batch, logits: Tensor) -> list[Batch]:
        """Return the batch, or for each logit the batch with its index as labels; ``logits`` are those of a sample."""
        if self.of != "logits":
            return [batch]
        indices = torch.arange(logits.shape[-1], device=logits.device)
        return [replace(batch, labels=index.expand(batch.size)) for index in indices]


def class_logit(logits: Tensor, labels: Tensor, highest: int = 0) -> Tensor:
    """Return the sum over samples of the logit, of (N, C), that each one's class index names.

    Args:
        logits: the network's outputs.
        labels: class indices, (N,).
        highest: of the whole batch.

    Raises:
        Undefined: the logits are no row of real numbers for each sample.
        ValueError: there is no logit of the highest class index.
    """
    if logits.ndim != 2 or logits.is_complex():
        raise Undefined(f"outputs of shape {tuple(logits.shape)} are not one row of logits for each sample")
    if highest >= logits.shape[1]:
        raise ValueError(f"label {highest} needs at least {highest + 1} outputs, the network has {logits.shape[1]}")
    return logits.gather(1, labels.long()[:, None]).sum()


# Declarations --------------------


def observation(
    *,
    labels: bool = False,
    order: int = 0,
    input_gradient: bool = False,
    setting: Setting | Callable[..., Setting] = Forward(),
) -> Callable[[Callable[..., Any]], Callable[..., Observation]]:
    """Make a function an observation, see :mod:`.engine`. Called with its arguments it gives an Observation.

    >>> @observation()
    ... def sparsity(p, kind="relu"):
    ...     shares = []
    ...     p.on(kind, lambda output: shares.append((output == 0).float().mean().item()))
    ...     yield FORWARD
    ...     return shares
    >>> sparsity() == sparsity("relu") == sparsity(kind="relu", setting=Forward())
    True

    Args:
        labels: whether it needs the batch's labels.
        order: 0: no gradients; 1: gradients; 2: a product with the Hessian, too.
        input_gradient: whether it needs gradients by the inputs.
        setting: how the network runs; a function of the arguments where it depends on them; by default as it
            is, on the whole batch. The keyword ``setting`` of a call comes before it.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Observation]:
        signature = inspect.Signature(list(inspect.signature(function).parameters.values())[1:])
        usual = setting

        @functools.wraps(function)
        def make(*args: Any, setting: Setting | None = None, **kwargs: Any) -> Observation:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            chosen = setting or (usual if isinstance(usual, Setting) else usual(**bound.arguments))
            made = Observation(function, tuple(bound.arguments.items()), chosen, labels, order, input_gradient)
            hash(made)  # arguments that are no values are refused where they are given
            return made

        return make

    return decorate
