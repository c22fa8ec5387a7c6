"""ViT-Bench-101 (Wei et al., Auto-Prox, AAAI 2024): 200 networks of AutoFormer's tiny space and 100 of PiT's.

Columns have ``_base_`` for plain training and ``_kd_`` for one by a teacher; AutoFormer's second hundred has the
latter alone. ``imagenet_super`` is the accuracy with the weights of a supernet, of AutoFormer alone. Scores are
compared with plain training, among AutoFormers and among PiTs: their accuracies lie apart, whatever their sizes.
"""

from __future__ import annotations

from collections.abc import Sequence

from naslib_zc_plugin.benchmarks._formats import Columns
from naslib_zc_plugin.benchmarks._table import ColumnInfo, Table, Truth
from naslib_zc_plugin.spaces.vit_bench import SPACE

DATA = {"c100": "CIFAR-100", "flower": "Flowers", "chaoyang": "Chaoyang"}
SPACES = {"autoformer": "AutoFormer", "pit": "PiT"}
TRAININGS = {"base": "", "kd": ", trained by a teacher"}


def _keys(texts: Sequence[str], columns: Columns) -> list[str]:
    return [SPACE.from_json(each) for each in texts]


TABLE = Table(
    name="vit_bench",
    file="vit_bench/accuracies.parquet",
    key="architecture",
    others=("space", "file"),
    columns={
        **{
            f"{data}_{how}_acc": ColumnInfo(f"accuracy on {name}{by}", "%", True, gaps=True)
            for data, name in DATA.items()
            for how, by in TRAININGS.items()
        },
        "imagenet_super_acc": ColumnInfo("accuracy on ImageNet with a supernet's weights", "%", True, gaps=True),
    },
    space_keys=_keys,
    title="ViT-Bench-101",
    truths={
        f"{name}_{data}": Truth(f"{data}_base_acc", f"{SPACES[name]}, {DATA[data]}", f"{name}|")
        for name in SPACES
        for data in DATA
    },
)
