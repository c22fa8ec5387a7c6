"""Memory that activations take, in one sample's forward run or until the backward run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode

from naslib_zc_plugin.extend import FORWARD, Forward, NotApplicable, Ones, observation, proxy
from naslib_zc_plugin.passes import ForwardPass, Steps
from naslib_zc_plugin.passes.capture import EVERY
from naslib_zc_plugin.passes.inputs import TwoSamples, tensors

_HIDDEN = "CppFunction"  # nodes of other libraries, which do not show what they save


class _Lives:
    """Storages of a run, each with its bytes and the calls of its life.

    Args:
        held: tensors that are no activations.
        inputs: those that the network is shown, alive from the start.
    """

    def __init__(self, held: Iterable[Tensor], inputs: Iterable[Tensor]) -> None:
        self._lives: dict[int, list[int]] = {}  # storage → bytes, first call, last call
        self._kept: list[StorageWeakRef] = []  # an address is not given again while a reference is there
        self._call = 0
        for tensor in held:
            self._meet(tensor, 0)
        for tensor in inputs:
            self._meet(tensor, tensor.untyped_storage().nbytes())

    def see(self, args: tuple[Any, ...], kwargs: Any, output: Any) -> None:
        """Take in a call: what it reads and returns is alive at it; what nobody returned before is held, or new."""
        made = tensors(output)
        if not made:
            return
        self._call += 1
        for tensor in tensors((args, kwargs)):
            self._meet(tensor, 0)
        for tensor in made:
            self._meet(tensor, tensor.untyped_storage().nbytes())

    def _meet(self, tensor: Tensor, size: int) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._lives:
            self._kept.append(StorageWeakRef(storage))
            self._lives[storage._cdata] = [size, self._call, self._call]
        self._lives[storage._cdata][2] = self._call

    def peak(self) -> int:
        """Return the largest sum of bytes that are alive at one call."""
        changes = [0] * (self._call + 2)
        for size, first, last in self._lives.values():
            changes[first] += size
            changes[last + 1] -= size
        alive, most = 0, 0
        for change in changes:
            alive += change
            most = max(most, alive)
        return most


@observation(setting=Forward(inputs=Ones(), training=False, norm="new"))
def live_bytes(p: ForwardPass) -> Steps[float]:
    """Return the most bytes of activations that are alive at one call of a sample's forward run: float.

    Raises:
        Undefined: weights are packed, as in a quantised network, or calls cannot be seen.
    """
    p.network.check_packed()
    lives = _Lives((*p.weights.values(), *p.buffers.values()), tensors(p.inputs))
    p.on([EVERY], lives.see)
    yield FORWARD
    return float(lives.peak())


class _Recomputed(TorchFunctionMode):
    """Refuses all calls: what a network saved is read without any, unless it is computed again."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Raise NotApplicable."""
        raise NotApplicable("the network does not keep what its backward run needs (checkpoints, offloaded tensors)")


def _saved(start: Any) -> Iterator[Tensor]:
    """Yield the tensors that the nodes of a graph keep for the backward run."""
    seen, nodes = {start}, [start]
    while nodes:
        node = nodes.pop()
        if type(node).__name__ == _HIDDEN:
            raise NotApplicable(f"{node.name()} does not show what it saves for the backward run")
        names = [name for name in dir(node) if name.startswith("_saved_")] or ["saved_tensors"]
        yield from tensors([getattr(node, name, None) for name in names])
        for after, _ in node.next_functions:
            if after is not None and after not in seen:
                seen.add(after)
                nodes.append(after)


@observation(order=1, setting=Forward(inputs=TwoSamples()))
def saved_bytes(p: ForwardPass) -> Steps[float]:
    """Return the bytes of what the graph of the logits keeps for the backward run, per sample of two: float.

    Raises:
        Undefined: weights are packed, no gradient reaches the outputs, or the network does not keep what it needs.
    """
    p.network.check_packed()
    held = {tensor.untyped_storage()._cdata for tensor in (*p.weights.values(), *p.buffers.values())}
    samples = len(tensors(p.inputs)[0])
    logits = yield FORWARD
    last = logits.grad_fn
    if last is None:
        raise NotApplicable("the outputs have no gradient")
    with _Recomputed():
        found = list(_saved(last))
    found = [tensor for tensor in found if tensor.ndim]  # numbers that tensors are multiplied with are no activations
    sizes = {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in found}
    return sum(size for storage, size in sizes.items() if storage not in held) / samples


@proxy(
    needs=lambda phase: [live_bytes() if phase == "inference" else saved_bytes()],
    version=1,
    paper="baseline",
    higher_is_better=True,
)
def peak_activations(size: float, *, phase: Literal["inference", "training"] = "inference") -> float:
    r"""Compute the bytes that activations take at most, for one sample.

    Two definitions, by ``phase``. Storages are counted, each once however many tensors look at it, in the network's
    precision; parameters, buffers and constants that the network holds are left out.

    - ``"inference"``, liveness in a forward run of one sample in evaluation mode:
      :math:`\max_t \sum_{s:\, a_s \le t \le b_s} \mathrm{bytes}(s)`. The calls of torch's functions that return
      tensors are numbered t = 1, 2, …; :math:`a_s` is the call that returns the storage s first (0 for the inputs),
      :math:`b_s` the last one that takes or returns it. At a call its inputs and its outputs are alive, and everything
      that a later call reads, such as the tensor of a shortcut. What a function makes inside it (attention's weights in
      ``scaled_dot_product_attention``) is not seen, and what Python keeps without reading it again is not counted.
    - ``"training"``: :math:`\frac{1}{2} \sum_{s \in S} \mathrm{bytes}(s)`, S: the storages that autograd saves for the
      backward run between the parameters and the logits, in train mode on two samples. With inputs of one precision it
      grows by this for each sample of a batch; the statistics that batch norm saves are the same for any batch.

    The first is a lower bound for a device that runs the calls in this order; allocators, workspaces and fused kernels
    make real memory differ. It depends on the size of the inputs. Higher is better, as a measure of size; as a limit
    (``constraints``) lower is. No data, no labels.

    Args:
        size: bytes.
        phase: ``"inference"`` or ``"training"``.

    Returns:
        The bytes.

    Raises:
        Undefined: the network is quantised; in training, it has no gradients or computes activations again.

    >>> peak_activations(4096.0)
    4096.0
    """
    return size
