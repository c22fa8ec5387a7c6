"""A user's network as passes see it: named tensors that can be substituted, its weight layers, its logits.

Below it, the weights that a pass may put into force: the network's own, their absolute values, or new ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, ClassVar, TypeVar, Union

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from naslib_zc_plugin.passes.degenerate import NotApplicable
from naslib_zc_plugin.passes.inputs import tensors
from naslib_zc_plugin.passes.seeding import seed_everything
from naslib_zc_plugin.passes.snapshot import HOOKS, Snapshot, own_attributes

Logits = Union[None, int, str, Callable[[Any], Tensor]]
Result = TypeVar("Result")
_BARE = 0.02  # deviation of what no module draws by itself, as transformers draw their tokens and positions
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)


@dataclass(frozen=True)
class Layer:
    """One convolution or linear layer: its weight in force and, where asked for, the gradient (or zeros).

    >>> Layer("stem.weight", torch.ones(2, 3), torch.zeros(2, 3)).name
    'stem.weight'

    Biases, norm layers' scales and embeddings are never among the layers, nor are weights of other modules: the input
    projection of ``nn.MultiheadAttention``, those of ``nn.LSTM`` and its like, of GPT-2's ``Conv1D``. A weight that
    several modules share is one layer.
    """

    name: str
    weight: Tensor
    gradient: Tensor


def some(names: Sequence[str], most: int = 3) -> str:
    """Return the first few of some names as text, and how many more there are.

    >>> some(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def module_of(parameter: str) -> str:
    """Return the name of a parameter's module, without what ``torch.compile`` puts into it.

    >>> module_of("attention.query._orig_mod.weight")
    'attention.query'
    """
    return without_compiled(parameter.rpartition(".")[0])


def without_compiled(name: str) -> str:
    """Return the name of a module, without what ``torch.compile`` puts into it.

    >>> without_compiled("_orig_mod.stem")
    'stem'
    """
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def pick_logits(output: Any, logits: Logits) -> Tensor:
    """Return the logits among the values that a network returned.

    Args:
        output: a tensor, or tensors in tuples, lists or mappings.
        logits: position, key or attribute, or a function of the output. A tensor alone is the logits, whatever position
            or key is named: a network may return several tensors in train mode only. None: the output's ``"logits"``
            where it has that key, its only tensor where there is one.

    Raises:
        ValueError: there are several tensors and no choice among them, or ``logits`` names none.
    """
    if isinstance(output, Tensor) and not callable(logits):
        return output
    chosen: Any = None
    if callable(logits):
        chosen = logits(output)
    elif logits is not None:
        try:
            chosen = getattr(output, logits) if isinstance(logits, str) and hasattr(output, logits) else output[logits]
        except (KeyError, IndexError, TypeError):
            chosen = None
    elif isinstance(output, Mapping) and "logits" in output:
        chosen = output["logits"]
    elif len(tensors(output)) == 1:
        chosen = tensors(output)[0]
    if isinstance(chosen, Tensor):
        return chosen
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors(output)) or "no tensor"
    kind = type(output).__name__
    raise ValueError(
        f"logits={logits!r} picks no tensor from the network's {kind} of shapes {shapes}: "
        "pass logits= a position, a key or a function"
    )


def computed_weights(part: nn.Module) -> list[str]:
    """Return the tensors of a module that parametrizations, or hooks of its own before each call, compute.

    Such a hook is an object that names the attribute that it sets (the older weight_norm and spectral_norm, prune).
    """
    if "parametrizations" in part._modules:  # of its own: a compiled module has the attributes of what it compiles
        return list(part.parametrizations)  # type: ignore[arg-type]
    return [name for _, _, name in _weight_hooks(part)]


