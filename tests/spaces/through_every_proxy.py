"""Networks of image spaces, built, run forward and backward, and scored by every proxy, small: a check of some hours.

``python -m tests.spaces.through_every_proxy FOLDER --number 1000`` adds to what is in the folder, a file per space with
a line per network, then says for each space and proxy how many scores there are, and why there is none.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from naslib_zc_plugin import list_proxies, score
from naslib_zc_plugin.protocols import NDS
from naslib_zc_plugin.spaces import space

SIDE, BATCH, CLASSES = 16, 4, 10
_SHOWN = 60  # characters of a reason, before names of layers come


def _sizes(name: str, rng: Random) -> dict[str, Any]:
    """Options of ``build`` that make a small network."""
    if name in NDS:
        return {
            "variant": rng.choice(("nds", "used")), "width": rng.choice((4, 6, 8)), "depth": rng.choice((3, 3, 3, 4, 5))
        }  # fmt: skip
    others: dict[str, dict[str, Any]] = {
        "nasbench101": {"C": 8, "N": 1, "variant": rng.choice(("zerocost", "naslib", "naswot", "epsilon"))},
        "nasbench201": {"C": 4, "N": 1, "variant": rng.choice(("nats", "zerocost"))},
        "nasbench301": {"C": 4, "N": 3},
        "transnasbench101_micro": {"C": 4},
    }
    return others.get(name, {})


def checked(name: str, number: int) -> dict[str, Any]:
    """What becomes of network ``number`` of a space: its key, its sizes and each proxy's value, status and reason.

    An error in building or running it is raised; one in scoring is a status.
    """
    cells, rng = space(name), Random(f"{name} {number}")
    key = cells.sample(rng)
    sizes = _sizes(name, rng)
    torch.manual_seed(number)
    net = cells.build(key, num_classes=CLASSES, **sizes)
    x, y = torch.randn(BATCH, 3, SIDE, SIDE), torch.randint(CLASSES, (BATCH,))
    gradients = torch.autograd.grad(cross_entropy(net(x), y), list(net.parameters()), allow_unused=True)
    assert all(bool(torch.isfinite(each).all()) for each in gradients if each is not None)
    found = score(net, (x, y), list_proxies(), seed=number)
    scores = {proxy: (each.value, each.status, each.reason) for proxy, each in found.items()}
    return {"key": key, **sizes, "scores": scores}


def written(path: Path) -> list[dict[str, Any]]:
    """The networks in a file, as far as their lines are whole."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def run(folder: Path, names: Sequence[str], number: int) -> None:
    """Check so many networks of each space, in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    done = {name: len(written(folder / f"{name}.jsonl")) for name in names}
    for each in range(number):
        for name in names:
            if each >= done[name]:
                with (folder / f"{name}.jsonl").open("a", encoding="utf-8") as file:
                    file.write(json.dumps(checked(name, each)) + "\n")


def told(folder: Path, names: Sequence[str]) -> Iterator[str]:
    """Lines of counts."""
    for name in names:
        rows = written(folder / f"{name}.jsonl")
        yield f"{name}: {len(rows)} networks"
        for proxy in dict.fromkeys(proxy for row in rows for proxy in row["scores"]):
            outcomes = (row["scores"][proxy] for row in rows if proxy in row["scores"])
            counts = Counter((status, reason[:_SHOWN]) for _, status, reason in outcomes)
            said = "; ".join(f"{status} {count} {reason}".strip() for (status, reason), count in counts.most_common())
            yield f"  {proxy}: {said}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--spaces", nargs="+", default=[*NDS, "nasbench101", "nats_sss"])
    given = parser.parse_args()
    torch.set_num_threads(1)
    run(given.folder, given.spaces, given.number)
    sys.stdout.write("\n".join(told(given.folder, given.spaces)) + "\n")
