"""The inputs of a network: the batch, or inputs that a setting makes of its shape, perhaps with noise.

A batch holds inputs (a tensor, or a mapping or sequence of tensors with the samples first), labels and the loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.passes.capture import Function
from naslib_zc_plugin.passes.degenerate import NotApplicable, Undefined, in_precision
from naslib_zc_plugin.passes.seeding import derived_seed

Loss = Callable[[Any, Any], Tensor]
IGNORED = -100
"""The label that torch's cross-entropy leaves out."""


def cross_entropy(logits: Tensor, labels: Tensor, highest: int | None = None) -> Tensor:
    """Return the cross-entropy, mean over the batch, of logits (N, C) or (N, C, …) and class indices or probabilities.

    Classes come last, too, as language models have them: (N, T, C) with indices (N, T), where that is the one reading.

    Args:
        logits: the network's outputs.
        labels: class indices, integers of any type, or probabilities.
        highest: the highest class index of the batch, if it is known to be one.

    Raises:
        ValueError: labels that do not fit the outputs, or a label beyond the classes (on a GPU the kernel's own check
            would end the process's CUDA context).
    """
    if not isinstance(labels, Tensor):
        raise ValueError(f"labels are a {type(labels).__name__}: cross-entropy needs a tensor, so pass loss=")
    probabilities = labels.is_floating_point()
    classes_second = (*logits.shape[:1], *logits.shape[2:])
    if not probabilities and logits.ndim > 2 and labels.shape == logits.shape[:-1] != classes_second:
        logits = logits.movedim(-1, 1)
    fitting = logits.shape if probabilities else (*logits.shape[:1], *logits.shape[2:])
    if logits.ndim < 2 or logits.is_complex() or labels.shape != fitting:
        raise ValueError(
            f"{_described(labels)} labels and {_described(logits)} outputs have no cross-entropy. It needs outputs "
            "(N, C) or (N, C, …) and integers (N) or (N, …), or probabilities of the outputs' shape. Pass loss= (or "
            "logits=, if the network returns several tensors)"
        )
    if highest is not None and highest >= logits.shape[1]:
        raise ValueError(
            f"label {highest} needs at least {highest + 1} outputs, the network has {logits.shape[1]}: "
            "build it with more classes, or pass loss= (or logits=, if it returns several tensors)"
        )
    return F.cross_entropy(logits, labels if probabilities else labels.long())


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).rpartition('.')[2]} {tuple(tensor.shape)}"


def scalar_loss(loss: Loss, output: Tensor, labels: Any) -> Tensor:
    """Return the value of a loss of one's own: the mean where it is one per sample. It may write to what it is given.

    >>> scalar_loss(lambda output, y: (output[:, 0] - y).square(), torch.tensor([[1.0], [4.0]]), torch.zeros(2))
    tensor(8.5000)

    Args:
        loss: function (output, labels).
        output: the network's outputs, (N, …).
        labels: whatever the loss takes.

    Raises:
        ValueError: it returns something else, or does not depend on the outputs.
    """
    found = loss(output.clone(), tree_map(Tensor.clone, labels))
    if not isinstance(found, Tensor) or not found.is_floating_point():
        kind = _described(found) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"the loss returned {kind}: return a tensor of one real number")
    if output.requires_grad and not found.requires_grad:
        raise ValueError("the loss does not depend on the outputs: it has no gradient (detach, item, no_grad, NumPy?)")
    if found.numel() == 1:
        return found if found.ndim == 0 else found.reshape(())
    if found.ndim and found.numel() == len(found) == len(output):
        return found.mean()
    raise ValueError(f"the loss returned {tuple(found.shape)} numbers: return one, or one per sample")