def _weight_hooks(part: nn.Module) -> list[tuple[int, Callable[..., Any], str]]:
    """Return the hooks that compute a weight: key, hook and the attribute that it sets."""
    found = []
    for key, hook in part._forward_pre_hooks.items():
        name = getattr(hook, "name", None) or getattr(hook, "_tensor_name", None)
        if isinstance(name, str) and isinstance(part.__dict__.get(name), Tensor):
            found.append((key, hook, name))
    return found


def _make_weights_plain(part: nn.Module) -> None:
    """Turn the computed weights of a module into plain parameters of equal value.

    Proxies are about the weight that the layer multiplies with, and passes substitute weights by name.
    """
    if "parametrizations" in part._modules:
        made: Any = part.parametrizations
        values = {name: (getattr(part, name).detach(), "original" in one._buffers) for name, one in made.items()}
        part.__class__ = type(part).__mro__[1]
        del part._modules["parametrizations"]
    else:
        values = {}
        for key, hook, name in _weight_hooks(part):
            hook(part, None)
            values[name] = part.__dict__.pop(name).detach(), False
            del part._forward_pre_hooks[key]
            for source in [source for source in part._parameters if source.startswith(f"{name}_")]:
                del part._parameters[source]
    for name, (value, is_buffer) in values.items():
        if is_buffer:
            part._buffers[name] = value
        else:
            part._parameters[name] = nn.Parameter(value, value.is_floating_point() or value.is_complex())


def memory(tensor: Any) -> int | None:
    """Return where the memory of a tensor lies, which it shares with its views; None where it has none of its own."""
    plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout is torch.strided
    return (tensor.untyped_storage().data_ptr() or None) if plain else None


def _places(parts: Mapping[str, nn.Module], *kinds: str) -> list[tuple[dict[str, Any], str, Tensor, str]]:
    """Return where modules hold tensors: the registry, the name in it, the tensor, and its name in the network."""
    return [
        (vars(part)[kind], name, value, f"{path}.{name}" if path else name)
        for path, part in parts.items()
        for kind in kinds
        for name, value in vars(part)[kind].items()
        if value is not None
    ]


def _named(parts: Mapping[str, nn.Module], kind: str) -> dict[str, Tensor]:
    """Return the distinct tensors of a kind of registry of modules under their first names, as torch names them."""
    found: dict[int, tuple[str, Tensor]] = {}
    for _, _, value, full in _places(parts, kind):
        found.setdefault(id(value), (full, value))
    return dict(found.values())


def named_parts(module: nn.Module) -> dict[str, nn.Module]:
    """Return a module and all within it under their first names, as ``named_modules`` does, which takes long for many.

    >>> list(named_parts(nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU()))))
    ['', '0', '1', '1.0']
    """
    found: dict[str, nn.Module] = {}
    seen = set()

    def follow(path: str, part: nn.Module) -> None:
        seen.add(id(part))
        found[path] = part
        for name, inner in part._modules.items():
            if inner is not None and id(inner) not in seen:
                follow(f"{path}.{name}" if path else name, inner)

    follow("", module)
    return found


