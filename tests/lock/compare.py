"""Two records: bit by bit on one machine, within tolerances on another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

Entries = Mapping[str, Mapping[str, str]]

TOLERANCE = 1e-6
"""Relative, for what is a smooth function of the weights: other processors add up in another order."""
ABSOLUTE = 1e-9
"""What is smaller than this is rounding, such as a log-determinant of the unit matrix."""

COUNTS: dict[str, float] = {
    # An activation within rounding of zero flips a code, and so an entry of a kernel of 8 × 8: these are
    # log-determinants or sums of counts over hundreds of units.
    "naswot": 0.02,
    "generalized_naswot": 0.02,
    "activation_distance": 0.02,
    # One pattern more or less, of the dozens that there are.
    "linear_regions": 0.05,
    # Signs of gradients of thousands of weights, of which those that are nearly zero flip (2 % were seen).
    "gradsign": 0.05,
    "gradalign1": 0.05,
    "gradalign2": 0.05,
    # Differences of outputs under constant weights: the few that are not exactly zero are rounding (see also below).
    "epsilon": 0.02,
    # A condition number: the least eigenvalue is what is left of large numbers.
    "ntk": 0.05,
    # Logarithms and inverses of nearly singular correlations, and what moves with them.
    "jacov": 1e-3,
    "epe_nas": 1e-3,
    "hidden_covariance": 1e-3,
    "jacob_cosine": 1e-5,
    "large_noise_jacobian": 1e-3,
    "more_noised_jacobian": 1e-3,
    # Sums in which terms of both signs cancel.
    "grasp": 1e-3,
    "plain": 1e-3,
    # A logarithm of a small standard deviation.
    "zen": 1e-4,
}
"""Relative tolerances on another machine of proxies that count signs or roundings, or divide by them."""

LABELS: dict[str, float] = {"keep_norm": 1e-4}
"""The same for options: there synflow divides by deviations over one sample."""

BRAIN = 0.05
"""In bfloat16 sums are rounded after three digits, in an order that is the processor's."""

DEEP: dict[str, float] = {"jacov": 0.25}
DEEPER = 0.01
"""For spaces' networks: in ten layers and more with norms over four samples last bits grow and flip ReLUs. jacov feels
it most: it is near its least value there, where it inverts what is left of correlations."""

EXEMPT = ("nasbench301", "nds_amoeba", "nds_darts", "nds_darts_fix_w_d", "nds_enas", "nds_nasnet", "nds_pnas")
"""Spaces whose networks NNI made when the record was written: it draws weights and throws some away."""


BIASED = ("conv_norm", "dropout", "frozen", "nasbench201_nats", "nasbench201_zerocost", "not_finite", "twice")
MEANT: dict[tuple[str, str], str | tuple[str, ...]] = {
    ("attention", "zen"): "undefined",  # layers go on with the positions of the map that it took
    ("attention_norm_last", "zen"): "undefined",
    ("bert", "fisher"): "ok",  # the output projection inside torch's attention counts
    ("not_finite", "synaptic_diversity"): "undefined",  # of weights' gradients that are not finite: failed before
    # Where equal channels are computed once, biases have the weight, too: it was ignored.
    **{(name, "epsilon [('biases'"): "undefined" for name in BIASED},
    ("double", "epsilon [('biases'"): "ok",
    # Which outputs are the smallest was decided by rounding: in bfloat16, and in a network of equal hidden states.
    ("brain", "epsilon [('biases'"): "undefined",
    ("brain", "epsilon"): "ok",
    ("brain", "grasp"): "ok",  # H·w for H·g: both are rounding to some percent
    ("lstm", "epsilon [('weights'"): "undefined",
    ("lstm", "epsilon"): ("ok", "undefined"),
}
"""Networks and labels, as they begin, whose scores were meant to change after the record, and their status since."""
ROUNDED = ("epsilon", "grasp")
"""Proxies whose last digits were meant to change: epsilon's sums are double, grasp's H·w stands for H·g."""


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


def meant(section: str, label: str, new: str) -> bool:
    """Whether a score was meant to change, and has the status that it was meant to have."""
    kind, name, *_ = section.split("/")
    text = label.partition("/")[2]
    found = (each for (network, begins), each in MEANT.items() if network == name and text.startswith(begins))
    status = next(found, None)
    return kind == "scores" and status is not None and new.startswith(status)


def bitwise(before: Entries, after: Entries) -> Found:
    """Every entry, whether it is the same text; whether it is near, where the last digits were meant to change."""

    def same(section: str, label: str, old: str, new: str) -> bool:
        return label.partition("/")[2].startswith(ROUNDED) and _near(section, label, old, new)

    return _compared(before, after, same)


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
            allowed = exempt(section, label) or meant(section, label, new)
            place = found.exempt if allowed else found.differences
            place.append(f"{section} {label}: {old} → {new}")
    return found


def _near(section: str, label: str, old: str, new: str) -> bool:
    kind, network, *_ = section.split("/")
    if kind not in ("scores", "built") or label.endswith("/parameters"):
        return False
    if label.endswith("/weights"):
        return True  # normal draws differ in the last bit
    before, after = old.split(), new.split()
    if before[0] != after[0] or len(before) != len(after):
        return False
    if "rounding" in label:
        return True  # the value is rounding, and wanted as such
    proxy = label.split("/")[1].split()[0]
    tolerance = max(COUNTS.get(proxy, TOLERANCE), *(each for part, each in LABELS.items() if part in label), 0.0)
    tolerance = max(tolerance, BRAIN if network == "brain" else 0.0)
    if kind == "built":
        tolerance = max(tolerance, DEEP.get(proxy, DEEPER))
    pairs = [(float.fromhex(one), float.fromhex(other)) for one, other in zip(before[1:], after[1:])]
    if proxy == "epsilon" and (network == "other_norms" or max(max(map(abs, pair)) for pair in pairs) < 1e-5):
        return True  # a network that normalises constant maps, or one of a single path: outputs differ by rounding only
    if proxy == "ntk" and min(pairs[0]) > 1e6:
        return True  # beyond what single precision tells apart
    scale = abs(pairs[0][0]) if pairs else 0.0  # a spread is measured by its value
    return all(
        math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance * scale + ABSOLUTE) for one, other in pairs
    )
