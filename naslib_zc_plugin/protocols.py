"""Published protocols: how the code of a paper runs its proxies, which moves numbers more than formulas do."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Callable

from naslib_zc_plugin.proxies import canonical
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.registry import closest

if TYPE_CHECKING:
    from torch import Tensor

    from naslib_zc_plugin.probes import Probe, Tokens

Channels = tuple[float, float, float]
Normalisation = Mapping[str, tuple[Channels, Channels]]

ZEROCOST: Normalisation = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "imagenet16_120": ((122.68 / 255, 116.66 / 255, 104.01 / 255), (63.22 / 255, 61.26 / 255, 65.09 / 255)),
}
AUTODL: Normalisation = {
    "cifar10": ((125.3 / 255, 123.0 / 255, 113.9 / 255), (63.0 / 255, 62.1 / 255, 66.7 / 255)),
    "cifar100": ((129.3 / 255, 124.1 / 255, 112.4 / 255), (68.2 / 255, 65.4 / 255, 70.4 / 255)),
    "imagenet16_120": ((122.68 / 255, 116.66 / 255, 104.01 / 255), (63.22 / 255, 61.26 / 255, 65.09 / 255)),
}
EPSILON_WEIGHTS = {"nasbench201": (1e-7, 1.0), "nasbench101": (1e-4, 10.0), "nasbench_nlp": (1e-5, 1e-3)}
"""epsilon's weights per search space (egracheva/epsinas; the paper's Table 4 misprints the last)."""


@dataclass(frozen=True)
class Protocol:
    """A protocol. Networks are fresh, as their space initialises them, and in train mode in all of them.

    Attributes:
        name: name.
        source: the code that it describes.
        batch_size: samples in the batch.
        normalisation: mean and standard deviation per channel, of images in [0, 1], by data set; empty: none.
        augment: random crop (padding 4; 2 for images of 16 × 16) and flip.
        same_batch: one batch for all architectures; otherwise a fresh one each.
        classes: outputs of the networks, whatever the data set; None: one per class.
        variant: which of a space's networks, where it has several.
        logs: proxies whose scores are given as sign · log.
        options: proxies' options that differ from the defaults.
        truth: column of the trained accuracies that "CIFAR-10" means there.
        seed: seed of the published runs.
        balanced: images of each class in the batch, of as many random classes as fill it; 0: images drawn whatever
            their class, as all published codes do.
        loss: a name of :data:`LOSSES`.
        size: height and width that the images are brought to, by bilinear interpolation, after all else; 0: their own.
        spaces: by search space, the fields that differ there.
    """

    name: str
    source: str
    batch_size: int
    normalisation: Normalisation
    augment: bool
    same_batch: bool
    variant: str
    truth: str
    seed: int
    classes: int | None = None
    logs: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    balanced: int = 0
    loss: str = "labels"
    size: int = 0
    spaces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """Return the fields as stores hold them, under the names that they had when stores were first written."""
        fields = asdict(self)
        return {"flavour" if name == "variant" else name: value for name, value in fields.items()}

    def within(self, space: str) -> Protocol:
        """Return the protocol as it is in a search space."""
        return replace(self, **{**self.spaces.get(space, {}), "spaces": {}})

    def objective(self) -> Callable[[Any, Any], Tensor] | None:
        """Return the loss, as :func:`naslib_zc_plugin.score` takes it; None: cross-entropy."""
        return LOSSES[self.loss]

    def truth_of(self, dataset: str) -> str:
        """Return the column of trained accuracies that the protocol compares with on a data set.

        Networks trained on half of the data exist for CIFAR-10 only; the other data sets have a validation set.
        """
        found = self.truth.replace("cifar10", "imagenet16" if dataset.startswith("imagenet16") else dataset)
        return found if dataset == "cifar10" else found.replace("_half_train", "")

    def requests(self, names: Iterable[str], space: str) -> list[ProxyRequest]:
        """Return proxies with the options that the protocol gives them in a search space.

        Args:
            names: the proxies, in any spelling of the field's; it is the label of the request.
            space: search space.

        Raises:
            ValueError: no proxy has that name.

        >>> protocol("zerocost").requests(["synflow"], "nasbench201")
        [ProxyRequest(name='synflow', options={'keep_norm': '*reduction*'}, label='synflow')]
        """
        options: dict[str, Mapping[str, Any]] = dict(self.within(space).options)
        if space in EPSILON_WEIGHTS:
            options["epsilon"] = {**options.get("epsilon", {}), "weights": EPSILON_WEIGHTS[space]}
        named = [(label, *canonical(label)) for label in names]
        return [ProxyRequest(name, {**options.get(name, {}), **usual}, label) for label, name, usual in named]

    def batch(self, probe: Probe | Tokens, space: str, seed: int, key: str = "") -> tuple[Tensor, Tensor | None]:
        """Draw a batch of a probe's images, or of its tokens.

        Args:
            probe: drawn from without replacement; the name of its file or source is that of the data set.
            space: search space.
            seed: of the draw.
            key: architecture; without effect where all share one batch.

        Returns:
            Images, (N, 3, H, W) float32, and labels, (N,); or tokens, (N, T), and their targets.

        Raises:
            ValueError: the probe holds too few samples, tokens instead of images, or images of a data set that the
                protocol does not normalise.
        """
        from naslib_zc_plugin.probes import Tokens

        rules = self.within(space)
        dataset = PurePath(probe.name).stem
        if self.normalisation and dataset not in self.normalisation:
            raise ValueError(
                f"the protocol {self.name!r} normalises {', '.join(self.normalisation)}, not {dataset!r}: "
                "take one of those (images: {source: FILE, dataset: NAME} says that a file is of one), a protocol that "
                "does not normalise (lightweight), or make batches with Probe.batch"
            )
        size = rules.batch_size
        if len(probe) < size:
            raise ValueError(
                f"the protocol {self.name!r} draws {size} samples, {probe.name} holds {len(probe)}: take another probe"
            )
        draw = random.Random(repr((seed, "" if self.same_batch else key)))
        if isinstance(probe, Tokens):
            return self._tokens(probe, draw.sample(range(len(probe)), size))
        chosen = self._of_each_class(probe, size, draw) if self.balanced else draw.sample(range(len(probe)), size)
        images, labels = probe.batch(chosen)
        images = _augmented(images, draw) if self.augment else images
        images = _normalised(images, *self.normalisation[dataset]) if self.normalisation else images
        return (_resized(images, self.size) if self.size else images), labels

    def _tokens(self, probe: Tokens, chosen: list[int]) -> tuple[Tensor, Tensor | None]:
        """Return the chosen tokens and their targets, zeros where the loss looks at none."""
        if self.augment or self.balanced or self.size:
            raise ValueError(f"the protocol {self.name!r} is for labelled images, {probe.name} holds tokens")
        tokens, targets = probe.batch(chosen)
        if targets is None and self.loss in UNTARGETED:
            targets = tokens.new_zeros(len(tokens))  # proxies of a loss ask for some
        return tokens, targets

    def _of_each_class(self, probe: Probe, size: int, draw: random.Random) -> list[int]:
        """Draw positions of equally many images of each of some random classes."""
        of_class: dict[int, list[int]] = {}
        for index, label in enumerate(probe.labels.tolist()):
            of_class.setdefault(label, []).append(index)
        rich = [label for label, indices in sorted(of_class.items()) if len(indices) >= self.balanced]
        if size % self.balanced or len(rich) < size // self.balanced:
            raise ValueError(
                f"a batch of {size} with {self.balanced} images of each class needs {size / self.balanced:g} classes: "
                f"{probe.name} has {len(rich)} with that many images"
            )
        classes = draw.sample(rich, size // self.balanced)
        return [index for label in classes for index in draw.sample(of_class[label], self.balanced)]


def _normalised(images: Tensor, mean: Channels, std: Channels) -> Tensor:
    """Return images of mean 0 and standard deviation 1 per channel."""
    return (images - images.new_tensor(mean)[:, None, None]) / images.new_tensor(std)[:, None, None]


def _resized(images: Tensor, size: int) -> Tensor:
    """Return images of ``size`` × ``size``; smaller ones average what they leave out."""
    from torch.nn import functional as F

    return F.interpolate(images, (size, size), mode="bilinear", align_corners=False, antialias=True)


def _augmented(images: Tensor, draw: random.Random) -> Tensor:
    """Shift each image by up to the padding (zeros come in) and flip it with probability one half."""
    import torch
    from torch.nn import functional as F

    height, width = images.shape[-2:]
    padding = 2 if height <= 16 else 4
    padded = F.pad(images, [padding] * 4)
    made = []
    for image in padded:
        top, left = draw.randint(0, 2 * padding), draw.randint(0, 2 * padding)
        crop = image[:, top : top + height, left : left + width]
        made.append(crop.flip(-1) if draw.random() < 0.5 else crop)
    return torch.stack(made)


def _of_tokens(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy, mean over samples and positions, of logits (N, T, V) and tokens (N, T)."""
    from torch.nn import functional as F

    return F.cross_entropy(logits.flatten(0, -2), targets.flatten())


