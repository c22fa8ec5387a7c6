"""Keys of NNI's samples: the text by which strategies, seeds and records know an architecture.

NAS-Bench-201 and recurrent cells have the keys of our own spaces; any other space a JSON mapping from labels to
choices, in the order of the labels and without entries that mean nothing. Equal architectures have equal keys, in every
process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from naslib_zc_plugin.hosts.nni import nasbench101, nasbench201, nasbench_nlp

Sample = Mapping[str, Any]


def key_of(sample: Sample) -> str:
    """The key of a sample.

    Raises:
        ValueError: a choice that JSON does not know, or a sample of a known space that lacks an entry.
    """
    if nasbench201.recognises(sample):
        return nasbench201.to_key(sample)
    if nasbench_nlp.recognises(sample):
        return nasbench_nlp.to_key(sample)
    labels = nasbench101.active(sample) if nasbench101.recognises(sample) else sample
    return text_of({label: sample[label] for label in labels})


def space_of(sample: Sample) -> str:
    """The name of the benchmark that a sample's space belongs to; empty if none."""
    known = {"nasbench201": nasbench201, "nasbench101": nasbench101, "nasbench_nlp": nasbench_nlp}
    return next((name for name, space in known.items() if space.recognises(sample)), "")


def text_of(value: Any) -> str:
    """A choice, or a mapping of choices, as JSON that is always the same.

    Raises:
        ValueError: it is none of JSON's values.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"choices must be numbers, texts, lists or mappings of such: {error}") from error
