"""The leaderboard page in a real browser: it sorts, filters, switches, tells where numbers come from, and asks no one.

Chromium is found by its name on PATH. Without one these tests are skipped: Debian's is ``apt-get install chromium``.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("vl_convert")

from naslib_zc_plugin.aggregates import Aggregate
from naslib_zc_plugin.report.figures import SearchCurve
from naslib_zc_plugin.report.overview import Overview, Source, overview
from naslib_zc_plugin.report.page import PageFacts, leaderboard_page, overview_csv
from naslib_zc_plugin.table import ScoreTable
from tests.report.tables import FACTS, column

N = 120
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOSTILE = "</script><script>alert(1)</script>"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]


def _entries() -> list[Source]:
    """Two data sets of one benchmark, in one of which a score is undefined at times, and models of families."""
    rng = np.random.default_rng(0)
    keys = [f"net{i:03}" for i in range(N)]
    truth = 60 + 10 * rng.normal(size=N)
    size = np.exp(0.1 * truth + 0.5 * rng.normal(size=N))
    sizes = {"params": dict(zip(keys, size.tolist())), "flops": dict(zip(keys, (size**2).tolist()))}

    def near(noise: float) -> list[float]:
        return (truth + noise * rng.normal(size=N)).tolist()

    some: list[Any] = [value if i % 3 else "undefined" for i, value in enumerate(near(5))]
    made = {
        "params": column(size.tolist(), "params"), "naswot": column(some, "naswot"), "meco": column(near(4), "meco"),
        "snip": column(near(30), "snip"), "ntk": column([-v for v in near(60)], "ntk", up=False),
        "a variant": column(near(8), "naswot"), HOSTILE: column(near(50), HOSTILE),
    }  # fmt: skip
    one = ScoreTable("one", keys, made, {**FACTS, "command": "nas-zc score one.yaml"})
    two = ScoreTable("two", keys, {name: made[name] for name in ("params", "meco", "snip")}, FACTS)
    models = ScoreTable("models", keys, {name: made[name] for name in ("params", "meco")}, {**FACTS, "space": "timm"})
    accuracies, others = dict(zip(keys, truth.tolist())), dict(zip(keys, near(6)))
    families = {key: f"family{i % 7}" for i, key in enumerate(keys)}
    return [
        Source(
            one,
            accuracies,
            "cifar10_test",
            "nasbench201",
            "cifar10",
            sizes,
            source="a table",
            path="stores/one.db",
            reasons={"naswot": {"it is odd": 10, "it is dead": 30}},
            titles=("NAS-Bench-201", "CIFAR-10"),
            meaning="test accuracy",
            latencies={"latency on a phone": {key: float(i % 50) for i, key in enumerate(keys)}},
        ),
        Source(
            two,
            others,
            "cifar100_test",
            "nasbench201",
            "cifar100",
            sizes,
            path="stores/two.parquet",
            titles=("NAS-Bench-201", "CIFAR-100"),
        ),
        Source(
            models,
            accuracies,
            "accuracy",
            "timm",
            "accuracy",
            sizes,
            families,
            families,
            path="models.db",
            titles=("Real models (timm)", "ImageNet"),
        ),
    ]


@pytest.fixture(scope="module")
def found() -> Overview:
    return overview(_entries(), [Aggregate.parse("log_rank_sum:meco,params")])


@pytest.fixture(scope="module")
def path(found: Overview, tmp_path_factory: pytest.TempPathFactory) -> Path:
    steps = np.arange(5.0)
    curve = SearchCurve("random", steps, steps + 1, steps, steps + 2, "CIFAR-10")
    facts = PageFacts(
        "A board", "nas-zc leaderboard one.db", "2026-01-02", "9.9", ["A note."], ["three.db: why"], [curve]
    )
    target = tmp_path_factory.mktemp("page") / "index.html"
    target.write_text(leaderboard_page(found, facts, {"meco": 0.3, "params": 0.02, "snip": 1.0}), encoding="utf-8")
    return target


def test_the_page_is_small_and_names_its_own_scripts_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text) < 1_300_000 and HOSTILE not in text
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert "default-src 'none'" in policy and "unsafe" not in policy and policy.count("sha256-") == 3
    assert not re.findall(
        r"<(?:link|img|iframe|script)[^>]+(?:src|href)=", re.sub(r"(?s)<script.*?</script>", "", text)
    )


def test_a_reader_without_scripts_has_the_numbers(path: Path, found: Overview) -> None:
    text = path.read_text(encoding="utf-8")
    tau = found.groups[0].cells["meco"].estimates["tau"].value
    assert f'<th scope="row">meco</th><td>{tau:.2f}</td>' in text and "need JavaScript" in text


def test_the_csv_has_what_the_page_has_in_full(found: Overview) -> None:
    import csv
    import io

    lines = list(csv.DictReader(io.StringIO(overview_csv(found), newline="")))
    for group in found.groups:
        for name, cell in group.cells.items():
            for measure, estimate in cell.estimates.items():
                told, _, control = measure.partition("|")
                wanted = [group.of.data_set, told, control]
                (line,) = (
                    each for each in lines
                    if [each[k] for k in ("data_set", "measure", "at_equal")] == wanted
                    and each["proxy"] == name and each["benchmark"] == group.of.benchmark
                )  # fmt: skip
                assert (float(line["value"]) if line["value"] else None) == estimate.value
                assert int(line["n"]) == cell.n


# In a browser --------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser on PATH ({', '.join(NAMES)}); Debian's: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


class Shown:
    """The page in a tab; what it asks for and complains of is noted."""

    def __init__(self, browser: Any, path: Path) -> None:
        self.browser, self.path = browser, path
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def open(self, fragment: str = "", width: int = 1400, **options: Any) -> Any:
        tab = self.browser.new_page(viewport={"width": width, "height": 900}, **options)
        tab.set_default_timeout(10_000)
        tab.on("console", lambda message: self.complaints.append(message.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("dialog", lambda dialog: self.complaints.append(f"a dialog: {dialog.message}"))
        tab.goto(f"{self.path.as_uri()}{fragment}")
        tab.wait_for_selector("html[data-ready]")
        return tab


@pytest.fixture
def shown(browser: Any, path: Path) -> Iterator[Shown]:
    made = Shown(browser, path)
    yield made
    for context in list(browser.contexts):
        context.close()
    assert made.complaints == []
    assert [url for url in made.requests if not url.startswith(path.as_uri())] == []


def _names(tab: Any) -> list[str]:
    return tab.eval_on_selector_all("#board tbody tr", "rows => rows.map(row => row.dataset.row)")  # type: ignore[no-any-return]


def _cell(tab: Any, row: str, title: str) -> Any:
    return tab.locator(f'#board tr[data-row="{row}"] button[aria-label^="{row}, {title}:"]')


def test_rows_sort_by_any_column_both_ways_and_the_address_says_so(shown: Shown, found: Overview) -> None:
    tab = shown.open()
    values = {name: np.mean([g.cells[name].estimates["tau"].value for g in found.groups[:2] if name in g.cells])
              for name in found.groups[0].cells if name != "naswot: a variant"}  # fmt: skip
    order = sorted(values, key=lambda name: -values[name])
    assert _names(tab) == order
    tab.click("#board [data-sort=nasbench201]")
    assert _names(tab) == order[::-1] and "dir=up" in tab.url
    assert tab.get_attribute("#board th[aria-sort]", "aria-sort") == "ascending"
    tab.click("#board [data-sort=name]")
    assert _names(tab) == sorted(values, key=str.lower) and "sort=name" in tab.url
    tab.click("#board [data-sort=timm]")
    assert set(_names(tab)[:3]) == {"params", "meco", "log_rank_sum(meco, params)"}


def test_filters_and_switches_change_what_is_there(shown: Shown, found: Overview) -> None:
    tab = shown.open()
    tab.fill("[name=q]", "mec")
    assert set(_names(tab)) == {"meco", "log_rank_sum(meco, params)"} and "q=mec" in tab.url
    tab.fill("[name=q]", "")
    tab.select_option("[name=need]", "nodata")
    assert "snip" not in _names(tab) and "meco" in _names(tab)
    tab.select_option("[name=need]", "")
    assert "naswot: a variant" not in _names(tab)
    tab.check("[name=variants]")
    assert "naswot: a variant" in _names(tab)
    cell = _cell(tab, "meco", "Real models (timm)")
    before, group = cell.inner_text(), found.groups[2]
    for value, measure in (("rho", "rho"), ("ndcg", "ndcg"), ("top", "top")):
        tab.check(f"[name=measure][value={value}]", force=True)
        assert cell.inner_text() == f"{group.cells['meco'].estimates[measure].value:.2f}"
    assert tab.is_disabled("[name=control][value=params]")
    tab.check("[name=measure][value=tau]", force=True)
    tab.check("[name=control][value=params]", force=True)
    equal = group.cells["meco"].estimates["tau|params"].value
    assert cell.inner_text() == f"{equal:.2f}" != before and "c=params" in tab.url
    tab.check("[name=apart]")
    assert tab.locator("#board thead").inner_text().count("NAS-Bench-201, CIFAR-10") == 2 + 1  # the rank's as well
    tab.click("details.columns summary")
    tab.click("details.columns label >> text=Real models")
    assert "Real models" not in tab.locator("#board thead").inner_text()


def test_cells_tell_their_counts_and_where_they_come_from(shown: Shown, found: Overview) -> None:
    tab = shown.open()
    cell = _cell(tab, "naswot", "NAS-Bench-201")
    cell.hover()
    tip = tab.inner_text("#tip")
    assert "N 80, undefined 40 (33 %)" in tip and "CIFAR-100: not measured" in tip
    assert "33 % undef." in cell.inner_text() and "1 of 2 sets" in cell.inner_text()
    cell.click()
    card = tab.locator("dialog[open]")
    text = card.inner_text()
    for words in ("nas-zc score one.yaml", "nas-zc leaderboard stores/one.db --truth cifar10_test", "column naswot",
                  "cifar10_test, test accuracy: a table", "version 1"):  # fmt: skip
        assert words in text
    for name, each in found.groups[0].cells["naswot"].neighbours["tau"]:
        assert f"{name} {'+' if each.difference.value > 0 else ''}".replace("-", "−") in text
    tau = found.groups[0].cells["naswot"].estimates["tau"]
    assert f"{tau.value:.3f} [{tau.low:.3f}, {tau.high:.3f}]" in text
    link = tab.url
    tab.keyboard.press("Escape")
    tab.wait_for_selector("dialog[open]", state="detached")
    tab.wait_for_url(lambda url: "card=" not in url)
    again = shown.open("#" + link.partition("#")[2])
    assert again.locator("dialog[open] h2").inner_text() == "naswot on NAS-Bench-201"


def test_aggregates_name_the_command_that_joins_them(shown: Shown) -> None:
    tab = shown.open("#card=log_rank_sum(meco, params)@timm")
    text = tab.locator("dialog[open] pre").first.inner_text()
    assert "nas-zc leaderboard models.db --truth accuracy --aggregate log_rank_sum:meco,params" in text


def test_keys_move_between_cells_and_open_them(shown: Shown) -> None:
    tab = shown.open()
    tab.focus("#board td.value button[tabindex='0']")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowDown")
    label = tab.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label.startswith(f"{_names(tab)[1]}, Real models (timm):") and tab.inner_text("#tip").startswith(
        _names(tab)[1]
    )
    tab.keyboard.press("Enter")
    assert tab.locator("dialog[open]").count() == 1


def test_a_benchmark_is_drawn_and_the_pointer_names_a_network(shown: Shown) -> None:
    tab = shown.open("#v=benchmark&b=nasbench201/cifar10&x=meco")
    for name in ("scatter", "pareto", "front", "heat", "wins-chart"):
        tab.wait_for_selector(f"#{name}[data-drawn]")
    assert "it is dead (30); it is odd (10)" in tab.inner_text("[aria-label='Undefined scores']")
    assert "net" in tab.inner_text("[aria-label='Selected networks']")
    tab.evaluate(_SWEEP)
    assert re.search(r"network: net\d\d\d\naccuracy: ", tab.inner_text("#tip"))
    tab.select_option("[name=b]", "timm/accuracy")
    tab.wait_for_selector("#scatter[data-drawn]")
    assert "7 classes" in tab.inner_text("main") and "b=timm" in tab.url


def test_a_limit_shows_what_a_score_finds_within_it(shown: Shown, found: Overview, path: Path) -> None:
    tab = shown.open("#v=benchmark&b=nasbench201/cifar10&x=naswot")
    assert "naswot has a score of 80 of the 120 networks" in tab.inner_text("main")
    tab.select_option("[name=f]", "latency on a phone")
    tab.wait_for_selector("#front[data-drawn]")
    assert "f=latency" in tab.url and "naswot selects there" in tab.inner_text("main")
    packed = re.search(r'id="data">([^<]*)<', path.read_text(encoding="utf-8"))
    assert packed is not None
    page = json.loads(zlib.decompress(base64.b64decode(packed[1])))
    group, names = found.groups[0], [each["of"] for each in page["groups"][0]["fronts"]]
    front = page["groups"][0]["fronts"][names.index("latency on a phone")]
    scores = group.cells["naswot"].column.values
    for cell in page["groups"][0]["cells"].values():
        assert [len(each) for each in cell["within"]] == [len(each["at"]) for each in page["groups"][0]["fronts"]]
    drawn = page["groups"][0]["cells"][str([row["name"] for row in page["rows"]].index("naswot"))]["within"][2]
    for place, limit in enumerate(front["at"]):
        within = np.arange(N) % 50 <= limit
        kept = within & np.isfinite(scores)
        best = group.truth[kept][scores[kept].argmax()] if kept.any() else None
        assert drawn[place] == (None if best is None else pytest.approx(best, abs=1e-2))
        assert front["best"][place] == pytest.approx(group.truth[within].max(), abs=1e-2)
        assert front["any"][place] == pytest.approx(group.truth[within].mean(), abs=1e-2)


# Moves the pointer over the picture until something is said.
_SWEEP = """() => {
  const canvas = document.querySelector("#scatter canvas"), box = canvas.getBoundingClientRect();
  for (let x = 40; x < box.width; x += 4) for (let y = 10; y < box.height; y += 4) {
    const at = { clientX: box.left + x, clientY: box.top + y, bubbles: true };
    canvas.dispatchEvent(new PointerEvent("pointermove", at));
    canvas.dispatchEvent(new MouseEvent("mousemove", at));
    if (!document.getElementById("tip").hidden) return;
  }
}"""


@pytest.mark.parametrize("fragment", ["#v=proxy&p=naswot", "#v=searches", "#v=about"])
def test_other_views_say_what_they_should(shown: Shown, fragment: str) -> None:
    tab = shown.open(fragment)
    text = tab.inner_text("main")
    wanted = {
        "#v=proxy&p=naswot": ["Mellor et al.", "log-determinant", "NAS-Bench-201, CIFAR-10", "a variant"],
        "#v=searches": ["CIFAR-10"],
        "#v=about": ["stores/one.db", "three.db: why", "nas-zc leaderboard one.db", "@misc"],
    }
    assert [words for words in wanted[fragment] if words not in text] == []


@pytest.mark.parametrize(
    ("scheme", "views"),
    [("light", ("overview", "benchmark&b=timm/accuracy", "about")), ("dark", ("card=meco@nasbench201", "proxy"))],
)
def test_a_phone_needs_no_sideways_scrolling_and_axe_finds_nothing_serious(
    shown: Shown, scheme: str, views: tuple[str, ...]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for view in views:
        tab = shown.open(f"#{'' if '=' in view.split('&')[0] else 'v='}{view}", width=390, color_scheme=scheme)
        if view.startswith("benchmark"):
            tab.wait_for_selector("#wins-chart[data-drawn]")
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390, view
        serious = [
            (each["id"], each["nodes"][0]["html"][:200])
            for each in axe.run(tab).response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], view
        tab.close()


def test_what_others_named_is_text(shown: Shown) -> None:
    tab = shown.open("#v=proxy&p=" + HOSTILE)
    assert tab.inner_text("main h2") == HOSTILE
