"""Networks of timm (pytorch-image-models, Apache-2.0), by the names of its architectures.

There is no search space behind them: these are networks that people designed, trained and use, unlike each other. So
they have no neighbours, and a mutation is refused. timm itself is needed to build one, and for a name that is not
listed here.

>>> from random import Random
>>> SPACE.sample(Random(0)), SPACE.canonical("resnet50")
('regnetx_004', 'resnet50')
"""

from __future__ import annotations

from copy import deepcopy
from importlib import import_module
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._space import keyed

if TYPE_CHECKING:
    from torch import nn

NAMES = tuple(
    """
    bat_resnext26ts botnet26t_256 caformer_m36 caformer_s36 coat_lite_medium_384 coat_lite_small coat_mini coat_tiny
    coatnet_1_rw_224 coatnet_bn_0_rw_224 coatnet_rmlp_2_rw_224 coatnet_rmlp_nano_rw_224 convformer_b36 convformer_s18
    convit_base convit_tiny convmixer_1536_20 convnext_atto convnext_base convnext_femto_ols convnext_nano_ols
    convnext_pico_ols convnext_tiny convnext_zepto_rms convnextv2_atto convnextv2_femto convnextv2_large convnextv2_pico
    crossvit_15_240 crossvit_15_dagger_408 crossvit_18_dagger_240 crossvit_9_240 crossvit_base_240 crossvit_tiny_240
    cs3darknet_focus_m cs3darknet_l cs3darknet_x cs3se_edgenet_x cs3sedarknet_x cspresnet50 darknet53 davit_base
    davit_tiny deit3_base_patch16_384 deit3_large_patch16_224 deit3_medium_patch16_224 deit3_small_patch16_384
    deit_base_patch16_384 deit_small_patch16_224 deit_tiny_patch16_224 densenet161 densenet201 dla102 dla102x2 dla34
    dla46x_c dla60_res2net dla60x dm_nfnet_f0 dm_nfnet_f2 dm_nfnet_f4 dm_nfnet_f6 dpn131 dpn68b dpn98 eca_halonext26ts
    eca_nfnet_l1 eca_resnet33ts ecaresnet101d ecaresnet269d ecaresnet50d ecaresnet50t edgenext_small_rw
    edgenext_xx_small efficientnet_b0 efficientnet_b1_pruned efficientnet_b2_pruned efficientnet_b3_pruned
    efficientnet_el_pruned efficientnet_es efficientnet_h_b5 efficientnet_x_b5 efficientnetv2_rw_s efficientvit_b0
    efficientvit_b2 efficientvit_l1 efficientvit_l3 efficientvit_m1 efficientvit_m3 efficientvit_m5 ese_vovnet39b
    fasternet_m fasternet_t0 fasternet_t2 fastvit_s12 fastvit_sa24 fastvit_t12 fbnetc_100 fbnetv3_d flexivit_base
    flexivit_small focalnet_base_srf focalnet_small_srf focalnet_tiny_srf gcresnet33ts gcresnext26ts gcvit_base
    gcvit_tiny gcvit_xxtiny gernet_m ghostnet_100 ghostnetv2_130 ghostnetv3_100 gmlp_s16_224 halonet26t haloregnetz_b
    hardcorenas_b hardcorenas_d hardcorenas_f hgnet_small hiera_base_plus_224 hiera_large_224 hrnet_w18
    hrnet_w18_small_v2 hrnet_w30 hrnet_w40 hrnet_w48 hrnet_w64 inception_next_base inception_next_tiny inception_v3
    lambda_resnet26rpt_256 lambda_resnet50ts lcnet_050 lcnet_100 legacy_seresnet101 legacy_seresnet18 legacy_seresnet50
    legacy_seresnext26_32x4d legacy_xception mambaout_base_tall_rw mambaout_femto mambaout_small mambaout_tiny
    maxvit_base_tf_384 maxvit_large_tf_224 maxvit_large_tf_512 maxvit_rmlp_nano_rw_256 maxvit_rmlp_small_rw_224
    maxvit_small_tf_224 maxvit_small_tf_512 maxvit_tiny_tf_224 maxvit_tiny_tf_512 maxxvit_rmlp_small_rw_256 mixnet_l
    mixnet_s mnasnet_100 mobilenet_edgetpu_v2_m mobilenetv1_100h mobilenetv2_050 mobilenetv2_110d mobilenetv2_140
    mobilenetv3_large_150d mobilenetv3_small_050 mobilenetv3_small_100 mobilenetv4_conv_blur_medium
    mobilenetv4_conv_medium mobilenetv4_conv_small_050 mobilenetv4_hybrid_medium mobileone_s1 mobileone_s3 mobilevit_s
    mobilevit_xxs mobilevitv2_075 mobilevitv2_125 mobilevitv2_175 mvitv2_base mvitv2_small naflexvit_base_patch16_gap
    naflexvit_base_patch16_parfac_gap nest_base_jx nest_tiny_jx nextvit_large nf_regnet_b1 nfnet_l0 poolformer_m36
    poolformer_s12 poolformer_s36 poolformerv2_m48 poolformerv2_s24 pvt_v2_b0 pvt_v2_b2 pvt_v2_b3 pvt_v2_b5 rdnet_large
    rdnet_tiny regnetv_064 regnetx_004 regnetx_006 regnetx_016 regnetx_040 regnetx_080 regnetx_160 regnety_002
    regnety_006 regnety_008_tv regnety_032 regnety_064 regnety_080_tv regnetz_040_h regnetz_c16 regnetz_d32
    regnetz_d8_evos repghostnet_050 repghostnet_080 repghostnet_111 repghostnet_150 repvgg_a0 repvgg_a2 repvgg_b1
    repvgg_b2 repvgg_b3 repvgg_d2se res2net101d res2net50_26w_4s res2net50_26w_8s res2net50d resmlp_12_224 resmlp_36_224
    resnest101e resnest200e resnest26d resnest50d_1s4x24d resnet101 resnet101d resnet10t resnet152 resnet152d resnet18
    resnet200d resnet26d resnet32ts resnet34 resnet50 resnet50c resnet50s resnet61q resnetaa50 resnetblur50 resnetrs152
    resnetrs270 resnetrs420 resnetv2_101 resnetv2_18d resnetv2_34d resnetv2_50d_evos resnext101_32x4d resnext101_64x4d
    resnext50_32x4d rexnet_100 rexnet_150 rexnet_300 sehalonet33ts selecsls60 semnasnet_075 senet154 sequencer2d_m
    seresnet152d seresnet50 seresnext101_32x8d seresnext101d_32x8d seresnext26t_32x4d seresnext50_32x4d shvit_s2
    shvit_s4 skresnet34 spnasnet_100 starnet_s2 starnet_s4 swin_base_patch4_window7_224 swin_s3_small_224
    swin_small_patch4_window7_224 swinv2_base_window16_256 swinv2_cr_small_224 swinv2_cr_tiny_ns_224
    swinv2_small_window8_256 swinv2_tiny_window8_256 test_convnext test_convnext3 test_efficientnet_evos
    test_efficientnet_ln test_resnet test_vit2 tf_efficientnet_b0 tf_efficientnet_b2 tf_efficientnet_b4
    tf_efficientnet_b6 tf_efficientnet_b8 tf_efficientnet_cc_b0_8e tf_efficientnet_el tf_efficientnet_es
    tf_efficientnet_lite0 tf_efficientnet_lite2 tf_efficientnet_lite4 tf_efficientnetv2_b1 tf_efficientnetv2_b3
    tf_efficientnetv2_m tf_mixnet_m tf_mobilenetv3_large_075 tf_mobilenetv3_large_minimal_100 tf_mobilenetv3_small_100
    tiny_vit_11m_224 tiny_vit_5m_224 tinynet_b tinynet_d tnt_b_patch16_224 tnt_s_patch16_224 tresnet_m tresnet_xl
    twins_pcpvt_large twins_svt_base twins_svt_small vgg11_bn vgg13_bn vgg16_bn vgg19_bn visformer_tiny
    vit_base_patch16_rope_224 vit_base_patch16_rope_mixed_224 vit_base_patch16_rope_reg1_gap_256 vit_base_patch32_224
    vit_betwixt_patch16_reg4_gap_256 vit_betwixt_patch16_rope_reg4_gap_256 vit_large_patch16_rope_ape_224
    vit_large_patch16_rope_mixed_ape_224 vit_medium_patch16_reg1_gap_256 vit_medium_patch16_rope_reg1_gap_256
    vit_pwee_patch16_reg1_gap_256 vit_relpos_base_patch16_clsgap_224 vit_relpos_medium_patch16_224
    vit_relpos_medium_patch16_rpn_224 vit_small_patch16_224 vit_small_patch16_rope_224 vit_small_patch16_rope_mixed_224
    vit_srelpos_small_patch16_224 wide_resnet50_2 xception41p xception65p xcit_large_24_p16_224 xcit_large_24_p8_224
    xcit_medium_24_p16_224 xcit_medium_24_p8_224 xcit_nano_12_p16_224 xcit_nano_12_p8_224 xcit_small_12_p16_224
    xcit_small_12_p8_224 xcit_small_24_p16_224 xcit_small_24_p8_224 xcit_tiny_12_p16_224 xcit_tiny_12_p8_224
    xcit_tiny_24_p16_224 xcit_tiny_24_p8_224
    """.split()
)
"""Architectures with published weights that were trained on ImageNet-1k alone, without a teacher (see
:mod:`naslib_zc_plugin.benchmarks.timm`), in alphabetical order."""