class Network:
    """An isolated module (see :func:`~naslib_zc_plugin.passes.isolation.isolated`) with the choice of its logits.

    Weights that parametrizations, weight_norm, spectral_norm or prune compute are made plain parameters: a layer has
    one weight, the one that it holds when it is called.

    Attributes:
        stored: number of values of each distinct parameter, by name, as the user's network stores them.
        parameters: each distinct parameter under its first name, detached.
        buffers: likewise.
        layers: names, among ``parameters``, of the weights of convolution and linear modules, in module order.
        layer_modules: these modules, and the names of their weights: also those that are no parameters.
        parts: the modules under their first names.
        kept: of a network of fresh weights (:func:`with_fresh_weights`), names of the parameters that have the values
            which the user's network holds, and these are not all equal.
    """

    def __init__(self, module: nn.Module, logits: Logits = None) -> None:
        self.module = module
        self.logits = logits
        self.kept: list[str] = []
        parts = named_parts(module)
        named = _named(parts, "_parameters")
        self.stored = {name: value.numel() for name, value in named.items()}
        computing = [part for part in parts.values() if computed_weights(part)]
        for part in computing:
            _make_weights_plain(part)
        held = named_parts(module) if computing else parts
        named = _named(held, "_parameters") if computing else named
        self.parts, self._altered = held, bool(computing)
        self.parameters: dict[str, Tensor] = {name: value.detach() for name, value in named.items()}
        self.buffers: dict[str, Tensor] = {name: value.detach() for name, value in _named(held, "_buffers").items()}
        self._names = {id(value): name for name, value in named.items()}
        layers = ((path, part) for path, part in parts.items() if isinstance(part, LAYERS))
        self.layer_modules = {part: self._weight_name(path, part) for path, part in layers}
        names = dict.fromkeys(self.layer_modules.values())
        self.layers: tuple[str, ...] = tuple(name for name in names if name in self.parameters)
        self._memory = {memory(value) for value in self.parameters.values()} - {None}

    def name_of(self, parameter: Tensor | None) -> str | None:
        """Return the name under which a module's parameter stands in ``parameters``; None for None."""
        return self._names.get(id(parameter))

    def _weight_name(self, path: str, part: nn.Module) -> str:
        weight: Any = getattr(part, "weight", None)
        return self.name_of(weight) or (f"{path}.weight" if path else "weight")

    def shares_memory(self, tensor: Any) -> bool:
        """Return whether a tensor lies in the memory of a parameter that the network holds."""
        return memory(tensor) in self._memory

    @cached_property
    def _attributes(self) -> dict[str, list[tuple[str, Any]]]:
        """Attributes of the modules that can hold something."""
        return {name: own_attributes(vars(part)) for name, part in self.parts.items()}

    @cached_property
    def packed(self) -> list[str]:
        """Names of the modules whose weights are packed, as in quantised networks, where nothing can read them."""
        return [name for name, part in self.parts.items() if torch.ScriptObject in map(type, vars(part).values())]

    @cached_property
    def snapshot(self) -> Snapshot:
        """The state in which each pass finds the module, but for the modes of its parts, which every pass sets."""
        return (None if self._altered else Snapshot.lent(self.module)) or Snapshot(self.module)

    def set_mode(self, training: bool) -> None:
        """Set the mode of each part."""
        for part in self.parts.values():
            if part.training is not training:
                part.training = training

    @cached_property
    def cached(self) -> bool:
        """Whether modules keep parameters, parts of them, or tensors computed of them, that they do not register.

        Such a tensor may be in use where a pass substitutes parameters.
        """
        parts = self.parts.values()
        hooks = [vars(part)[name] for part in parts if any(map(vars(part).get, HOOKS)) for name in HOOKS]
        # Torch's recurrent layers renew their list of flat weights by themselves.
        own = (value for each in self._attributes.values() for name, value in each if name != "_flat_weights")
        pending: list[Any] = [*hooks, *own]
        registered = set(parts)
        while pending:
            value = pending.pop()
            if isinstance(value, Tensor) and (value.requires_grad or self.shares_memory(value)):
                return True
            if isinstance(value, nn.Module) and value not in registered:
                registered.add(value)
                pending += value.parameters()
            elif isinstance(value, (list, tuple)):
                pending += value
            elif isinstance(value, (dict, Mapping)):
                pending += value.values()
        return False

    def check_packed(self) -> None:
        """Check that all weights can be read.

        Raises:
            Undefined: some are packed.
        """
        if self.packed:
            raise NotApplicable(
                f"the weights of {some(self.packed)} are packed (the network is quantised): score it before that"
            )

    def check_layers(self) -> None:
        """Check that the network has layers.

        Raises:
            Undefined: it has none, or weights that nothing can read.
        """
        self.check_packed()
        if not self.layers:
            raise NotApplicable("the network has no convolution or linear layer")

    @property
    def device(self) -> torch.device:
        """Where the first parameter (or buffer) lives; the CPU for a network without any."""
        every = (*self.parameters.values(), *self.buffers.values())
        return every[0].device if every else torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        """The type of the first floating-point parameter; the default type for a network without any."""
        real = (value.dtype for value in self.parameters.values() if value.is_floating_point())
        return next(real, torch.get_default_dtype())

    def under(self, tensors: Mapping[str, Tensor], body: Callable[[], Result]) -> Result:
        """Return what ``body`` returns, which runs with ``tensors`` as parameters and buffers; updates stay in them.

        What belongs to a forward run belongs into one body, its backward run, too: a checkpoint computes again in it.
        """
        held = _places(named_parts(self.module), "_parameters", "_buffers")
        given = {id(value): tensors[full] for _, _, value, full in held if full in tensors}
        places = [place for place in held if id(place[2]) in given]  # of several names, and in several modules
        try:
            for registry, name, value, _ in places:
                registry[name] = given[id(value)]
            return body()
        finally:
            for registry, name, value, _ in places:
                registry[name] = value

    def run(self, inputs: Any) -> Tensor:
        """Return the logits under the tensors in force."""
        by_name = dict(inputs) if isinstance(inputs, Mapping) else {}
        by_place = () if by_name else tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)
        return pick_logits(self.module(*by_place, **by_name), self.logits)

    def takes(self, inputs: Any) -> bool:
        """Return whether the network runs on inputs without an error; what the run changes is put back."""
        held = {name: value.clone() for name, value in {**self.parameters, **self.buffers}.items()}
        snapshot = Snapshot(self.module)
        try:
            with torch.no_grad():
                self(held, inputs)
        except Exception:
            return False
        finally:
            snapshot.restore()
        return True

    def __call__(self, tensors: Mapping[str, Tensor], inputs: Any) -> Tensor:
        """Return the logits of one run under ``tensors``."""
        return self.under(tensors, lambda: self.run(inputs))


