"""``nas-zc cost``: the cost of proxies, in time and memory of plain training."""

from __future__ import annotations

import inspect
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING, Annotated, Callable, Optional

import typer

import naslib_zc_plugin as zc
from naslib_zc_plugin.cli._console import ProxiesOption, say, show_table, steps

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from naslib_zc_plugin.report.cost import Cost, Target
    from naslib_zc_plugin.spaces import Space

    Draw = Callable[[int], tuple[Tensor, Tensor]]

_ARCHITECTURES = {
    "nasbench201": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
}
_OPTIONS = {"channels": ("C", "width", "hidden"), "cells": ("N", "depth", "layers")}  # of the spaces' networks
_SMALL = {"channels": 4, "cells": 1}
_TRANSFORMER = ("vit_bench", "autoformer|192|" + ",".join(["4.0-3"] * 12), {"img_size": 64})
_OF_IMAGES = "lightweight"  # a protocol whose proxies have no options of their own
_PIXELS, _IMG_SIZE, _TOKENS, _CLASSES = 32, 224, 64, 10  # the second of networks that are built for a size of images
_FEWEST, _MOST, _WORK = 4, 64, 1.4e10  # samples of a batch; multiply-accumulate operations of a forward pass


def cost(
    space: Annotated[str, typer.Option(help="Search space of the network.")] = "nasbench201",
    arch: Annotated[Optional[str], typer.Option(metavar="KEY", help="Its key; unless given, one of the space.")] = None,
    channels: Annotated[
        Optional[int], typer.Option(min=1, help="Channels of its first stage, or hidden units.")
    ] = None,
    cells: Annotated[Optional[int], typer.Option(min=1, help="Cells of a stage, or layers.")] = None,
    size: Annotated[Optional[int], typer.Option(min=8, help="Height and width of images, or tokens of a text.")] = None,
    batch: Annotated[Optional[int], typer.Option(min=2, help="Number of images, or of texts; see above.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")] = "cpu",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: as torch chooses.")] = 0,
    proxies: ProxiesOption = "*",
    rounds: Annotated[int, typer.Option(min=1, help="How often to measure.")] = 5,
    targets: Annotated[
        bool, typer.Option("--targets", help="Measure what this package is to cost at most, and say whether it does.")
    ] = False,
) -> None:
    """Measure the cost of proxies, alone and together, against plain training of the same network on the same batch.

    One unit is one forward and backward pass. Unless given, the sizes of the network are the space's own; images are
    32×32, or 224×224 for networks that are built for a size; texts have 64 tokens; and a batch is as large as takes no
    more work than 64 images in the largest network of NAS-Bench-201, at most 64 and at least 4.

    --targets takes a large and a small network of NAS-Bench-201 (or of the sizes that are given), a transformer of
    twelve layers, and one thread.
    """
    # Without it torch's profiler, which counts the memory, writes log lines of its own.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    import torch

    from naslib_zc_plugin.campaign.worker import keep_memory
    from naslib_zc_plugin.report.cost import SMALL_TARGETS, TARGETS, TRANSFORMER, requests_for
    from naslib_zc_plugin.spaces import space as space_called

    keep_memory()
    named, where, names = space_called(space), _device(device), chosen_proxies(proxies)
    if threads or targets:
        torch.set_num_threads(threads or 1)
    key = arch or _ARCHITECTURES.get(space) or named.sample(Random(0))

    def measure(titled: Mapping[str, Sequence[str]], asked: Mapping[str, int | None], number: int | None) -> list[Cost]:
        return _measured(named, key, where, _sizes(named, asked, size), size, number, titled, rounds)

    given = {"channels": channels, "cells": cells}
    if targets:
        for some, usual, number in ((TARGETS, {"channels": 16, "cells": 5}, 64), (SMALL_TARGETS, _SMALL, 8)):
            asked = {name: value or usual[name] for name, value in given.items()}
            _show_targets(some, measure({each.name: each.proxies for each in some}, asked, batch or number))
        other, its, sizes = _TRANSFORMER
        _measured(space_called(other), its, where, sizes, None, batch or 8, TRANSFORMER, rounds)
    else:
        measure(requests_for(names), given, batch)
    say("1 unit: one forward and backward pass in train mode; time: median of ratios measured side by side")
    say(f"(±: interquartile range, --rounds {rounds}). Memory: peak beyond network and batch.")


def _measured(
    space: Space, key: str, where: torch.device, sizes: Mapping[str, int], size: int | None, number: int | None,
    titled: Mapping[str, Sequence[str]], rounds: int,
) -> list[Cost]:  # fmt: skip
    """Measure requests by title on a network of the sizes, show what they cost, and return it."""
    from naslib_zc_plugin.protocols import TEXTS, protocol
    from naslib_zc_plugin.report.cost import measure_cost

    rules = protocol(TEXTS.get(space.name, _OF_IMAGES)).within(space.name)
    net = space.build(key, **sizes).to(where)
    draw, shape = _texts(space, size) if space.name in TEXTS else _images(sizes.get("img_size", size or _PIXELS))
    affordable = affordable_batch(net, draw(2), f"{space.name} {key} on {shape}")
    number = number or affordable
    requests = {title: rules.requests(members, space.name) for title, members in titled.items()}
    costs = []
    with steps(len(requests) + 2) as step:
        for found in measure_cost(lambda: net, draw(number), requests, loss=rules.objective(), rounds=rounds):
            costs.append(found)
            step(found.name)
    _show(costs)
    described = "".join(f", {name}={value}" for name, value in sizes.items())
    say(f"\n{space.name} {key}{described}; batch {number} of {shape}; {_machine(where)}.")
    return costs


