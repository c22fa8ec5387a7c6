"""A search's state in the only place that NASLib's checkpoints have for it: the state dict of a module.

``Trainer`` gives fvcore's checkpointer the module that an optimizer calls ``"model"``, and nothing else of what it
offers. The checkpointer stores tensors alone, reads them with ``weights_only``, and drops those whose shape is not that
of the module's own. So the state is JSON in a tensor of bytes, and the tensor's name tells how long it is: two of the
same name have the same shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Callable

import torch
from torch import Tensor, nn

State = dict[str, Any]
_NAME = "json_of_{}_bytes"


class Checkpoint(nn.Module):
    """A module without parameters whose state dict is the state of a search.

    Args:
        save: gives the state, as values that JSON knows.
        load: takes up such a state. Raises ``ValueError`` if it is damaged, or another search's.
    """

    def __init__(self, save: Callable[[], State], load: Callable[[State], None]) -> None:
        super().__init__()
        self._save, self._load = save, load

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        tensor = packed(self._save())
        destination[prefix + _NAME.format(len(tensor))] = tensor

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *others: Any) -> None:
        pattern = re.escape(prefix) + _NAME.format(r"\d+")
        found = [tensor for name, tensor in state_dict.items() if re.fullmatch(pattern, name)]
        if len(found) != 1:
            held = ", ".join(list(state_dict)[:3]) or "nothing"
            raise ValueError(f"no checkpoint of a search of ours: it holds {held}; resume it with what has written it")
        self._load(unpacked(found[0]))


def packed(state: State) -> Tensor:
    """A state as bytes, shape (length of its JSON,).

    Raises:
        ValueError: it holds NaN or an infinity, which JSON does not know.
    """
    return torch.frombuffer(bytearray(json.dumps(state, allow_nan=False).encode()), dtype=torch.uint8)


def unpacked(tensor: Tensor) -> State:
    """The state that :func:`packed` was given, with lists for tuples.

    Raises:
        ValueError: the bytes are no JSON, or none of a mapping.
    """
    try:
        state = json.loads(tensor.cpu().numpy().astype("uint8").tobytes().decode())
    except ValueError as error:
        raise ValueError(f"a damaged checkpoint: {error}") from error
    if not isinstance(state, dict):
        raise ValueError(f"a damaged checkpoint: a mapping was expected, found {type(state).__name__}")
    return state
