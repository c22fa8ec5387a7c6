"""What networks are scored and trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Union

import torch

from naslib_zc_plugin.passes.seeding import kept_random_states
from naslib_zc_plugin.probes import Probe, images

Images = Union[str, Path, Probe, Mapping[str, Any]]


def images_of(dataset: Images) -> Probe:
    """The images of a source, of a mapping with ``source`` and its options, or themselves.

    Raises:
        DataError: they are not what they should be.
        TypeError: an option that the source does not have.
    """
    if isinstance(dataset, Probe):
        return dataset
    options = dict(dataset) if isinstance(dataset, Mapping) else {"source": dataset}
    return images(options.pop("source", ""), **options)


def first(batch: Any) -> Any:
    """A batch as it is, or the first of a DataLoader."""
    if isinstance(batch, (tuple, list)):
        return batch
    with kept_random_states():  # a DataLoader draws a seed for its workers
        return next(iter(batch))


def moved(inputs: Any, device: torch.device) -> Any:
    """Inputs, one tensor or several, on a device."""
    if isinstance(inputs, dict):
        return {name: moved(each, device) for name, each in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return [moved(each, device) for each in inputs]
    return inputs.to(device)
