"""timm's results: which trainings count, the one truth, and tables that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from naslib_zc_plugin.benchmarks import benchmark, convert_benchmark
from naslib_zc_plugin.benchmarks.timm import TABLE, alone, architecture_effects, family
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces.timm import NAMES
from tests.benchmarks import zoo


@pytest.mark.parametrize(
    "model",
    [
        "resnet50.tv_in1k", "swinv2_cr_tiny_ns_224.sw_in1k", "cs3darknet_l.c2ns_in1k", "tf_efficientnet_b4.ap_in1k",
        "convnextv2_atto.fcmae_ft_in1k", "hiera_large_224.mae_in1k_ft_in1k", "davit_tiny.msft_in1k",
    ],
)  # fmt: skip
def test_trained_on_imagenet_alone(model: str) -> None:
    assert alone(model)


@pytest.mark.parametrize(
    "model",
    [
        "resnet50.fb_ssl_yfcc100m_ft_in1k", "resnet50.fb_swsl_ig1b_ft_in1k", "tf_efficientnet_b0.ns_jft_in1k",
        "convnext_tiny.in12k_ft_in1k", "vit_base_patch16_224.augreg_in21k", "beitv2_base_patch16_224.in1k_ft_in1k",
        "deit_tiny_distilled_patch16_224.fb_in1k", "pit_s_distilled_224.in1k", "volo_d1_224.sail_in1k",
        "edgenext_base.usi_in1k", "resmlp_12_224.fb_distilled_in1k", "hgnet_tiny.ssld_in1k",
        "vit_base_patch16_clip_224.openai_ft_in1k", "levit_128.fb_dist_in1k",
    ],
)  # fmt: skip
def test_trained_with_other_data_or_a_teacher(model: str) -> None:
    assert not alone(model)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("resnet50", "resnet"), ("resnetv2_50d_evos", "resnet"), ("tf_efficientnetv2_b3", "efficientnet"),
        ("vit_base_patch16_rope_224", "vit"), ("swinv2_tiny_window8_256", "swin"), ("regnety_002", "regnety"),
        ("dm_nfnet_f0", "nfnet"), ("mobilenetv4_conv_medium", "mobilenet"), ("xcit_nano_12_p16_224", "xcit"),
    ],
)  # fmt: skip
def test_families(key: str, expected: str) -> None:
    assert family(key) == expected


def test_the_model_finds_what_made_the_numbers() -> None:
    """Every architecture with two of the tags, at two sizes: only what all tags share is shrunk."""
    rng = np.random.default_rng(0)
    true, tags = rng.normal(75, 4, 40), np.array([-1.0, 0.0, 1.0])
    rows = [(a, (a + k) % 3, size) for a in range(40) for k in range(2) for size in (160, 224, 288)]
    architecture, tag, size = (np.array(column) for column in zip(*rows))
    top1 = true[architecture] + tags[tag] + 3 * np.log2(size / 224)
    found = architecture_effects(architecture, tag, size.astype(float), top1)
    np.testing.assert_allclose(found, true, atol=0.05)
    means = np.array([top1[architecture == a].mean() for a in range(40)])
    assert np.abs(found - true).max() < 0.1 * np.abs(means - true).max()


def test_a_tag_alone_has_no_effect() -> None:
    """Nothing tells a training that no other architecture shares from its architecture."""
    found = architecture_effects(np.array([0, 1, 2]), np.array([0, 1, 2]), np.full(3, 224.0), np.array([70.0, 75, 80]))
    np.testing.assert_allclose(found, [70, 75, 80], atol=1e-9)


def test_one_row_for_each_architecture(tmp_path: Path) -> None:
    convert_benchmark("timm", zoo.write(tmp_path), tmp_path)
    found = benchmark("timm", tmp_path)
    assert found.keys == ("resnet18", "resnet50", "vit_tiny")
    assert found.column("best_top1") == {"resnet18": 71.5, "resnet50": 80.4, "vit_tiny": 75.0}
    assert found.column("trainings") == {"resnet18": 2, "resnet50": 2, "vit_tiny": 1}
    assert found.column("params_M")["resnet50"] == 1025.6, "thousands are separated"
    assert found.column("gmacs") == {"resnet18": 1.8, "resnet50": 4.1}
    assert found.column("top1_imagenet_real")["resnet18"] == 78.0
    accuracy = found.column("accuracy")
    assert 70 < accuracy["resnet18"] < 71.5 and 76 < accuracy["resnet50"] < 80.4
    assert 73 < accuracy["vit_tiny"] < 75, "its training was the better one for the others"


def test_the_results_at_hand(shared: Path) -> None:
    found = benchmark("timm", shared / "data")
    assert found.keys == NAMES
    accuracy, best = found.column("accuracy"), found.column("best_top1")
    assert (best["resnet50"], found.column("trainings")["resnet50"]) == (81.24, 16)
    assert 78.5 < accuracy["resnet50"] < 79.9
    assert spearmanr([accuracy[key] for key in NAMES], [best[key] for key in NAMES]).statistic > 0.9
    assert sum(size <= 30 for size in found.column("params_M").values()) == 217


def changed(**columns: Any) -> dict[str, Any]:
    models, accuracies = ["resnet18.a_in1k", "resnet50.a_in1k"], np.array([70.0, 80.0])
    return {"model": models, "img_size": np.array([224, 224]), "top1": accuracies, **columns}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (changed(model=["resnet18.a_in1k"] * 2), "a row for each model and image size; found some more than once"),
        (changed(model=["resnet18", "resnet50.a_in1k"]), "models such as resnet50.a1_in1k; found 'resnet18'"),
        (changed(model=["a.in22k_ft_in1k", "b.in22k_ft_in1k"]), "trained on ImageNet-1k alone; found none"),
        (changed(top1=np.array([70.0, 180.0])), "sizes of images and percents; found 224 and 180 of resnet50"),
        (changed(top1=np.array([70.0, np.nan])), "sizes of images and percents"),
        (changed(img_size=np.array([0, 224])), "sizes of images and percents; found 0 and 70"),
        (changed(top1=["70", "80"]), "'top1' as a column of numbers; found '70'"),
        (changed(speed=np.array([1.0, 2.0])), "columns of timm's results alone; found columns speed"),
        (changed(params_M=np.array([-1.0, 2.0])), "'params_M' finite and not below 0"),
        ({"model": ["resnet18.a_in1k"]}, "'img_size' as a column of numbers; found none"),
    ],
)
def test_tables_that_are_none(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        TABLE.check(Path("imagenet.parquet"), columns)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,top1\nresnet18.a_in1k,70\n", "found columns model, top1"),
        ("model,img_size,top1,top5,param_count\nresnet18.a_in1k,224,70\n", "5 entries in each row; found 3 in row 0"),
        ("model,img_size,top1,top5,param_count\nresnet18.a_in1k,224,good,90,11\n", "top1 as a number; found good"),
        ("model,img_size,top1,top5,param_count\nresnet18,224,70,90,11\n", "with models such as resnet50.a1_in1k"),
    ],
)
def test_results_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "results-imagenet.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        convert_benchmark("timm", tmp_path, tmp_path / "data")
    assert not (tmp_path / "data").exists()
