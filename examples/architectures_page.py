"""The page docs/results/architectures.md, made of the scores in architectures.csv beside it; needs no other package."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import ascii_letters, ascii_lowercase

from result_pages import markdown

from naslib_zc_plugin.files import replacing

COLUMNS = ("network", "proxy", "status", "value", "single", "double", "verdict", "seconds", "reason")
UNTOUCHED = "untouched"
"""Name of the row of each network that says whether it was left as it was."""
VERSIONS = "versions"
"""Name of the row that says by which packages the scores were made."""
Row = Mapping[str, str]
Rows = Mapping[str, Sequence[Row]]

HEAD = """# Third-party architectures

Networks that nobody here wrote, built untrained and small from the configurations of timm, torchvision and
transformers, and scored with every proxy in one call: {samples} samples or fewer, labels of four classes.

    python examples/architectures.py docs/results

goes on where [`architectures.csv`](architectures.csv) ends and makes this page; `--again` scores everything anew. It
needs timm, transformers and torchvision, in an environment of its own: the package and its tests never do. {versions}

- *untouched*: parameters, buffers, gradients, modes, hooks, all attributes of all modules (by identity and, bitwise, by
  value), inputs, labels, and the random states of Python, NumPy and torch are what they were.
- *as the oracle says*: [`architectures_oracles.py`](../../examples/architectures_oracles.py) computes the value once
  more, slowly, from its definition, by module hooks and ordinary backward runs on a copy of the network. A value is
  right within {within} of that ({exceptions}), or within four times what rounding changes: double precision, or
  weights and inputs moved by 1e-7 of their size; or where the score of the network in double precision is within
  {within} of the oracle's in double precision (signs of gradients flip together where single precision is coarse).