def _sum(output: Tensor, targets: Any) -> Tensor:
    """Return the sum of the outputs."""
    return output.sum()


def _signed_sum(output: Tensor, targets: Any) -> Tensor:
    """Return the sum of the outputs with fixed random signs, equal for all samples."""
    import numpy as np
    import torch

    signs = np.random.default_rng(0).choice([-1.0, 1.0], tuple(output.shape[1:]))
    return (output * torch.from_numpy(signs).to(output)).sum()


LOSSES: Mapping[str, Callable[[Any, Any], Tensor] | None] = {
    "labels": None,
    "tokens": _of_tokens,
    "sum": _sum,
    "signs": _signed_sum,
}
"""Losses by name: cross-entropy of labels, or of each position's token; for want of any the sum of the outputs, which
is constant where a layer norm comes last, or their sum with fixed random signs, equal for all samples."""

UNTARGETED = ("sum", "signs")
"""Losses that look at no targets."""


NDS = ("nds_amoeba", "nds_darts", "nds_darts_fix_w_d", "nds_enas", "nds_nasnet", "nds_pnas")
"""NDS' spaces. Of their networks that part is scored which the logits depend on, as in NASWOT's code."""

TEXTS = {"nasbench_nlp": "nasbench_nlp_loss", "flexibert": "flexibert_nominal"}
"""Search spaces of networks of text, and the protocol whose loss has a gradient there."""


