"""The pass over the whole batch: the network runs once (or a few times), then each gradient is made once for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Callable, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.passes.capture import (
    FLAGS,
    KINDS,
    QUICK,
    TWICE,
    Function,
    Handler,
    See,
    Unseen,
    Watch,
    differentiate,
    norm_replacements,
    scripted_functions_exist,
)
from naslib_zc_plugin.passes.degenerate import NotApplicable, Undefined, all_finite, same_when_recorded
from naslib_zc_plugin.passes.engine import Pass, Running
from naslib_zc_plugin.passes.inputs import (
    Batch,
    as_real,
    holds_tokens,
    noisy_inputs,
    tensors,
    tree_map,
    with_dtype,
)
from naslib_zc_plugin.passes.isolation import Stopwatch
from naslib_zc_plugin.passes.layer_calls import LayerCall, LayerCalls, check_on_two_samples
from naslib_zc_plugin.passes.network import Network, OriginalWeights, module_of, some
from naslib_zc_plugin.passes.observation import FORWARD, HESSIANS, TARGETS, Forward, Grad, Observation
from naslib_zc_plugin.passes.seeding import kept_random_states, seed_everything
from naslib_zc_plugin.passes.snapshot import put_back


class ForwardPass(Pass):
    """One pass over the whole batch, as its observations see it.

    Attributes:
        weights: parameters in force, by name; leaves of the graph where there is one.
        buffers: buffers in force, by name, updated by the forward runs.
        all_inputs: the inputs of each forward run; most settings have one.
        turn: which forward run is under way, from 0.
        logits: of the first forward run, (N, …); None before it.
        memo: values that observations of this pass share.
    """

    def __init__(
        self, setting: Forward, network: Network, batch: Batch, observations: Sequence[Observation], seed: int
    ) -> None:
        super().__init__(setting, network, setting.inputs.chosen(batch), observations, seed)
        self.turn, self.logits = 0, cast(Any, None)
        self.memo: dict[str, Any] = {}
        self._registered: list[tuple[Running, Mapping[Function, Handler]]] = []
        self._sees: list[See] = []
        self._seeing: list[Running] = []
        self._unreached = ""
        self._watch: Watch | None = None
        self._current: Running | None = None
        seed_everything(seed, setting.weights)
        self.weights, self.buffers = (with_dtype(group, setting.dtype) for group in setting.weights.tensors(network))
        seed_everything(seed, setting.inputs)
        self.all_inputs = [with_dtype(inputs, setting.dtype) for inputs in setting.inputs.shown(self.batch)]
        if setting.noise:
            self.all_inputs = [noisy_inputs(inputs, setting.noise, seed) for inputs in self.all_inputs]
        self._graph = any(each.order for each in observations)
        self._twice, self._quick = (TWICE, QUICK) if any(each.order > 1 for each in observations) else ({}, {})
        by_inputs = self._graph and any(each.input_gradient for each in observations)
        for value in (*(self.weights.values() if self._graph else ()), *tensors(self.inputs if by_inputs else ())):
            value.requires_grad_(not holds_tokens(value))
        network.set_mode(setting.training)
        self._substituted = not isinstance(setting.weights, OriginalWeights)
        self._calls = LayerCalls(network, {**self.weights, **self.buffers}, self._sees, derive=self._graph)
        self._names = {id(value): name for name, value in (*self.weights.items(), *self.buffers.items())}

    @property
    def inputs(self) -> Any:
        """The inputs of the first forward run: a tensor, or a mapping or sequence of tensors."""
        return self.all_inputs[0]

    @property
    def layers(self) -> list[Tensor]:
        """The weights of convolution and linear layers, as ``network.layers`` names them.

        Raises:
            Undefined: there is none, or, after the forward run, the outputs were not computed with these weights.
        """
        self.network.check_layers()
        if self._unreached:
            raise NotApplicable(self._unreached)
        return [self.weights[name] for name in self.network.layers]

    def name_of(self, tensor: Any) -> str | None:
        """Return the name of a parameter or buffer in force; None for anything else."""
        return self._names.get(id(tensor))

    def is_made_of_weight(self, tensor: Tensor) -> bool:
        """Return whether a tensor of a call that is seen was computed of layers' weights alone."""
        return self._calls.is_made_of_weight(tensor, len(tensors(self.inputs)[0]))

    def on(self, calls: str | Iterable[Function], see: See) -> None:
        """Register a function that sees some of the calls of the forward runs.

        Args:
            calls: a kind of calls, such as ``"relu"``, of :data:`~.capture.KINDS`; or torch's functions.
            see: for a kind, called with the arguments of that kind (for activations the output); for functions with
                the arguments, the keywords and the output of each call. The network goes on with the value that it
                returns: return a copy of an output that is kept, for the network may write over it.

        Raises:
            ValueError: no such kind.
            TypeError: the network has run already.
        """
        running = self._running()
        if isinstance(calls, str) and calls not in KINDS:
            raise ValueError(f"there are calls of the kinds {', '.join(KINDS)}, not {calls!r}")
        handlers = KINDS[calls](self, see) if isinstance(calls, str) else dict.fromkeys(calls, see)
        guarded = {function: running.guard(handler) for function, handler in handlers.items()}
        self._registered.append((running, guarded))

    def _running(self) -> Running:
        """Return the observation that registers."""
        if self._current is None:
            raise TypeError("p.on comes before FORWARD: what is registered later sees nothing")
        return self._current

    def on_layers(self, see: See) -> None:
        """See each call of a convolution or linear layer.

        Args:
            see: called with a :class:`~.layer_calls.LayerCall`. The network goes on with the tensor that it returns.
        """

        def checked(call: LayerCall) -> Any:
            if not call.channel:
                raise NotApplicable(f"the output of the layer of {call.name} is not one tensor with channels")
            return see(call)

        self._seeing.append(self._running())
        self._sees.append(self._seeing[-1].guard(checked))

    def on_modules(self, see: See) -> None:
        """See the output of each module, containers and the network itself among them, as it is called.

        Args:
            see: called with the module's name (empty for the network) and its output. The network goes on with the
                value that it returns. Its own calls of torch are seen by nobody.
        """
        self._calls.modules.append(self._running().guard(see))

    def check_finite(self) -> None:
        """Check the logits.

        Raises:
            Undefined: some are not finite.
        """
        if "finite" not in self.memo:
            self.memo["finite"] = all_finite(self.logits)
        if not self.memo["finite"]:
            raise Undefined("the network's outputs are not finite")

    def recomputing(self) -> AbstractContextManager[Any]:
        """Return the context of backward runs, in which what is computed again meets the same replacements."""
        if self._watch is None:
            self._watch = Watch(
                [self._calls.handlers] if self.setting.norm != "batch" else [], self.replacements(), self.setting.dtype
            )
        return self._watch

    def run_again(self, inputs: Any, handlers: Mapping[Function, Handler], layer: See) -> None:
        """Run the network once more on other inputs, without a graph, seen by these handlers and ``layer`` alone."""
        held = self.copies()
        calls = LayerCalls(self.network, held, [layer])
        watch = Watch([calls.handlers, handlers], self.replacements(), self.setting.dtype)
        kept = kept_random_states(self.network.device)
        with kept, put_back(self.network.module), torch.no_grad(), calls, watch:
            self.network(held, inputs)

    def copies(self) -> dict[str, Tensor]:
        """Return copies of the parameters and buffers in force."""
        return {name: value.detach().clone() for name, value in (*self.weights.items(), *self.buffers.items())}

    def drive(self, running: Sequence[Running]) -> Mapping[Running, float]:
        """Run forward, differentiate, and send each observation its answers."""
        for each in running:
            self._current = each
            each.expect(FORWARD, each.send())
        self._current = None
        return self.network.under({**self.weights, **self.buffers}, lambda: self._drive(running))

    def _drive(self, running: Sequence[Running]) -> Mapping[Running, float]:
        clock = Stopwatch(self.network.device)
        try:
            self._run()
            self._registered.clear()
            seconds = clock.lap()
            took = Gradients(self, self._asked(running)).send()
        finally:  # nothing refers to the pass in a circle
            self._registered.clear()
            self._sees.clear()
            self._seeing.clear()
            self._calls.close()
            self._watch = None
        return {each: seconds + took.get(each, 0.0) for each in running}

    def _run(self) -> None:
        setting = self.setting
        seed_everything(self._seed, replace(setting, noise=0.0))  # dropout and the like are the same with noise
        unseen = Unseen(lambda: self._calls.inside) if scripted_functions_exist() else None
        self._calls.blind = unseen is not None
        traced = self._graph or self._sees or self._substituted or self._calls.modules
        handlers = [handlers for _, handlers in self._registered]
        with torch.set_grad_enabled(self._graph), ExitStack() as stack:
            if traced:
                stack.enter_context(self._calls)
                handlers.insert(0, self._calls.handlers)
            if unseen is not None:
                stack.enter_context(unseen)
            for turn, inputs in enumerate(self.all_inputs):
                self.turn = turn
                replaced = {**self.replacements(), **setting.replacements(inputs, self._seed)}
                watch = Watch(handlers, replaced, setting.dtype)
                if unseen is not None:
                    unseen.watch = watch
                # Inputs that may be written to, which a leaf that needs a gradient may not; no call of the network's.
                inputs = tree_map(lambda x: x.clone() if x.requires_grad else x, inputs)
                with watch:
                    logits = self.network.run(inputs)
                self.logits = logits if self.logits is None else self.logits
        if unseen is not None:
            self._check_seen(unseen)
        lost = [*self._calls.lost, *self._calls.unmet]
        for running in self._seeing if lost else ():
            unseen_in = f"layers' weights are used in a copy, in a part or by other modules ({some(lost)})"
            running.fail(NotApplicable(unseen_in))
        self._check_reached()

    def _check_seen(self, unseen: Unseen) -> None:
        """Fail the observations that would have had to see an operation, or all, where one was to be replaced."""
        unseen.check([F.batch_norm, *self._twice])
        registered = [(running, handlers, False) for running, handlers in self._registered]
        for running, handlers, outside in (*registered, *((each, self._calls.handlers, True) for each in self._seeing)):
            try:
                unseen.check(handlers, outside)
            except Undefined as error:
                running.fail(error)

    def _check_reached(self) -> None:
        """Find out whether the outputs were computed with the weights in force; if these are not the network's, check.

        Raises:
            Undefined: weights of the pass's own did not reach the outputs.
        """
        try:
            if self._graph:
                self._calls.check(self.logits)
            # What the network keeps can be recognised by its memory, but not where it is cast.
            recast = self.setting.dtype is not None and self.network.cached
            if self._substituted and (recast if self._graph else not self._calls.plain):
                held = with_dtype(self.copies(), self.network.dtype if recast else None)
                inputs = with_dtype(self.inputs, self.network.dtype if recast else None)
                check_on_two_samples(self.network, held, inputs, Watch(replacements=self.replacements()))
        except Undefined as error:
            self._unreached = str(error)
            if self._substituted:
                raise
        finally:
            self._calls.rest()

    def replacements(self) -> Mapping[Function, Function]:
        """Return the functions that stand for torch's in every run of the pass."""

        def keeps(input: Tensor, *tensors: Any) -> bool:
            modules = (module_of(name) for name in map(self.name_of, tensors) if name is not None)
            named = any(fnmatchcase(module, self.setting.keep_norm) for module in modules)
            return named or self._calls.is_derived(input)  # one that standardises a weight

        norms = norm_replacements(self.setting.training, self.setting.norm, keeps, self._quick.get(F.batch_norm))
        return {**self._quick, **norms, **self._twice, **FLAGS}

    def _asked(self, running: Sequence[Running]) -> dict[Running, Sequence[Grad]]:
        """Send the logits; return the gradients that are asked for, and fail those that ask for something else."""
        asked = {each: each.send(self.logits) for each in running}
        shown = tensors(self.all_inputs)
        for each, grads in asked.items():
            right = isinstance(grads, tuple) and grads and all(isinstance(grad, Grad) for grad in grads)
            if not (each.ended or right):
                each.fail(TypeError(f"{each.observation.name} yields a {type(grads).__name__}, not a tuple of Grad"))
            weights = {id(weight) for weight in self.weights.values()}
            if self._unreached and not each.ended and any(id(t) in weights for grad in grads for t in grad.by):
                each.fail(NotApplicable(self._unreached))
            missing = "" if each.ended else each.observation.undeclared(grads, shown)
            if missing:
                each.fail(TypeError(f"{each.observation.name} asks for gradients that it does not declare: {missing}"))
        return {each: grads for each, grads in asked.items() if not each.ended}


