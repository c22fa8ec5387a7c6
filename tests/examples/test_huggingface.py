"""The example that scores Hugging Face encoders."""

from __future__ import annotations

import sys

import pytest

from tests import huggingface
from tests.examples import example


def test_it_scores_an_encoder_and_a_language_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    huggingface.transformers()
    monkeypatch.setattr(sys, "argv", ["huggingface.py", "--width", "16"])
    example("huggingface").main()
    encoder, model = capsys.readouterr().out.split("RobertaForMaskedLM")
    for part, numbers in ((encoder, ("snip", "fisher")), (model, ("snip", "synflow", "ntk"))):
        lines = {line[2:27].strip(): line[27:].strip() for line in part.splitlines()}
        assert all(float(lines[name]) for name in numbers)
        assert "no ReLU was seen" in lines["naswot"]
    assert "add up to nothing" in encoder and "add up to nothing" not in model