def with_fresh_weights(network: Network, seed: int) -> Network:
    """Draw all weights anew, whether the network is trained or not, and return the network as passes then see it.

    Modules draw as they do when they are made, by ``reset_parameters``, the inner ones before those that hold them. Of
    parameters that belong to a module without that method, those of two dimensions or more are drawn from N(0, 0.02²),
    unless they are frozen. Scales, tokens and the like, of one dimension, stay: nothing says how they begin.

    Args:
        network: of an isolated module, whose parameters and buffers are replaced, until they are put back.
        seed: of the draws.

    Raises:
        RuntimeError: a module's ``reset_parameters`` raised.
    """
    stored, parts = network.stored, dict[str, Any](named_parts(network.module))
    copies: dict[int, Tensor] = {}  # what several modules share, they go on to share
    for part in parts.values():
        for group in (part._parameters, part._buffers):
            for name, value in group.items():
                if value is not None and id(value) not in copies:
                    made = value.detach().clone()
                    copies[id(value)] = nn.Parameter(made, value.requires_grad) if group is part._parameters else made
                if value is not None:
                    group[name] = copies[id(value)]
        if isinstance(part, nn.RNNBase):
            part._flat_weights = [getattr(part, name, None) for name in part._flat_weights_names]
    seed_everything(seed, "fresh weights")
    kept = set()
    with torch.no_grad():
        for path, part in reversed(parts.items()):
            reset = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
            if callable(reset):
                try:
                    reset()
                except Exception as error:
                    where = path or type(part).__name__
                    raise RuntimeError(
                        f"fresh weights cannot be drawn, reset_parameters of {where} raised: {error}"
                    ) from error
                continue
            for name, value in part._parameters.items():
                if value is not None and value.requires_grad and sum(size > 1 for size in value.shape) > 1:
                    value.normal_(0, _BARE)
                elif value is not None and value.numel() and not bool((value == value.flatten()[0]).all()):
                    kept.add(f"{path}.{name}" if path else name)
    fresh = Network(network.module, network.logits)
    fresh._altered = True
    fresh.stored, fresh.kept = stored, [name for name in stored if name in kept]
    return fresh


