"""What a repair is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

APPLIED: dict[str, str] = {}
"""Repairs that this process has applied: name → what was done."""


@dataclass(frozen=True)
class Repair:
    """A break of NASLib on newer Python or newer packages, and how it is repaired.

    Attributes:
        name: what :func:`~.repair` is told to apply it alone.
        breaks: what goes wrong in NASLib without it, and why.
        remedy: what :attr:`apply` does, in this process and nowhere else.
        detect: whether its cause is there, in this environment. Needs no NASLib.
        apply: do it, whether NASLib is imported already or not; a second time changes nothing.
    """

    name: str
    breaks: str
    remedy: str
    detect: Callable[[], bool]
    apply: Callable[[], None]

    @property
    def status(self) -> str:
        """``applied``, ``needed``, or ``not needed``."""
        if self.name in APPLIED:
            return "applied"
        return "needed" if self.detect() else "not needed"
