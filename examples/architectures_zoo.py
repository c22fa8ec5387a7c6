"""The networks of the page docs/results/architectures.md: third-party architectures, untrained and small.

They need timm, transformers and torchvision; nothing is downloaded. Sizes are the smallest of each architecture that
still runs, and depths are cut where the architecture is a parameter of its depth: what counts is how it computes.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable

import torch
from torch import nn

CLASSES, SAMPLES = 10, 8


@dataclass
class Case:
    """A network with what it is scored on."""

    net: nn.Module
    inputs: Any
    labels: torch.Tensor
    logits: Any = None


def _labels() -> torch.Tensor:
    """Return two samples of each of four classes."""
    return torch.arange(SAMPLES) // 2


def _images(size: int, channels: int = 3) -> torch.Tensor:
    return torch.randn(SAMPLES, channels, size, size)


# timm --------------------

TIMM: dict[str, dict[str, Any]] = {
    # Residual networks and what became of them
    "resnet10t": {}, "resnet26d": {"layers": (1, 1, 1, 1)},
    "resnext50_32x4d": {"layers": (1, 1, 1, 1)}, "seresnet18": {"layers": (1, 1, 1, 1)},
    "resnet50_gn": {"layers": (1, 1, 1, 1)}, "resnetv2_18": {"layers": (1, 1, 1, 1)},
    "resnetv2_50x1_bit": {"cut": 1}, "resnetv2_50d_evos": {"layers": (1, 1, 1, 1)},
    "resnetv2_50d_frn": {"layers": (1, 1, 1, 1)}, "resnest14d": {}, "skresnet18": {"layers": (1, 1, 1, 1)},
    "res2net50_48w_2s": {"layers": (1, 1, 1, 1)}, "tresnet_m": {"layers": (1, 1, 1, 1)},
    "dla46_c": {}, "dpn48b": {}, "hrnet_w18_small": {},
    "densenet121": {"growth_rate": 16, "block_config": (2, 2, 2, 2)}, "selecsls42": {},
    "ese_vovnet19b_dw": {}, "darknet17": {}, "cs3darknet_focus_s": {}, "repvgg_a0": {},
    "mobileone_s0": {}, "gernet_s": {}, "regnetx_002": {}, "regnety_002": {},
    "regnetz_b16": {},
    "inception_v3": {"size": 160, "batch": 4},
    # Networks without norms
    "nf_resnet26": {}, "nf_regnet_b0": {}, "test_nfnet": {},
    # Mobile networks
    "mobilenetv1_100": {}, "mobilenetv2_035": {}, "mobilenetv3_small_050": {}, "mobilenetv3_large_075": {},
    "mobilenetv4_conv_small_035": {}, "mobilenetv4_hybrid_medium_075": {"size": 96}, "mnasnet_small": {},
    "efficientnet_b0": {}, "efficientnet_cc_b0_4e": {}, "efficientnet_lite0": {}, "efficientnet_b0_gn": {},
    "tf_efficientnetv2_b0": {}, "mixnet_s": {}, "tinynet_e": {}, "lcnet_035": {}, "fbnetc_100": {},
    "hardcorenas_a": {}, "spnasnet_100": {}, "ghostnet_050": {}, "ghostnetv2_100": {}, "repghostnet_050": {},
    "rexnet_100": {}, "starnet_s1": {}, "fasternet_t0": {}, "shvit_s1": {"size": 128}, "lcnetv2_small": {},
    # Convolutional networks after transformers
    "convnext_atto": {}, "convnextv2_atto": {}, "convmixer_768_32": {"cut": 2}, "inception_next_atto": {},
    "mambaout_femto": {}, "poolformer_s12": {},
    "caformer_s18": {"cut": 1}, "convformer_s18": {"cut": 1},
    # Networks of perceptrons
    "mixer_s32_224": {"img_size": 64, "cut": 2}, "resmlp_12_224": {"img_size": 64, "cut": 2},
    "gmlp_ti16_224": {"img_size": 64, "cut": 2}, "gmixer_12_224": {"img_size": 64, "cut": 2},
    "sequencer2d_s": {"layers": (1, 1, 1, 1)},
    # Attention in convolutional networks
    "halonet26t": {"size": 256, "batch": 4, "cut": 1},
    "lambda_resnet26t": {"size": 64},
    "mobilevit_xxs": {}, "mobilevitv2_050": {}, "edgenext_xx_small": {}, "coatnet_nano_rw_224": {"img_size": 64},
    "maxvit_pico_rw_256": {"img_size": 64},
    "efficientformerv2_s0": {"img_size": 64}, "efficientvit_b0": {}, "efficientvit_m0": {"img_size": 128},
    "fastvit_t8": {}, "repvit_m0_9": {}, "swiftformer_xs": {},
    "iformer_t": {}, "efficientvim_m1": {},
    # Transformers
    "vit_tiny_patch16_224": {"img_size": 64, "depth": 2},
    "vit_small_patch16_18x2_224": {"img_size": 64, "depth": 2},
    "vit_relpos_small_patch16_224": {"img_size": 64, "depth": 2},
    "vit_base_patch16_siglip_224": {"img_size": 64, "depth": 2, "embed_dim": 96, "num_heads": 4},
    "vit_tiny_r_s16_p8_224": {"img_size": 64, "depth": 2},
    "flexivit_small": {"img_size": 64, "depth": 2}, "naflexvit_base_patch16_gap": {"size": 64, "depth": 2},
    "deit_tiny_distilled_patch16_224": {"img_size": 64, "depth": 2},
    "deit3_small_patch16_224": {"img_size": 64, "depth": 2}, "convit_tiny": {"size": 224, "batch": 4, "depth": 4},
    "beit_base_patch16_224": {"img_size": 64, "depth": 2, "embed_dim": 96, "num_heads": 4},
    "eva02_tiny_patch14_224": {"img_size": 56, "size": 56, "depth": 2},
    "cait_xxs24_224": {"img_size": 64, "depth": 2}, "xcit_nano_12_p16_224": {"img_size": 64, "depth": 2},
    "crossvit_tiny_240": {"size": 240, "batch": 4, "depth": ((1, 1, 0), (1, 1, 0))},
    "swin_tiny_patch4_window7_224": {"img_size": 56, "size": 56, "depths": (1, 1, 1, 1), "window_size": 7},
    "swinv2_tiny_window8_256": {"img_size": 64, "depths": (1, 1, 1, 1), "window_size": 4},
    "swinv2_cr_tiny_224": {"img_size": 64, "depths": (1, 1, 1, 1)},
    "davit_tiny": {"depths": (1, 1, 1, 1), "embed_dims": (32, 64, 96, 128), "num_heads": (2, 2, 3, 4)},
    "twins_pcpvt_small": {"img_size": 64, "depths": (1, 1, 1, 1)},
    "twins_svt_small": {"img_size": 64, "depths": (1, 1, 1, 1)}, "pvt_v2_b0": {}, "pit_ti_224": {"img_size": 64},
    "tnt_s_patch16_224": {"img_size": 64, "depth": 2}, "levit_128s": {"img_size": 64},
    "coat_lite_tiny": {"img_size": 64},
    "coat_tiny": {"img_size": 64}, "nest_tiny": {"img_size": 64, "cut": 1}, "mvitv2_tiny": {"img_size": 64, "cut": 1},
    "tiny_vit_5m_224": {"cut": 1}, "visformer_tiny": {"img_size": 64},
    "hiera_tiny_224": {"img_size": 64, "embed_dim": 32, "num_heads": 1},
    "samvit_base_patch16_224": {"img_size": 64, "depth": 2, "embed_dim": 96, "num_heads": 4},
}  # fmt: skip
"""Names of timm with the arguments that make them small.

