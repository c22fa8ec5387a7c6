"""``nas-zc cost``: the cost of proxies, in time and memory of plain training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

import naslib_zc_plugin as zc
from naslib_zc_plugin.cli._console import ProxiesOption, say, show_table, steps

if TYPE_CHECKING:
    import torch

    from naslib_zc_plugin.report.cost import Cost

_ARCHITECTURE = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"


def cost(
    space: Annotated[str, typer.Option(help="Search space of the network.")] = "nasbench201",
    arch: Annotated[str, typer.Option(metavar="KEY", help="Its architecture key.")] = _ARCHITECTURE,
    channels: Annotated[int, typer.Option(min=1, help="Channels of its first stage.")] = 16,
    cells: Annotated[int, typer.Option(min=1, help="Cells of a stage.")] = 5,
    size: Annotated[int, typer.Option(min=8, help="Height and width of the images.")] = 32,
    batch: Annotated[int, typer.Option(min=2, help="Number of images.")] = 64,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")] = "cpu",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: as torch chooses.")] = 0,
    proxies: ProxiesOption = "*",
    rounds: Annotated[int, typer.Option(min=1, help="How often to measure.")] = 5,
) -> None:
    """Measure the cost of proxies, alone and together, against plain training of the same network on the same batch.

    One unit is one forward and backward pass.
    """
    # Without it torch's profiler, which counts the memory, writes log lines of its own.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    import torch

    from naslib_zc_plugin.probes import images as images_of
    from naslib_zc_plugin.report.cost import measure_cost, requests_for
    from naslib_zc_plugin.spaces import space as space_called

    where = _device(device)
    if threads:
        torch.set_num_threads(threads)
    requests = requests_for(chosen_proxies(proxies))
    images = images_of("synthetic:normal", n=batch, size=size).batch(batch)
    net = space_called(space).build(arch, C=channels, N=cells).to(where)
    costs = []
    with steps(len(requests) + 2) as step:
        for found in measure_cost(lambda: net, images, requests, rounds=rounds):
            costs.append(found)
            step(found.name)
    _show(costs)
    say(f"\n{space} {arch}, C={channels}, N={cells}; batch {batch} of {size}×{size}; {_machine(where)}.")
    say("1 unit: one forward and backward pass in train mode; time: median of ratios measured side by side")
    say(f"(±: interquartile range, --rounds {rounds}). Memory: peak beyond network and batch.")


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
    header = ("scored in one call", "units", "±", "memory", "MiB", "note")
    rows = []
    for found in costs:
        numbers = [f"{n:.2f}" if n is not None else "–" for n in (found.units, found.spread, found.peak_units)]
        peak = "–" if found.peak is None else f"{found.peak / 2**20:.1f}"
        rows.append([found.name, *numbers, peak, f"{found.status}: {found.reason}" if found.reason else ""])
    show_table(header, rows, numbers=header[1:5])
