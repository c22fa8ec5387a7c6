"""The numbers are those of the record."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from . import compare, face, record

RECORD: dict[str, Any] = record.read()
QUICK = {
    *(
        f"scores/{name}/0"
        for name in ("conv_norm", "conv_forms", "smooth", "lstm", "cells", "attention", "bert", "twice")
    ),
    "scores/nasbench201_nats/0",
    *(name for name in record.sections() if name.startswith(("keys/", "protocols", "probes", "histories/"))),
    *(f"built/{name}" for name in ("nasbench101", "nasbench201", "nasbench_nlp", "transnasbench101_micro")),
} - {"histories/nasbench_nlp", "keys/nasbench_nlp"}
"""Sections that are compared each time; the others are marked slow."""


NNI = all(map(find_spec, ("nni", "pytorch_lightning")))


def _marked(name: str) -> Any:
    return pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])


def test_the_record_has_every_section() -> None:
    assert set(record.sections()) == set(RECORD["entries"])


@pytest.mark.parametrize("name", [_marked(name) for name in record.sections()])
def test_numbers(name: str) -> None:
    if name.startswith("built/") and name.split("/")[1] in compare.EXEMPT and not NNI:
        pytest.skip("NNI builds these networks: needs the extra [nni]")
    (found,) = [made for section, made in record.entries(name) if section == name]
    assert not face.strays()
    same = compare.bitwise if record.machine() == RECORD["machine"] else compare.near
    result = same({name: RECORD["entries"][name]}, {name: found})
    assert not result.differences, result.report()
    assert result.compared > 0