``size``, ``batch`` and ``cut`` are ours: the images', and the blocks per stage.
"""


def _timm(name: str) -> Case:
    import timm

    arguments = dict(TIMM[name])
    size = arguments.pop("size", arguments.get("img_size", 64))
    samples, cut = arguments.pop("batch", SAMPLES), arguments.pop("cut", None)
    net = timm.create_model(name, pretrained=False, num_classes=CLASSES, **arguments)
    for module in net.modules() if cut else ():
        for attribute in ("blocks", "layers", "transformer_encoder"):
            stage = getattr(module, attribute, None)
            if type(stage) in (nn.Sequential, nn.ModuleList) and len({type(block) for block in stage}) == 1:
                setattr(module, attribute, stage[:cut])
    return Case(net, _images(size)[:samples], _labels()[:samples])


# torchvision --------------------

TORCHVISION: dict[str, dict[str, Any]] = {
    "squeezenet1_1": {}, "resnet18": {}, "densenet121": {},
    "googlenet": {"size": 96, "init_weights": False},
    "mobilenet_v2": {}, "mobilenet_v3_small": {}, "mnasnet0_5": {}, "shufflenet_v2_x0_5": {}, "efficientnet_b0": {},
    "regnet_y_400mf": {},
    "vit_b_32": {"image_size": 64, "cut": 2},
}  # fmt: skip
SEGMENTATION = ("lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large")
VIDEO = ("mc3_18",)


def declare_torchvision() -> None:
    """Declare the operators that torchvision's package looks up while it is imported, where its own are missing."""
    with contextlib.suppress(ImportError, RuntimeError):
        import torchvision  # noqa: F401

        return
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        with contextlib.suppress(RuntimeError):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _KEPT.append(library)