- *no oracle*: the status is ok, and there is nothing to hold the value against.
- *undefined*: for the reason of the letter, see [below](#reasons).
- Dropout is 0, so that both see the same network; drawn weights and noise are those of the seed's names.

"""
LETTERS = [*ascii_letters, *(f"{first}{second}" for first in ascii_lowercase for second in ascii_lowercase)]


def page(found: Rows, within: float, exceptions: Mapping[str, float]) -> str:
    """Return the page.

    Args:
        found: the rows of each network, the first of them on what was touched.
        within: the relative difference that counts as none.
        exceptions: likewise, of some proxies.
    """
    networks = {name: rows for name, rows in found.items() if name != VERSIONS}
    scores = [row for rows in networks.values() for row in rows if row["proxy"] != UNTOUCHED]
    reasons = _letters(row for row in scores if row["status"] == "undefined")
    parts = HEAD.format(
        samples=8,
        versions=found[VERSIONS][0]["reason"] if VERSIONS in found else "",
        within=f"{within:g}",
        exceptions=", ".join(f"{name} {value:g}" for name, value in exceptions.items()),
    )
    parts += "## Counts\n\n" + _counts(networks, scores) + "\n" + _by_proxy(scores)
    for family in dict.fromkeys(name.split(" ")[0] for name in networks):
        members = {name: rows for name, rows in networks.items() if name.split(" ")[0] == family}
        parts += f"\n## {family}\n\n" + _family(members, reasons)
    parts += "\n## Reasons\n\n" + markdown(
        ["", "undefined, because", "values"],
        [[letter, reason, str(count)] for reason, (letter, count) in reasons.items()],
    )
    parts += "\n## Ok, without oracle\n\n" + _unchecked(row for row in scores if _kind(row) == "no oracle")
    failed = [row for row in scores if row["status"] == "failed"]
    if failed:
        shown = [[row["network"], row["proxy"], _escaped(row["reason"])] for row in failed]
        parts += "\n## Failed\n\n" + markdown(["network", "proxy", "error"], shown)
    wrong = [row for row in scores if _kind(row) == "wrong"]
    if wrong:
        shown = [
            [row["network"], row["proxy"], *(row[name] for name in ("value", "single", "double"))] for row in wrong
        ]
        parts += "\n## Other than the oracle\n\n" + markdown(["network", "proxy", "ours", "single", "double"], shown)
    return parts


def _kind(row: Row) -> str:
    """Return what a score is counted as."""
    if row["status"] != "ok":
        return row["status"]
    return {"right": "as the oracle says", "wrong": "wrong"}.get(row["verdict"], "no oracle")


KINDS = ("as the oracle says", "no oracle", "undefined", "failed", "wrong")


def _counts(networks: Rows, scores: Sequence[Row]) -> str:
    counts = Counter(map(_kind, scores))
    touched = sum(rows[0]["status"] != "yes" for rows in networks.values())
    header = ["networks", "proxies", "scores", *KINDS, "untouched: yes", "no"]
    numbers = [len(networks), len({row["proxy"] for row in scores}), len(scores), *(counts[kind] for kind in KINDS)]
    return markdown(header, [[f"{number:,}" for number in (*numbers, len(networks) - touched, touched)]])


def _by_proxy(scores: Sequence[Row]) -> str:
    counts = Counter((row["proxy"], _kind(row)) for row in scores)
    proxies = sorted({row["proxy"] for row in scores})
    return markdown(["proxy", *KINDS], [[proxy, *(str(counts[proxy, kind]) for kind in KINDS)] for proxy in proxies])


def _family(members: Rows, reasons: Mapping[str, tuple[str, int]]) -> str:
    rows = []
    for name, found in members.items():
        scores = [row for row in found if row["proxy"] != UNTOUCHED]
        counts = Counter(map(_kind, scores))
        why: dict[str, list[str]] = {}
        for row in scores:
            if row["status"] == "undefined":
                why.setdefault(reasons[_reason(row["reason"])][0], []).append(row["proxy"])
        undefined = "; ".join(f"{', '.join(proxies)} ({letter})" for letter, proxies in sorted(why.items()))
        others = ", ".join(row["proxy"] for row in scores if row["status"] == "failed" or _kind(row) == "wrong")
        label = name.split(" ", 1)[1]
        numbers = [str(counts[kind]) for kind in KINDS[:2]]
        rows.append([label, f"{int(found[0]['value'] or 0):,}", found[0]["status"], *numbers, undefined, others])
    header = ["", "parameters", "untouched", *KINDS[:2], "undefined", "failed or wrong"]
    return markdown(header, rows)


def _reason(text: str) -> str:
    """Return a reason without what differs from network to network."""
    text = re.sub(r"^.*(?=\(on noise of)", "… ", text)
    text = re.sub(r"shape \([\d, ]+\)", "shape (…)", text)
    text = re.sub(r"output \([\d, ]+\)", "output (…)", text)
    text = re.sub(r"\(the first are [^)]*\)", "", text)
    text = re.sub(r"named like .*?(: name others|was called)", r"named like its patterns\1", text)
    text = re.sub(r"has \d+ recurrent layers", "has … recurrent layers", text)
    return re.sub(r"\b\d+\b(?= (samples|tensors|embeddings|positions))", "…", text).strip()


def _letters(rows: Iterable[Row]) -> dict[str, tuple[str, int]]:
    counts = Counter(_reason(row["reason"]) for row in rows)
    return {reason: (LETTERS[place], count) for place, (reason, count) in enumerate(counts.most_common())}


def _unchecked(rows: Iterable[Row]) -> str:
    proxies: dict[str, Counter[str]] = {}
    for row in rows:
        proxies.setdefault(row["reason"], Counter())[row["proxy"]] += 1
    ordered = sorted(proxies.items(), key=lambda item: -item[1].total())
    shown = [[_escaped(why), ", ".join(f"{name} {n}" for name, n in sorted(found.items()))] for why, found in ordered]
    return markdown(["why there is none", "values"], shown)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def read(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each network."""
    found: dict[str, list[dict[str, str]]] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["network"], []).append(dict(row))
    return found


def write(path: Path, found: Rows) -> None:
    """Write the rows of all networks."""
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for rows in found.values():
            writer.writerows(rows)