# Weights --------------------

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Weights(ABC):
    """The parameters and buffers in force during a pass.

    Attributes:
        draws: whether they are drawn, so that they depend on the seed.
    """

    draws: ClassVar[bool] = False

    @property
    @abstractmethod
    def seed_name(self) -> str:
        """The text under which they are hashed into seeds; it never changes."""

    @abstractmethod
    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Return parameters and buffers by name; copies, so that nothing written in a pass reaches the network."""


@dataclass(frozen=True)
class OriginalWeights(Weights):
    """The parameters and buffers that the network holds."""

    seed_name: ClassVar[str] = "Held()"

    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Return parameters and buffers by name."""
        return _copies(network)


@dataclass(frozen=True)
class Absolute(Weights):
    """Absolute values of all parameters and buffers.

    >>> Absolute().draws
    False
    """

    seed_name: ClassVar[str] = "Absolute()"

    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Return parameters and buffers by name."""
        parameters, buffers = ({name: _absolute(value) for name, value in group.items()} for group in _copies(network))
        return parameters, buffers


@dataclass(frozen=True)
class Reinitialized(Weights):
    """Weights of convolution and linear layers drawn anew; their biases 0, norm layers as new.

    >>> Reinitialized("kaiming_fan_in").draws
    True

    Attributes:
        scheme: ``"normal"``: N(0, 1); ``"kaiming_fan_in"``, ``"kaiming_fan_out"``: Kaiming's normal initialisation
            for ReLU.
        draw: which of several independent draws, from 0.
    """

    scheme: str
    draw: int = 0
    draws: ClassVar[bool] = True

    @property
    def seed_name(self) -> str:
        """The text under which they are hashed into seeds; it never changes."""
        return f"Drawn(scheme={self.scheme!r}{f', draw={self.draw!r}' if self.draw else ''})"

    def tensors(self, network: Network) -> tuple[Tensors, Tensors]:
        """Return parameters and buffers by name; parameters of other modules as the network holds them."""
        parameters, buffers = _copies(network)
        for module in network.module.modules():
            if isinstance(module, (*LAYERS, _NormBase, nn.GroupNorm)):
                weight, bias = network.name_of(module.weight), network.name_of(module.bias)
                if weight is not None:
                    made = self._drawn if isinstance(module, LAYERS) else torch.ones_like
                    parameters[weight] = made(parameters[weight])
                if bias is not None:
                    parameters[bias].zero_()
        for path, module in network.module.named_modules():
            if isinstance(module, _NormBase) and module.running_var is not None:
                prefix = f"{path}." if path else ""
                buffers[prefix + "running_mean"].zero_()
                buffers[prefix + "running_var"].fill_(1)
        return parameters, buffers

    def _drawn(self, weight: Tensor) -> Tensor:
        """Return a new weight, drawn by the shape alone: drawing into the old one would follow its order in memory."""
        made = torch.randn(weight.shape, dtype=weight.dtype, device=weight.device)
        if self.scheme != "normal":
            mode = self.scheme[len("kaiming_") :]
            nn.init.kaiming_normal_(made, mode=mode, nonlinearity="relu")  # type: ignore[arg-type]
        return made


def _absolute(value: Tensor) -> Tensor:
    """Return absolute values, of the real and the imaginary part of complex ones; a mask has none."""
    if value.is_complex():
        return torch.view_as_complex(torch.view_as_real(value).abs())
    return value.abs() if value.dtype.is_signed else value


def _copies(network: Network) -> tuple[Tensors, Tensors]:
    """Return copies of the parameters and buffers that the network holds."""
    parameters = {name: value.clone() for name, value in network.parameters.items()}
    return parameters, {name: value.clone() for name, value in network.buffers.items()}