_KEPT: list[Any] = []


def _torchvision(name: str) -> Case:
    from torchvision import models

    arguments = dict(TORCHVISION[name])
    size = arguments.pop("size", 64)
    samples = arguments.pop("batch", SAMPLES)
    cut = arguments.pop("cut", None)
    net = models.get_model(name, weights=None, num_classes=CLASSES, **arguments)
    if cut:
        net.encoder.layers = net.encoder.layers[:cut]
    return Case(net, _images(size)[:samples], _labels()[:samples], "logits" if name == "googlenet" else None)


def _segmentation(name: str) -> Case:
    from torchvision import models

    net = models.get_model(name, weights=None, weights_backbone=None, num_classes=CLASSES)
    labels = torch.randint(CLASSES, (4, 32, 32))
    return Case(net, _images(32)[:4], labels, "out")


def _video(name: str) -> Case:
    from torchvision import models

    net = models.get_model(name, weights=None, num_classes=CLASSES)
    return Case(net, torch.randn(2, 3, 4, 32, 32), torch.tensor([0, 1]))


# transformers --------------------

TINY = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 60,
    "max_position_embeddings": 64, "num_labels": CLASSES, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "use_cache": False,
}  # fmt: skip
TEXT: dict[str, dict[str, Any]] = {
    "bert": {}, "roberta": {}, "albert": {"embedding_size": 16}, "electra": {"embedding_size": 16},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "mobilebert": {"embedding_size": 32, "true_hidden_size": 32, "intra_bottleneck_size": 32},
    "squeezebert": {"embedding_size": 32}, "mpnet": {}, "camembert": {}, "ernie": {},
    "convbert": {"embedding_size": 16},
    "nystromformer": {"num_landmarks": 4, "segment_means_seq_len": 16, "max_position_embeddings": 64},
    "big_bird": {"attention_type": "original_full"}, "longformer": {"attention_window": [4, 4]},
    "funnel": {"num_hidden_layers": None, "block_sizes": [1, 1], "d_model": 32, "n_head": 4, "d_head": 8,
        "d_inner": 64, "num_decoder_layers": 1},
    "fnet": {}, "yoso": {"use_expectation": True}, "ibert": {"quant_mode": False}, "xlnet": {
        "max_position_embeddings": None, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64,
        "use_mems_eval": False, "use_mems_train": False},
    "canine": {"local_transformer_stride": 4, "downsampling_rate": 2, "num_hash_buckets": 64},
    "modernbert": {"global_attn_every_n_layers": 2, "local_attention": 8}, "mra": {}, "roformer": {},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "openai-gpt": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "gpt_neo": {"num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]], "window_size": 4},
    "gptj": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4}, "gpt_neox": {},
    "gpt_bigcode": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}, "opt": {
        "ffn_dim": 64, "word_embed_proj_dim": 32, "pad_token_id": 1}, "bloom": {"n_layer": 2, "n_head": 4},
    "ctrl": {"n_embd": 32, "dff": 64, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "llama": {"num_key_value_heads": 2}, "mistral": {"num_key_value_heads": 2, "sliding_window": 4},
    "mixtral": {"num_key_value_heads": 2, "num_local_experts": 4}, "falcon": {}, "phi": {}, "phi3": {},
    "gemma": {"num_key_value_heads": 2, "head_dim": 8}, "gemma2": {"num_key_value_heads": 2, "head_dim": 8},
    "gemma3_text": {"num_key_value_heads": 2, "head_dim": 8}, "qwen2": {"num_key_value_heads": 2},
    "qwen2_moe": {"num_key_value_heads": 2, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
                  "shared_expert_intermediate_size": 32}, "qwen3": {"num_key_value_heads": 2, "head_dim": 8},
    "olmo": {}, "stablelm": {"num_key_value_heads": 4}, "cohere": {"num_key_value_heads": 2}, "starcoder2": {
        "num_key_value_heads": 2}, "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64},
    "persimmon": {}, "nemotron": {"num_key_value_heads": 2}, "codegen": {
        "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4, "n_ctx": 64},
    "mamba": {"state_size": 4}, "mamba2": {"state_size": 4, "num_heads": 8, "head_dim": 8, "n_groups": 1},
    "rwkv": {"attention_hidden_size": 32, "context_length": 64}, "recurrent_gemma": {
        "num_hidden_layers": 3, "num_key_value_heads": 1, "lru_width": 32, "attention_window_size": 8},
    "t5": {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0},
    "mt5": {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0},
    "switch_transformers": {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "num_experts": 4,
                            "num_decoder_layers": 2, "decoder_start_token_id": 0},
    "bart": {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
             "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "decoder_start_token_id": 2},
    "pegasus": {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
                "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
                "decoder_start_token_id": 0},
    "prophetnet": {"num_hidden_layers": None, "num_encoder_layers": 2, "num_decoder_layers": 2,
        "num_encoder_attention_heads": 4,
                   "num_decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
                   "decoder_start_token_id": 0, "disable_ngram_loss": True},
}  # fmt: skip
"""Types of transformers' configurations with what differs from :data:`TINY`."""

SEQUENCES = ("t5", "mt5", "switch_transformers", "bart", "pegasus", "prophetnet")
MASKED = ("bert", "roberta", "electra", "distilbert")
IMAGES: dict[str, dict[str, Any]] = {
    "vit": {"image_size": 32, "patch_size": 8}, "swin": {
        "hidden_size": None, "num_hidden_layers": None, "num_attention_heads": None, "image_size": 32,
        "patch_size": 4, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 4], "window_size": 4},
    "convnext": {"hidden_size": None, "num_hidden_layers": None, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1,
        1, 1], "num_stages": 4}, "beit": {"image_size": 32, "patch_size": 8},
    "mobilevit": {"hidden_sizes": [16, 24, 32], "neck_hidden_sizes": [8, 8, 16, 16, 24, 24, 32], "image_size": 32},
    "regnet": {"num_hidden_layers": None, "embedding_size": 8, "hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1,
        1], "groups_width": 8},
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1]},
    "bit": {"num_hidden_layers": None, "embedding_size": 8, "hidden_sizes": [32, 32, 64, 64], "depths": [1, 1, 1,
        1], "num_groups": 4},
    "pvt": {"image_size": 32, "hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1,
        2, 2, 4]},
    "poolformer": {"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1]},
    "segformer": {"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 2, 2, 4]},
    "focalnet": {"image_size": 32, "embed_dim": 16, "depths": [1, 1]}, "dinov2": {"image_size": 32, "patch_size": 8},
    "efficientnet": {"image_size": 64, "width_coefficient": 0.25, "depth_coefficient": 0.25, "hidden_dim": 320},
    "data2vec-vision": {"image_size": 32, "patch_size": 8}, "vit_msn": {"image_size": 32, "patch_size": 8},
    "mobilenet_v1": {"image_size": 64}, "mobilenet_v2": {"image_size": 64}, "perceiver": {
        "image_size": 16, "num_latents": 8, "d_latents": 32, "num_blocks": 1, "num_self_attends_per_block": 2,
        "num_self_attention_heads": 4, "num_cross_attention_heads": 1},
}  # fmt: skip
AUDIO: dict[str, dict[str, Any]] = {
    "wav2vec2": {}, "hubert": {}, "wavlm": {}, "sew": {"squeeze_factor": 2}, "whisper": {
        "d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 64, "num_mel_bins": 8,
        "max_source_positions": 16, "decoder_layers": 1, "decoder_attention_heads": 4, "decoder_ffn_dim": 64,
        "decoder_start_token_id": 1},
    "audio-spectrogram-transformer": {"max_length": 32, "num_mel_bins": 16, "patch_size": 8, "frequency_stride": 8,
                                      "time_stride": 8},
    "unispeech-sat": {}, "data2vec-audio": {"num_conv_pos_embeddings": 2},
}  # fmt: skip
WAVES = {
    "conv_dim": (8, 16), "conv_stride": (4, 4), "conv_kernel": (8, 4), "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "mask_time_prob": 0.0,
        "apply_spec_augment": False,
    "classifier_proj_size": 16,
}  # fmt: skip


def _config(kind: str, own: dict[str, Any], **common: Any) -> Any:
    """Return a small configuration without dropout."""
    from transformers import CONFIG_MAPPING

    given = {name: value for name, value in {**TINY, **common, **own}.items() if value is not None}
    config = CONFIG_MAPPING[kind](**given)
    for name in vars(config).copy():
        if ("drop" in name or name.endswith("pdrop")) and isinstance(getattr(config, name), float):
            setattr(config, name, 0.0)
    config._attn_implementation = "eager" if kind in ("imagegpt",) else config._attn_implementation
    return config


def _text(kind: str, head: str) -> Case:
    import transformers as hf

    config = _config(kind, TEXT[kind])
    makers = {
        "classifier": hf.AutoModelForSequenceClassification,
        "language model": hf.AutoModelForSeq2SeqLM if kind in SEQUENCES else hf.AutoModelForCausalLM,
        "masked": hf.AutoModelForMaskedLM,
    }
    net = makers[head].from_config(config)
    tokens = torch.randint(3, TINY["vocab_size"], (SAMPLES, 16))
    inputs = {"input_ids": tokens}
    if head == "classifier" and kind in SEQUENCES:
        tokens[:, -1] = TINY["eos_token_id"]
    if head == "language model" and kind in SEQUENCES:
        inputs["decoder_input_ids"] = torch.randint(3, TINY["vocab_size"], (SAMPLES, 7))
    labels = _labels() if head == "classifier" else torch.randint(TINY["vocab_size"], (SAMPLES, 16))
    if "decoder_input_ids" in inputs:
        labels = labels[:, :7]
    return Case(net, inputs, labels, "logits")


def _image(kind: str) -> Case:
    import transformers as hf

    config = _config(kind, IMAGES[kind], num_channels=3)
    if kind == "perceiver":
        net: nn.Module = hf.PerceiverForImageClassificationConvProcessing(config)
        return Case(net, {"inputs": _images(32)}, _labels(), "logits")
    net = hf.AutoModelForImageClassification.from_config(config)
    size = config.image_size if isinstance(getattr(config, "image_size", None), int) else 64
    return Case(net, {"pixel_values": _images(max(32, size))}, _labels(), "logits")


def _imagegpt() -> Case:
    import transformers as hf

    own = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
    net = hf.ImageGPTForImageClassification(_config("imagegpt", own))
    return Case(net, {"input_ids": torch.randint(60, (SAMPLES, 16))}, _labels(), "logits")


def _audio(kind: str) -> Case:
    import transformers as hf

    waves = {} if kind in ("whisper", "audio-spectrogram-transformer") else WAVES
    net = hf.AutoModelForAudioClassification.from_config(_config(kind, AUDIO[kind], **waves))
    if kind == "whisper":
        return Case(net, {"input_features": torch.randn(SAMPLES, 8, 32)}, _labels(), "logits")
    values = torch.randn(SAMPLES, 32, 16) if kind == "audio-spectrogram-transformer" else torch.randn(SAMPLES, 400)
    return Case(net, {"input_values": values}, _labels(), "logits")


# All of them --------------------


def _networks() -> dict[str, Callable[[], Case]]:
    found: dict[str, Callable[[], Case]] = {}
    found.update({f"timm {name}": partial(_timm, name) for name in TIMM})
    found.update({f"torchvision {name}": partial(_torchvision, name) for name in TORCHVISION})
    found.update({f"torchvision {name} (segmentation)": partial(_segmentation, name) for name in SEGMENTATION})
    found.update({f"torchvision {name} (video)": partial(_video, name) for name in VIDEO})
    headless = ("mamba", "mamba2", "rwkv", "codegen", "recurrent_gemma", "cohere", "olmo")
    for kind in TEXT:
        head = "language model" if kind in (*headless, *SEQUENCES) else "classifier"
        found[f"transformers {kind} ({head})"] = partial(_text, kind, head)
    for kind in ("gpt2", "llama", "mixtral", "falcon"):
        found[f"transformers {kind} (language model)"] = partial(_text, kind, "language model")
    for kind in MASKED:
        found[f"transformers {kind} (masked language model)"] = partial(_text, kind, "masked")
    found.update({f"transformers {kind} (images)": partial(_image, kind) for kind in IMAGES})
    found["transformers imagegpt (images)"] = _imagegpt
    found.update({f"transformers {kind} (audio)": partial(_audio, kind) for kind in AUDIO})
    return found


NETWORKS = _networks()


def build(name: str) -> Case:
    """Build a network, always with the same weights, without dropout, in train mode."""
    torch.manual_seed(0)
    case = NETWORKS[name]()
    case.net.train()
    for module in case.net.modules():
        for attribute in ("p", "drop_prob", "drop_rate", "dropout_p", "layerdrop"):
            if isinstance(getattr(module, attribute, None), float):
                setattr(module, attribute, 0.0)
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
    return case
