"""Every proxy on a Hugging Face encoder: a number or a reason, by both of its attentions, the network untouched."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.testing.case import outcome
from naslib_zc_plugin.testing.fingerprint import fingerprint, global_state
from tests import huggingface


@pytest.fixture(scope="module")
def transformers() -> Any:
    """The library."""
    return huggingface.transformers()


def encoder(transformers: Any, attention: str, dropout: float = 0.1) -> nn.Module:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24}
    rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    config = transformers.BertConfig(
        vocab_size=40, max_position_embeddings=12, num_labels=3, attn_implementation=attention, **sizes, **rates
    )
    made: nn.Module = transformers.BertForSequenceClassification(config)
    return made


def batch() -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    tokens = torch.randint(1, 40, (6, 8), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(tokens)
    mask[0, 5:] = 0
    return {"input_ids": tokens, "attention_mask": mask}, torch.arange(6) % 3


# Why a proxy has no number for such an encoder; all others have one.
UNDEFINED = {
    "epsilon": "equal weights add up the features of a layer norm",
    "hidden_covariance": "no recurrent layer was seen",
    "hidden_synaptic_saliency": "no recurrent layer was seen",
    "linear_regions": "no ReLU on a feature map",
    "naswot": "no ReLU was seen",
    "swap": "no ReLU on a feature map",
    "wrcor": "no ReLU was seen",
    "zen": "the inputs are not real numbers",
}


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_every_proxy_has_a_number_or_a_reason(transformers: Any, attention: str) -> None:
    net, state = encoder(transformers, attention), global_state()
    before = fingerprint(net)
    scores = zc.score(net, batch(), zc.list_proxies())
    for name, score in scores.items():
        assert score.status == ("undefined" if name in UNDEFINED else "ok"), (name, score.reason)
        assert UNDEFINED.get(name, "") in score.reason
    assert before.changes(fingerprint(net)) == []
    assert [name for name, value in global_state().items() if value != state[name]] == []
    again = zc.score(encoder(transformers, attention), batch(), sorted(zc.list_proxies(), reverse=True))
    assert {name: outcome(score) for name, score in again.items()} == {n: outcome(s) for n, s in scores.items()}


def test_both_attentions_are_seen_alike(transformers: Any) -> None:
    names = ["head_softmax_confidence", "generalized_naswot", "head_confidence", "flops"]
    found = []
    for attention in ("sdpa", "eager"):  # either draws its own dropout
        scores = zc.score(encoder(transformers, attention, dropout=0.0), batch(), names)
        found.append([score.value for score in scores.values()])
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_a_plain_encoder_needs_a_loss_or_a_choice_of_its_outputs(transformers: Any) -> None:
    net = encoder(transformers, "sdpa").get_submodule("bert")
    asked: list[str | zc.ProxyRequest] = ["snip", zc.proxy("head_importance", of="loss"), "synflow"]

    def loss(states: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(states[:, 0], labels)

    scores = zc.score(net, batch(), asked, loss=loss, logits="last_hidden_state")
    assert [score.status for score in scores.values()] == ["ok", "ok", "undefined"]
    assert "pick" in zc.score(net, batch(), ["snip"])["snip"].reason


def test_attention_is_found_by_the_names_of_t5(transformers: Any) -> None:
    torch.manual_seed(0)
    sizes = {"d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 1, "num_heads": 4, "vocab_size": 40}
    net = transformers.T5EncoderModel(transformers.T5Config(**sizes))
    given, (inputs, labels) = {"label": "given", "layers": ["*SelfAttention.[qkvo]"]}, batch()
    asked = ["synaptic_diversity", zc.proxy("synaptic_diversity", **given), "head_confidence"]
    found = zc.score(net, (inputs, labels), asked)
    assert found["synaptic_diversity"].value == found["given"].value is not None, found["given"].reason
    assert found["head_confidence"].status == "ok"
