"""A search space for tests of campaigns: small networks that score in milliseconds, and some that do harm."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

SIZE = 10_000
HARM = ("hang", "segfault", "memory", "unbuildable", "crash", "killed", "chatter", "unpicklable")


class Toy:
    """Keys ``net-0`` … ``net-9999``, of which ``net-2n+1`` above 5,000 are the same as ``net-2n``; and ``<harm>-n``."""

    name = "toy"
    size = SIZE

    def key(self, index: int) -> str:
        """The key at a position."""
        return f"net-{index}"

    def index(self, key: str) -> int:
        """Position of a key."""
        return self._parse(key)[1]

    def sample(self, rng: Random) -> str:
        """A key drawn uniformly."""
        return self.key(rng.randrange(SIZE))

    def neighbours(self, key: str) -> list[str]:
        """The key before and the one after."""
        number = self.index(key)
        return [self.key(n) for n in (number - 1, number + 1) if 0 <= n < SIZE]

    def mutate(self, key: str, rng: Random, rule: str = "") -> str:
        """A neighbour."""
        return rng.choice(self.neighbours(key))

    def canonical(self, key: str) -> str:
        """Even for odd, in the upper half."""
        kind, number = self._parse(key)
        return f"{kind}-{number - number % 2}" if kind == "net" and number > SIZE // 2 else key

    def build(self, key: str, num_classes: int = 10, slow: float = 0.0) -> nn.Module:
        """The network, or the harm."""
        from torch import nn

        kind, number = self._parse(key)
        time.sleep(slow)
        if kind == "unbuildable":
            raise ValueError("this architecture has no network")
        width, depth = 2 + number % 7, 1 + number % 3
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3), nn.ReLU()]
        for _ in range(depth - 1):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
        net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes))
        return nn.Sequential(_Harm(kind), net) if kind != "net" else net

    def _parse(self, key: str) -> tuple[str, int]:
        found = re.fullmatch(f"(net|{'|'.join(HARM)})-([0-9]+)", key)
        if not found or int(found[2]) >= SIZE:
            raise ValueError(f"{key!r} is no toy: net-0 to net-{SIZE - 1}")
        return found[1], int(found[2])


def _Harm(kind: str) -> nn.Module:
    import torch
    from torch import nn

    class Harm(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if kind == "hang":
                time.sleep(1000)
            elif kind == "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            elif kind == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            elif kind == "crash":
                os._exit(3)
            elif kind == "memory":
                torch.empty(2**36).fill_(1.0)  # 256 GiB
            elif kind == "chatter":
                sys.stdout.write('{"ready": true}\n')
                sys.stdout.flush()
                os.write(1, b"not JSON\n")
            return x

        def __reduce__(self) -> str:
            raise TypeError("this network cannot be pickled")

    return Harm()


SPACE = Toy()