class Gradients:
    """The gradients that a pass's observations ask for: each target is differentiated once, the last frees the graph.

    The gradients of the loss are recorded, and so serve its Hessian, too, only where that changes no bit of them: a
    value must not depend on what else is asked for.
    """

    def __init__(self, view: ForwardPass, asked: Mapping[Running, Sequence[Grad]]) -> None:
        self._view = view
        self._layers = [view.weights[name] for name in view.network.layers]
        self._answers: dict[Running, list[Any]] = {each: [...] * len(grads) for each, grads in asked.items()}
        self._targets: dict[Any, list[tuple[Running, int, Grad]]] = {}
        for each, grads in asked.items():
            for place, grad in enumerate(grads):
                key = grad.of if isinstance(grad.of, str) else (id(grad.of), id(grad.grad_outputs))
                self._targets.setdefault(key, []).append((each, place, grad))
        self._recorded: dict[int, Tensor] = {}

    def send(self) -> dict[Running, float]:
        """Make all gradients, send each observation its own, and return the seconds that they took, by observation."""
        took: dict[Any, float] = {}
        needed: dict[Running, set[Any]] = {each: set() for each in self._answers}
        clock = Stopwatch(self._view.network.device)
        for key in sorted(self._targets, key=lambda key: TARGETS.index(key if isinstance(key, str) else "tensor")):
            group = [item for item in self._targets.pop(key) if not item[0].ended]
            users = {each: None for each, *_ in group}
            paid = {key, "loss"} if key in HESSIANS and self._recorded else {key}
            clock.lap()
            try:
                self._make(key, group)
            except Exception as error:
                for each in users:
                    each.fail(error)
            took[key] = clock.lap()
            for each in users:
                needed[each] |= paid
                if ... not in self._answers[each]:
                    each.expect(None, each.send(self._answers.pop(each)))
        return {each: sum(took[key] for key in keys) for each, keys in needed.items()}

    def _make(self, key: Any, group: list[tuple[Running, int, Grad]]) -> None:
        """Differentiate a target for all that ask for it."""
        if not group:
            return
        values, outputs = self._values(group[0][2])
        record = key == "loss" and not HESSIANS.isdisjoint(self._targets) and all(map(same_when_recorded, values))
        by, hooks = list(self._layers if record else ()), []
        for each, place, grad in group:
            self._answers[each][place] = None
            by += grad.by if grad.fold is None else self._leaves(grad)
            hooks += self._hooks(each, grad) if grad.fold is not None else []
        del grad
        group[:] = [item for item in group if item[2].fold is None]  # what is folded is let go as it comes
        try:
            ways, kept = ([[one] for one in values[0]], True) if key == "each" else ([values], bool(self._targets))
            found = [self._by(way, by, outputs, record, kept) if way else {} for way in ways]
        finally:
            for hook in hooks:
                hook.remove()
        if record:
            self._recorded = found[0]
        for each, place, grad in group:
            rows = [[_or_zeros(row.get(id(tensor)), tensor, grad.zeros) for tensor in grad.by] for row in found]
            self._answers[each][place] = rows if key == "each" else rows[0]

    def _leaves(self, grad: Grad) -> list[Tensor]:
        view = self._view
        every = [*view.weights.values(), *tensors(view.all_inputs)]
        return [leaf for leaf in (every if grad.leaves is None else grad.leaves) if leaf.requires_grad]

    def _hooks(self, running: Running, grad: Grad) -> list[Any]:
        """Put hooks on the tensors that pass their gradients to the fold; none refers to the pass."""
        assert grad.fold is not None
        fold = running.guard(grad.fold)

        def hook(place: int) -> Callable[[Tensor], None]:
            def fire(gradient: Tensor) -> None:  # what a hook returns would replace the gradient
                with torch._C.DisableTorchFunction():  # the modes that are active for what is computed again
                    fold(place, gradient.detach())

            return fire

        return [tensor.register_hook(hook(place)) for place, tensor in enumerate(grad.by) if tensor.requires_grad]

    def _values(self, grad: Grad) -> tuple[Sequence[Tensor], Sequence[Tensor] | None]:
        """Return what is differentiated, nothing where no gradient can come of it, and the weights of its elements."""
        of, outputs = grad.of, None
        if isinstance(of, Tensor):
            value, outputs = of, None if grad.grad_outputs is None else [grad.grad_outputs]
        elif of in ("logits", "each"):
            logits = as_real(self._view.logits)
            value = logits.sum() if of == "logits" else logits.reshape(len(logits), -1).sum(1)
        else:
            value = self._loss
        if of in HESSIANS and value.requires_grad:
            if not self._recorded:
                self._recorded = self._by([value], self._layers, None, True, True)
            made = [(self._recorded[id(each)], each) for each in self._layers if id(each) in self._recorded]
            pairs = [(one, (one if of == "hessian" else weight).detach()) for one, weight in made if one.requires_grad]
            return [one for one, _ in pairs], [fixed for _, fixed in pairs]
        return [value] if value.requires_grad or of == "each" else [], outputs

    @cached_property
    def _loss(self) -> Tensor:
        batch = self._view.batch
        with Watch(replacements=self._view._twice):
            loss = batch.objective()(self._view.logits, batch.labels)
        if not bool(torch.isfinite(loss).all()):
            raise Undefined("the loss is not finite")
        return loss

    def _by(
        self, values: Sequence[Tensor], by: Sequence[Tensor], outputs: Any, record: bool, retain_graph: bool
    ) -> dict[int, Tensor]:
        """Return the gradients of the values by the tensors' identity, without those that they do not depend on."""
        distinct = list({id(tensor): tensor for tensor in by}.values())
        if not distinct:
            return {}
        try:
            with self._view.recomputing():
                found = differentiate(values, distinct, outputs, retain_graph, record)
        except RuntimeError as error:  # of a function's backward
            if "derivative for" not in str(error):
                raise
            raise NotApplicable(f"torch cannot differentiate a function of the network twice: {error}") from error
        return {id(tensor): gradient for tensor, gradient in zip(distinct, found) if gradient is not None}


def _or_zeros(gradient: Tensor | None, tensor: Tensor, zeros: bool) -> Tensor | None:
    if gradient is None:
        return torch.zeros_like(tensor) if zeros else None
    gradient = gradient.detach()
    return gradient if gradient.layout is torch.strided else gradient.to_dense()  # of a sparse embedding


Forward.view = ForwardPass