@keyed
class Timm:
    """The architectures of timm. Those of :data:`NAMES` have a position, and are drawn; any other can be built, too.

    A key is the name of an architecture, ``resnet50``, without the tag of a training, ``resnet50.a1_in1k``.
    """

    name = "timm"
    size = len(NAMES)
    software = ("timm",)

    def key(self, index: int) -> str:
        """Return the name at a position of :data:`NAMES`.

        Raises:
            ValueError: there is no such position.
        """
        if not 0 <= index < self.size:
            raise ValueError(f"timm has the indices 0 to {self.size - 1}, found {index}")
        return NAMES[index]

    def index(self, key: str) -> int:
        """Return the position of a name in :data:`NAMES`.

        Raises:
            ValueError: it has none.
        """
        if key not in NAMES:
            raise ValueError(f"{self.canonical(key)!r} has no position: it is none of the {self.size} that are listed")
        return NAMES.index(key)

    def sample(self, rng: Random) -> str:
        """Draw one of :data:`NAMES` uniformly."""
        return rng.choice(NAMES)

    def neighbours(self, key: str) -> list[str]:
        """Refuse: no elementary change leads from one of these networks to another.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"{self.canonical(key)!r} has no neighbours: the networks of timm are not made of common choices; "
            "score all that are of interest, or search at random"
        )

    def mutate(self, key: str, rng: Random, rule: str = "none") -> str:
        """Refuse, as :meth:`neighbours` does.

        Raises:
            ValueError: always.
        """
        return rng.choice(self.neighbours(key))

    def canonical(self, key: str) -> str:
        """Return the name itself; one that is not listed must be known to timm, which is imported to ask it.

        Raises:
            ValueError: there is no such architecture, or timm is needed to know and is not installed.
        """
        if key in NAMES:
            return key
        architecture, dot, tag = key.partition(".")
        if dot:
            raise ValueError(f"{key!r} names a training: write the architecture alone, {architecture!r}")
        try:
            known = _timm().is_model(key)
        except ImportError as error:
            raise ValueError(f"{key!r} is none of the {self.size} listed architectures, and {error}") from error
        if not known:
            raise ValueError(f"timm {_timm().__version__} has no architecture {key!r}")
        return key

    def build(self, key: str, num_classes: int = 1000, img_size: int | None = None) -> nn.Module:
        """Build the freshly initialised network of a name, as ``timm.create_model`` does without weights.

        Args:
            key: the architecture.
            num_classes: number of logits.
            img_size: height and width of the images, for networks that are built for one size, such as vision
                transformers; the others take any, or are refused. None: the size that timm has for the architecture.
                No network is built for another size than that: networks are compared on the same images.

        Returns:
            The network: images (N, 3, H, W) to logits (N, num_classes).

        Raises:
            ValueError: there is no such architecture, or it cannot be built for that size, or does not run with it.
            ImportError: timm is not installed.
        """
        key, timm = self.canonical(key), _timm()
        config = timm.get_pretrained_cfg(key)
        options: dict[str, Any] = {"num_classes": num_classes}
        if img_size is not None and (config is None or config.fixed_input_size):
            options["img_size"] = img_size
        try:
            network: nn.Module = timm.create_model(key, pretrained=False, **options)
        except (AssertionError, TypeError, ValueError) as error:
            size = "" if img_size is None else f" for images of {img_size} × {img_size}"
            raise ValueError(f"timm cannot build {key!r}{size}: {error or type(error).__name__}") from error
        if img_size is not None:
            _check_takes(network, key, img_size, config)
        return network


SPACE = Timm()


def _check_takes(network: nn.Module, key: str, img_size: int, config: Any) -> None:
    """Run a copy of a network on one image, unless it is of the size that timm has for it.

    Raises:
        ValueError: it does not run.
    """
    import torch

    made_for = () if config is None else tuple(config.input_size)
    if made_for[1:] == (img_size, img_size):
        return
    shape = (1, made_for[0] if made_for else 3, img_size, img_size)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            deepcopy(network).eval()(torch.zeros(shape))
    except (AssertionError, RuntimeError, ValueError) as error:
        other = f" timm has it for {made_for[1]} × {made_for[2]};" if made_for else ""
        raise ValueError(
            f"{key!r} does not take images of {img_size} × {img_size}:{other} leave it out, or take images of a size "
            f"that all networks take ({type(error).__name__}{f': {error}' if str(error) else ''})"
        ) from error


def _timm() -> Any:
    """Return timm's package.

    Raises:
        ImportError: it, or what it needs, is not installed.
    """
    try:
        return import_module("timm")
    except (ImportError, RuntimeError) as error:  # the second: operators that its torchvision was built without
        raise ImportError(f"timm is needed: pip install 'naslib-zc-plugin[zoo]' ({error})") from error