def _beside(variant: str, **others: Any) -> dict[str, dict[str, Any]]:
    """Return the fields that differ in NAS-Bench-101, and in NDS, where the options are those of NAS-Bench-101."""
    options = {name: value for name, value in others.items() if name == "options"}
    cells = {name: {"variant": "used", "truth": "test_accuracy", **options} for name in NDS}
    return {**cells, "nasbench101": {"variant": variant, "truth": "val_acc_108", **others}}


PROTOCOLS = {
    each.name: each
    for each in (
        Protocol(
            "zerocost", "SamsungLabs/zero-cost-nas", 64, ZEROCOST, augment=True, same_batch=False, variant="zerocost",
            truth="cifar10_test_200_half_train", seed=42,
            options={"synflow": {"keep_norm": "*reduction*"}}, spaces=_beside("zerocost", batch_size=256, options={}),
        ),
        Protocol(
            "naslib", "automl/NASLib, NAS-Bench-Suite-Zero", 64, ZEROCOST, augment=True, same_batch=False,
            variant="nats", truth="cifar10_val_200", seed=0, logs=("synflow",),
            options={"flops": {"elementwise": True}}, spaces=_beside("naslib"),
        ),
        Protocol(
            "naswot", "BayesWatch/nas-without-training", 128, AUTODL, augment=False, same_batch=True, variant="nats",
            truth="cifar10_val_200", seed=1, classes=1, spaces=_beside("naswot"),
        ),
        Protocol(
            "lightweight", "Lightweight NAS", 128, {}, augment=False, same_batch=True, variant="nats",
            truth="cifar10_test_200_half_train", seed=0, spaces=_beside("naswot"),
        ),
        Protocol(
            "epsilon", "egracheva/epsinas", 256, AUTODL, augment=False, same_batch=True, variant="nats",
            truth="cifar10_test_200", seed=21, classes=1, spaces=_beside("epsilon"),
        ),
        # The accuracies of its selected networks (Table 5) are those of networks trained on half of the data.
        Protocol(
            "gradalign", "GradAlign (text only; set up like naswot)", 128, AUTODL, augment=False, same_batch=True,
            variant="nats", truth="cifar10_test_200_half_train", seed=1, options={"ntk": {"dead": "best"}},
            spaces=_beside("naswot"),
        ),
        # It ends with the last layer's outputs. Proxies of a loss need logits: nasbench_nlp_loss, which is nobody's.
        Protocol(
            "nasbench_nlp", "aaronserianni/training-free-nas, of recurrent cells", 50, {}, augment=False,
            same_batch=True, variant="published", truth="ptb_test_loss", seed=0, loss="sum",
            options={
                "synaptic_saliency": {"layers": ("layers.*.linear.*.[12]", "embedding")},
                "epsilon": {"biases": "weight", "states": "weight", "features": "first"},
            },
        ),
        # It ends with a layer norm, so that gradients of the sum are nothing but rounding, and are scored all the same.
        Protocol(
            "flexibert", "aaronserianni/training-free-nas, of transformers", 128, {}, augment=False, same_batch=True,
            variant="published", truth="glue", seed=0, loss="sum",
            options={
                "head_importance": {"rounding": True},
                "synaptic_diversity": {"rounding": True},
                "synaptic_saliency": {"rounding": True, "layers": ("*feed_forward*",)},
            },
        ),
        Protocol(
            "flexibert_nominal", "our own: flexibert with the sizes that keys name and a loss that has a gradient", 128,
            {}, augment=False, same_batch=True, variant="nominal", truth="glue", seed=0, loss="signs",
            options={
                "head_importance": {"of": "loss"},
                "synaptic_diversity": {"of": "loss"},
                "synaptic_saliency": {"of": "loss", "layers": ("*feed_forward*",)},
            },
        ),
        Protocol(
            "nasbench_nlp_loss", "our own: nasbench_nlp with the benchmark's loss", 50, {}, augment=False,
            same_batch=True, variant="logits", truth="ptb_test_loss", seed=0, loss="tokens",
        ),
        Protocol(
            "timm", "our own: networks unlike each other, four images of each of four classes", 16, {}, augment=False,
            same_batch=True, variant="", truth="accuracy", seed=0, balanced=4,
        ),
    )
}  # fmt: skip


def protocol(name: str) -> Protocol:
    """Return the protocol of a name.

    Args:
        name: such as ``"naslib"``.

    Raises:
        ValueError: no protocol has that name; the message names the closest.

    >>> protocol("epsilon").batch_size, protocol("naslib").logs
    (256, ('synflow',))
    """
    if name not in PROTOCOLS:
        raise ValueError(f"unknown protocol {name!r}; {closest(name, PROTOCOLS)}")
    return PROTOCOLS[name]