def _sizes(space: Space, asked: Mapping[str, int | None], size: int | None) -> dict[str, int]:
    """Return the options of a space's networks that are sizes: those asked for, or the space's own.

    Raises:
        ValueError: the space's networks have no such size.
    """
    known = inspect.signature(space.build).parameters
    found = {}
    for option, names in _OPTIONS.items():
        name = next((name for name in names if name in known), "")
        if not name and asked[option] is not None:
            raise ValueError(f"--{option}: networks of {space.name} have no such size but that of their keys")
        value = asked[option] if asked[option] is not None or not name else known[name].default
        if value is not None:
            found[name] = value
    if "img_size" in known:
        found["img_size"] = size or known["img_size"].default or _IMG_SIZE
    return found


def _images(pixels: int) -> tuple[Draw, str]:
    """Return what draws so many images and labels, of classes of at least four where there are ten, and their shape."""
    from naslib_zc_plugin.probes import images

    def draw(number: int) -> tuple[Tensor, Tensor]:
        classes = max(1, min(_CLASSES, number // 4))
        return images("synthetic:normal", n=number, size=pixels, classes=classes).batch(number)

    return draw, f"{pixels}×{pixels}"


def _texts(space: Space, size: int | None) -> tuple[Draw, str]:
    """Return what draws so many random texts, each with the one that is a word ahead, and their shape."""
    import torch

    tokens, words = size or _TOKENS, inspect.signature(space.build).parameters["num_classes"].default

    def draw(number: int) -> tuple[Tensor, Tensor]:
        texts = torch.randint(words, (number, tokens + 1), generator=torch.Generator().manual_seed(0))
        return texts[:, :-1].contiguous(), texts[:, 1:].contiguous()

    return draw, f"{tokens} tokens"


def affordable_batch(net: nn.Module, batch: tuple[Tensor, Tensor], what: str, work: float = _WORK) -> int:
    """Return the power of two of samples whose forward pass is no more than ``work``, from 4 to 64.

    Args:
        net: the network.
        batch: two samples.
        what: the network and the samples, for the error's message.
        work: multiply-accumulate operations.

    Raises:
        ValueError: the network cannot run on such a batch.
    """
    device = next(net.parameters()).device
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the error says the same
        flops = zc.score(net, (batch[0].to(device), None), "flops")["flops"]
    if flops.value is None:
        raise ValueError(f"{what}: {flops.reason}")
    return max(_FEWEST, min(_MOST, int(2.0 ** math.floor(math.log2(work / max(flops.value, 1))))))


def chosen_proxies(text: str) -> list[str]:
    """Return the proxies that names or patterns, separated by commas, stand for, each once.

    Raises:
        ValueError: a name that no proxy has, or a pattern that fits none.
    """
    known, names = zc.list_proxies(), []
    for part in filter(None, map(str.strip, text.split(","))):
        found = [name for name in known if fnmatchcase(name, part)]
        names += found or [zc.describe(part).name]
    if not names:
        raise ValueError("no proxy is named: give names or patterns, such as 'naswot,grad*'")
    return list(dict.fromkeys(names))


def _device(name: str) -> torch.device:
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"--device {name}: no such device; use cpu, cuda or cuda:1") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"--device {name}: torch finds {torch.cuda.device_count()} CUDA devices here")
    return device


def _machine(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def _show(costs: Sequence[Cost]) -> None:
    header = ("scored in one call", "forwards", "units", "±", "memory", "MiB", "note")
    rows = []
    for found in costs:
        shown = (found.forwards, found.units, found.spread, found.peak_units)
        numbers = [f"{n:.2f}" if n is not None else "–" for n in shown]
        peak = "–" if found.peak is None else f"{found.peak / 2**20:.1f}"
        rows.append([found.name, *numbers, peak, f"{found.status}: {found.reason}" if found.reason else ""])
    show_table(header, rows, numbers=header[1:6])


def _show_targets(targets: Sequence[Target], measured: Sequence[Cost]) -> None:
    """Show what each target asks for, and whether it is met; microseconds are those beside the passes."""
    costs, rows = {found.name: found for found in measured}, []
    for target in targets:
        found, cost = target.found(costs), costs[target.name]
        share = None if found is None or not cost.units or cost.seconds is None else found / cost.units * cost.seconds
        beside = f"{1e6 * share:.0f}" if share is not None and target.of == "units" else "–"
        verdict = "failed" if found is None else "met" if found <= target.most else "missed"
        what = f"{target.of} beside the {target.less}" if target.less else target.of
        number = "–" if found is None else f"{found:.2f}"
        rows.append([target.name, what, number, f"{target.most:.2f}", beside, verdict])
    say("")
    show_table(("target", "of", "found", "at most", "µs", ""), rows, numbers=("found", "at most", "µs"))
    say("")
