"""Two records: bit by bit on one machine, within tolerances on another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

Entries = Mapping[str, Mapping[str, str]]

TOLERANCE = 1e-6
"""Relative, for what is a smooth function of the weights: other processors add up in another order."""

COUNTS: dict[str, float] = {
    # An activation within rounding of zero flips a code, and so an entry of a kernel of at most 8 × 8: these are
    # log-determinants or sums of counts over hundreds of units.
    "naswot": 0.02, "generalized_naswot": 0.02, "activation_distance": 0.02,
    # One pattern more or less, of 8 × 8 places and more.
    "linear_regions": 0.05,
    # Signs of gradients of hundreds of weights, each of which may flip.
    "gradsign": 0.02, "gradalign1": 0.02, "gradalign2": 0.05,
    # Differences of outputs that are equal but for rounding, of which those that are exactly 0 are left out.
    "epsilon": 0.2,
    # Condition number in single precision of a kernel: its least eigenvalue is what is left of large numbers.
    "ntk": 0.05,
    # Log-determinants and inverses of nearly singular correlations, and what moves with them.
    "jacov": 1e-3, "epe_nas": 1e-3, "hidden_covariance": 1e-3, "jacob_cosine": 1e-4, "large_noise_jacobian": 1e-2,
    "more_noised_jacobian": 1e-2,
    # A sum in which terms of both signs cancel.
    "grasp": 1e-3, "plain": 1e-3, "zen": 1e-5,
}  # fmt: skip
"""Relative tolerances on another machine of proxies that count signs or roundings, or divide by them."""

HALF = 0.05
"""In half precision sums are rounded after three digits, in an order that is the processor's."""

EXEMPT = ("nasbench301", "nds_amoeba", "nds_darts", "nds_darts_fix_w_d", "nds_enas", "nds_nasnet", "nds_pnas")
"""Spaces whose networks NNI made when the record was written: it draws weights and throws some away."""


@dataclass
class Found:
    """What a comparison found."""

    compared: int = 0
    differences: list[str] = field(default_factory=list)
    exempt: list[str] = field(default_factory=list)

    def report(self) -> str:
        """Numbers, and the first differences."""
        shown = [f"  {line}" for line in self.differences[:40]]
        counts = f"{self.compared:,} entries compared, {len(self.differences):,} differ"
        return "\n".join([f"{counts} (and {len(self.exempt):,} of those that are exempt)", *shown])


def exempt(section: str, label: str) -> bool:
    """Whether a value depends on weights that NNI drew; numbers of parameters and operations do not."""
    kind, name, *_ = section.split("/")
    return kind == "built" and name in EXEMPT and not label.endswith(("/params", "/flops"))


def bitwise(before: Entries, after: Entries) -> Found:
    """Every entry, whether it is the same text."""
    return _compared(before, after, lambda section, label, one, other: one == other)


def near(before: Entries, after: Entries) -> Found:
    """Every entry, whether it has the same status and about the same value."""
    return _compared(before, after, _near)


def _compared(before: Entries, after: Entries, same) -> Found:  # type: ignore[no-untyped-def]
    found = Found()
    for section in sorted({*before, *after}):
        one, other = before.get(section, {}), after.get(section, {})
        for label in sorted({*one, *other}):
            old, new = one.get(label, "not there"), other.get(label, "not there")
            found.compared += 1
            if old == new or same(section, label, old, new):
                continue
            place = found.exempt if exempt(section, label) else found.differences
            place.append(f"{section} {label}: {old} → {new}")
    return found


def _near(section: str, label: str, old: str, new: str) -> bool:
    if section.split("/")[0] not in ("scores", "built"):
        return False
    before, after = old.split(), new.split()
    proxy = label.split("/")[1].split()[0]
    tolerance = max(COUNTS.get(proxy, TOLERANCE), HALF if "/brain/" in section else 0.0)
    rounded = tolerance >= 1e-3  # a kernel may be singular on one machine and barely not on another
    if before[0] != after[0] or len(before) != len(after):
        return rounded and {before[0], after[0]} == {"ok", "undefined"}
    pairs = [(float.fromhex(one), float.fromhex(other)) for one, other in zip(before[1:], after[1:])]
    scale = max((abs(one) for one, _ in pairs), default=0.0)  # a spread is measured by its value
    return all(math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance * scale) for one, other in pairs)
