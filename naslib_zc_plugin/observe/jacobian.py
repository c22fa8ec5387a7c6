"""The gradient of the outputs by the input, or by the embedding's output where the inputs are tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.observe.batch import tensors
from naslib_zc_plugin.observe.cancelling import check_sum
from naslib_zc_plugin.observe.capture import Function, Handler
from naslib_zc_plugin.observe.embedding import embeds_tokens, holds_tokens
from naslib_zc_plugin.observe.forward import Forward, ForwardObservation, Target
from naslib_zc_plugin.observe.observation import Undefined
from naslib_zc_plugin.observe.run import Run


@dataclass(frozen=True)
class InputJacobian(ForwardObservation):
    """Gradient of the sum of all logits by each sample: (N, D). Batch statistics couple the samples.

    Tokens have no gradient: what the first embedding makes of them stands for the input.
    """

    under: Forward = Forward()
    targets: ClassVar[Sequence[Target]] = (Target.OUTPUTS,)
    order: ClassVar[int] = 1
    input_gradient: ClassVar[bool] = True

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """Keep what the first embedding makes of a batch of tokens; the network goes on with a copy."""
        kept = run.kept[self]

        def seen(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
            if kept or not embeds_tokens(args, kwargs, output, run.shown[0]):
                return output
            kept.append(output)
            return output.clone()

        return {F.embedding: seen, F.embedding_bag: seen} if holds_tokens(run.shown[0]) else {}

    def with_respect_to(self, run: Run) -> list[Tensor]:
        """The inputs.

        Raises:
            Undefined: they are not one tensor of real numbers or tokens of which an embedding was seen, or are both.
        """
        real = [tensor for tensor in tensors(run.shown[0]) if tensor.is_floating_point()]
        found = [*real, *run.kept[self]]
        if len(found) != 1:
            raise Undefined(
                f"the inputs hold {len(real)} tensors of real numbers and {len(found) - len(real)} embeddings of the "
                "batch's tokens were seen: a gradient by the input needs exactly one (pass masks as integers)"
            )
        return found

    def read(self, run: Run) -> Tensor:
        """The gradient, zero where the outputs do not depend on the input."""
        (inputs,) = self.with_respect_to(run)
        check_sum(run.outputs[0])
        gradient = run.gradient(Target.OUTPUTS, inputs)
        return inputs.detach().mul(0).flatten(1) if gradient is None else gradient.flatten(1)