def tree_map(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """Apply ``function`` to each tensor in the mappings, lists and tuples of ``tree``; keep the rest as it is."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, Mapping):
        return {key: tree_map(function, value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [tree_map(function, value) for value in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree


def tensors(tree: Any) -> list[Tensor]:
    """Return all tensors of a tree, in order."""
    found: list[Tensor] = []
    tree_map(lambda tensor: found.append(tensor) or tensor, tree)  # type: ignore[func-returns-value]
    return found


def in_double(function: Function) -> Function:
    """Return the function, computed in double precision and rounded to the type of its tensors, if they have one."""

    def summed(*args: Any, **kwargs: Any) -> Any:
        given = tensors([args, kwargs])
        types = {each.dtype for each in given if each.is_floating_point() or each.is_complex()}
        held = types.pop() if len(types) == 1 and not {"dtype", "out"} & set(kwargs) else torch.float64
        if in_precision(held, torch.float64) == held:
            return function(*args, **kwargs)

        def inside(value: Tensor) -> Tensor:
            return value.to(in_precision(value.dtype, torch.float64))

        output = function(*tree_map(inside, args), **tree_map(inside, kwargs))
        return output.to(held) if isinstance(output, Tensor) and output.dtype != held else output

    return summed


def with_dtype(tree: Any, dtype: torch.dtype | None) -> Any:
    """Return a tree with its tensors of real and complex numbers in another precision; None: as they are."""
    return tree if dtype is None else tree_map(lambda x: x.to(in_precision(x.dtype, dtype)), tree)


def as_real(tensor: Tensor) -> Tensor:
    """Return a tensor with nothing left out, as sparse ones do, and each complex number as two real ones.

    >>> as_real(torch.tensor([[1 + 2j, 3j]]))
    tensor([[1., 2., 0., 3.]])
    """
    dense = tensor if tensor.layout is torch.strided else tensor.to_dense()
    if not dense.is_complex():
        return dense
    pairs = torch.view_as_real(dense.resolve_conj())
    return pairs.flatten(-2) if dense.ndim else pairs


@dataclass(frozen=True)
class Batch:
    """Inputs with the batch first, labels (None where no asked proxy needs them) and the loss (None: cross-entropy)."""

    inputs: Any
    labels: Any = None
    loss: Loss | None = None

    @property
    def size(self) -> int:
        """Number of samples."""
        return len(tensors(self.inputs)[0])

    @property
    def classes(self) -> Tensor | None:
        """One class index per sample, (N,), or None where the labels are something else (soft labels, sequences)."""
        labels = self.labels
        one_each = isinstance(labels, Tensor) and labels.shape == (self.size,)
        return labels.long() if one_each and not (labels.is_floating_point() or labels.is_complex()) else None

    def objective(self) -> Loss:
        """Return the loss as a function (output, labels) of this batch or a part of it.

        Raises:
            ValueError: a label below 0 that cross-entropy does not leave out.
        """
        if self.loss is not None:
            return partial(scalar_loss, self.loss)
        if not isinstance(self.labels, Tensor) or self.labels.is_floating_point() or self.labels.is_complex():
            return cross_entropy
        indices = self.labels.long()
        indices = indices[indices != IGNORED]
        if not indices.numel():
            return cross_entropy
        lowest, highest = (int(extreme) for extreme in indices.aminmax())
        if lowest < 0:
            raise ValueError(f"label {lowest}: class indices begin with 0 (cross-entropy leaves out {IGNORED})")
        return partial(cross_entropy, highest=highest)

    def to(self, device: torch.device, dtype: torch.dtype) -> Batch:
        """Return the batch on ``device``, with floating-point inputs of ``dtype`` (labels keep their type)."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.detach().to(device, dtype if tensor.is_floating_point() else None)

        labels = tree_map(lambda tensor: tensor.detach().to(device).clone(), self.labels)
        return replace(self, inputs=tree_map(move, self.inputs), labels=labels)

    def chunks(self, most: int) -> Iterator[Tensor]:
        """Yield indices in chunks: whole classes together, up to a quarter of the batch where they allow.

        Args:
            most: number of samples in a chunk, at least one; a larger class comes in several.
        """
        most = max(1, most)
        limit = max(1, min(self.size // 4, most))
        if self.classes is None:
            yield from torch.arange(self.size, device="cpu").split(limit)
            return
        pending: list[Tensor] = []
        for label in self.classes.unique(sorted=True):
            for members in torch.nonzero(self.classes == label).flatten().split(most):
                if pending and sum(map(len, pending)) + len(members) > limit:
                    yield torch.cat(pending)
                    pending = []
                pending.append(members)
        yield torch.cat(pending)

    def sample(self, index: int | Tensor) -> tuple[Any, Any]:
        """Return the inputs and labels of one sample, without the batch's dimension; or of several, with it."""
        return tree_map(lambda tensor: tensor[index], self.inputs), tree_map(lambda x: x[index], self.labels)

    def take(self, indices: Tensor) -> Batch:
        """Return the samples at ``indices``, as a batch."""
        inputs, labels = self.sample(indices)
        return replace(self, inputs=inputs, labels=labels)


@dataclass(frozen=True)
class Inputs(ABC):
    """The inputs that a pass shows the network.

    Attributes:
        draws: whether it is drawn, so that it depends on the seed.
        data: whether it depends on the batch's values, not on its shape alone.
    """

    draws: ClassVar[bool] = False
    data: ClassVar[bool] = False

    @property
    @abstractmethod
    def seed_name(self) -> str:
        """The text under which it is hashed into seeds; it never changes."""

    @abstractmethod
    def shown(self, batch: Batch) -> tuple[Any, ...]:
        """Return the inputs of the pass's forward runs, one after another."""

    def chosen(self, batch: Batch) -> Batch:
        """Return the samples of a batch that a pass is about, with their labels; by default all."""
        return batch

    def replacements(self, inputs: Any, seed: int) -> Mapping[Function, Function]:
        """Return functions that stand for torch's in the forward run of these inputs; by default none."""
        return {}

    def explained(self, error: Exception, takes_batch: Callable[[], bool]) -> Exception:
        """Return an error of the pass, with what these inputs have to do with it."""
        return error


@dataclass(frozen=True)
class BatchInputs(Inputs):
    """The batch itself (a copy: a network that writes into its input does not reach the user's)."""

    data: ClassVar[bool] = True
    seed_name: ClassVar[str] = "Given()"

    def shown(self, batch: Batch) -> tuple[Any, ...]:
        """Return the input of the one forward run."""
        return (tree_map(Tensor.clone, batch.inputs),)


@dataclass(frozen=True)
class Part(BatchInputs):
    """One of several parts of the batch, which hold its samples in order and are as large as each other, or one more.

    >>> batch = Batch(torch.arange(5.0), torch.arange(5))
    >>> Part(0, 2).chosen(batch).labels, Part(1, 2).chosen(batch).labels
    (tensor([0, 1, 2]), tensor([3, 4]))

    Attributes:
        index: of the part, from 0.
        parts: their number.
    """

    index: int
    parts: int

    @property
    def seed_name(self) -> str:  # type: ignore[override]
        """The text under which it is hashed into seeds; it never changes."""
        return f"Part(index={self.index!r}, parts={self.parts!r})"

    def chosen(self, batch: Batch) -> Batch:
        """Return the part.

        Raises:
            Undefined: there are fewer samples than parts.
        """
        if batch.size < self.parts:
            raise Undefined(f"a batch of {batch.size} has no {self.parts} parts")
        return batch.take(torch.arange(batch.size, device="cpu").tensor_split(self.parts)[self.index])


@dataclass(frozen=True)
class First(BatchInputs):
    """The first samples of the batch; all where it holds no more.

    >>> First(2).chosen(Batch(torch.arange(5.0), torch.arange(5))).labels
    tensor([0, 1])

    Attributes:
        samples: their number.
    """

    samples: int

    @property
    def seed_name(self) -> str:  # type: ignore[override]
        """The text under which it is hashed into seeds; it never changes."""
        return f"First(samples={self.samples!r})"

    def chosen(self, batch: Batch) -> Batch:
        """Return these samples."""
        return batch.take(torch.arange(min(self.samples, batch.size), device="cpu"))


@dataclass(frozen=True)
class Ones(Inputs):
    """A single sample of ones. Integer inputs (tokens) have no size: the first sample's stay.

    >>> Ones().shown(Batch(torch.zeros(4, 2)))
    (tensor([[1., 1.]]),)
    """

    seed_name: ClassVar[str] = "Ones()"

    def shown(self, batch: Batch) -> tuple[Any, ...]:
        """Return the input of the one forward run."""
        return (tree_map(lambda x: x[:1].clone() if holds_tokens(x) else torch.ones_like(x[:1]), batch.inputs),)


@dataclass(frozen=True)
class TwoSamples(Inputs):
    """The first two samples, the fewest that batch norm always takes: for values that depend on shapes alone."""

    seed_name: ClassVar[str] = "Few()"

    def shown(self, batch: Batch) -> tuple[Any, ...]:
        """Return the input of the one forward run."""
        return (tree_map(lambda x: x[:2].clone(), batch.inputs),)


@dataclass(frozen=True)
class NormalPair(Inputs):
    """x ~ N(0, 1) of the samples' shape, then x + gamma·x' with x' ~ N(0, 1): two forward runs.

    >>> first, second = NormalPair(0.01, size=3).shown(Batch(torch.zeros(4, 2)))
    >>> tuple(first.shape), float((second - first).abs().max()) < 0.1
    ((3, 2), True)

    Attributes:
        gamma: size of the perturbation.
        size: number of samples.
    """

    gamma: float
    size: int = 16
    draws: ClassVar[bool] = True

    @property
    def seed_name(self) -> str:
        """The text under which it is hashed into seeds; it never changes."""
        return f"NormalPair(gamma={self.gamma!r}, size={self.size!r})"

    def shown(self, batch: Batch) -> tuple[Any, ...]:
        """Return the inputs of the two forward runs.

        Raises:
            Undefined: inputs that are no real numbers (tokens).
        """
        if holds_tokens(batch.inputs):
            raise NotApplicable("the inputs are not real numbers: nothing normal can be drawn in their place")
        # Of the shape alone: randn_like draws in the order of the memory.
        first = tree_map(self._drawn, batch.inputs)
        return first, tree_map(lambda x: x + self.gamma * self._drawn(x), first)

    def _drawn(self, like: Tensor) -> Tensor:
        return torch.randn((self.size, *like.shape[1:]), dtype=like.dtype, device=like.device)


@dataclass(frozen=True)
class Noise(Inputs):
    """Real inputs drawn from N(0, 1). Tokens stay, and what an embedding of them gives is drawn in its place.

    >>> tuple(Noise(samples=1, size=64).shown(Batch(torch.zeros(4, 3, 8, 8)))[0].shape)
    (1, 3, 64, 64)

    Attributes:
        samples: number of samples; None: as many as the batch has.
        size: height and width of images, (N, C, H, W); None: those of the batch. Other inputs keep their shape.
    """

    samples: int | None = None
    size: int | None = None
    draws: ClassVar[bool] = True

    @property
    def seed_name(self) -> str:
        """The text under which it is hashed into seeds; it never changes."""
        return f"Noise(samples={self.samples!r}, size={self.size!r})"

    def shown(self, batch: Batch) -> tuple[Any, ...]:
        """Return the input of the one forward run."""
        return (tree_map(self._drawn, batch.inputs),)

    def _drawn(self, like: Tensor) -> Tensor:
        if holds_tokens(like):
            return like[: self.samples].clone()
        shape = [self.samples or len(like), *like.shape[1:]]
        if self.size is not None and like.ndim == 4:
            shape[2:] = self.size, self.size
        return torch.randn(shape, dtype=like.dtype, device=like.device)

    def replacements(self, inputs: Any, seed: int) -> Mapping[Function, Function]:
        """Return what stands for embeddings where there are tokens."""
        drawn = [0]

        def embedding(*args: Any, **kwargs: Any) -> Tensor:
            output = F.embedding(*args, **kwargs)
            if not embeds_input(args, kwargs, inputs):
                return output
            drawn[0] += 1
            return _normal(output, seed, drawn[0])

        return {F.embedding: embedding} if holds_tokens(inputs) else {}

    def explained(self, error: Exception, takes_batch: Callable[[], bool]) -> Exception:
        """Return an error with the size of the images; a network that takes those of the batch alone has no fault."""
        if self.size is None:
            return error
        kind = "" if isinstance(error, Undefined) else f"{type(error).__name__}: "
        text = f"{kind}{error} (on noise of {self.size} × {self.size} pixels: size=None takes the batch's size)"
        if isinstance(error, Undefined):
            return type(error)(text)
        return NotApplicable(text) if takes_batch() else RuntimeError(text)


# Tokens --------------------


def holds_tokens(inputs: Any) -> bool:
    """Return whether some of the inputs are no real or complex numbers."""
    return not all(tensor.is_floating_point() or tensor.is_complex() for tensor in tensors(inputs))


def embeds_tokens(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor, inputs: Any) -> bool:
    """Return whether a call of ``F.embedding`` was on the batch's tokens, and not on positions, as many as samples."""
    samples = len(tensors(inputs)[0])
    if output.ndim < 2 or len(output) != samples:
        return False
    indices = args[0] if args else kwargs["input"]
    counted = indices.ndim == 1 and torch.equal(indices, torch.arange(samples, device=indices.device))
    return not counted or any(tensor.ndim == 1 for tensor in tensors(inputs))


def embeds_input(args: tuple[Any, ...], kwargs: Mapping[str, Any], inputs: Any) -> bool:
    """Return whether a call of ``F.embedding`` looks up one of the inputs as it is, in whatever order and shape.

    Positions, and types that the network makes by itself, are none.
    """
    indices = args[0] if args else kwargs["input"]
    ordered = indices.flatten().sort().values
    tokens = (each for each in tensors(inputs) if holds_tokens(each) and each.numel() == indices.numel())
    return any(torch.equal(each.flatten().to(indices.dtype).sort().values, ordered) for each in tokens)


# Noise --------------------


def with_noise(values: Tensor, amplitude: float, seed: int) -> Tensor:
    """Return ``values`` + amplitude · v · n: v the variance over the batch, n ~ N(0, 1), one for every amplitude."""
    drawn = _normal(values, seed)
    return values + amplitude * values.detach().var(0, unbiased=False, keepdim=True) * drawn


def _normal(like: Tensor, *names: int) -> Tensor:
    seed, *more = names
    generator = torch.Generator("cpu").manual_seed(derived_seed(seed, "noise", *more))
    drawn = torch.randn(like.shape, generator=generator, dtype=torch.float32, device="cpu")
    return drawn.to(like.device, like.dtype)


def noisy_inputs(inputs: Any, amplitude: float, seed: int) -> Any:
    """Return real inputs with noise, and tokens as they are."""
    return tree_map(lambda x: with_noise(x, amplitude, seed) if x.is_floating_point() else x, inputs)


def noisy_embedding(inputs: Any, amplitude: float, seed: int) -> Mapping[Function, Function]:
    """Return the replacement of embeddings where the inputs are tokens: noise on the output of the first one."""
    if any(tensor.is_floating_point() for tensor in tensors(inputs)):
        return {}
    done = [False]

    def embedding(*args: Any, **kwargs: Any) -> Tensor:
        output = F.embedding(*args, **kwargs)
        if done[0] or not embeds_tokens(args, kwargs, output, inputs):
            return output
        done[0] = True
        return with_noise(output, amplitude, seed)

    return {F.embedding: embedding}
