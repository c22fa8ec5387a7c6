"""Adding a proxy is one new file, or one entry point, and no edit."""

from __future__ import annotations

import inspect
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import naslib_zc_plugin
import naslib_zc_plugin as zc

PACKAGE = Path(naslib_zc_plugin.__file__).parent

MINE = '''
"""Share of ReLU units on which samples agree."""
from __future__ import annotations
from torch import Tensor
from naslib_zc_plugin.extend import proxy, relu_agreement

@proxy(needs=[relu_agreement()], version=3, paper="nowhere", higher_is_better=False)
def my_proxy(agreement: Tensor, *, power: float = 1.0) -> float:
    """Mean share of units on which two samples agree. Lower is better."""
    return (agreement / agreement[0, 0]).mean().item() ** power
'''
SCORE = """
import torch, naslib_zc_plugin as zc
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2))
batch = (torch.randn(4, 3, 2, 2), None)
squared = zc.proxy("my_proxy", label="squared", power=2.0)
scores = zc.score(net, batch, ["my_proxy", squared, "naswot"])
assert "my_proxy" in zc.list_proxies() and zc.list_proxies("my*") == ["my_proxy"], zc.list_proxies()
assert 0 < scores["my_proxy"].value <= 1, scores
assert scores["squared"].value == scores["my_proxy"].value ** 2
info = zc.describe("my_proxy")
assert (info.version, info.higher_is_better, info.needs, info.options["power"].default) == (3, False, ("data",), 1.0)
print("scored")
"""
LISTED = """
from naslib_zc_plugin.cli import main
import sys
sys.argv = ["nas-zc", "proxies", "--names"]
main()
"""
SUITE = """
from naslib_zc_plugin.testing.conformance import ProxyConformance
class TestMyProxy(ProxyConformance): proxy = "my_proxy"
"""


def run(*command: str, path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process that sees the package at ``path`` alone."""
    environment = {**os.environ, "PYTHONPATH": str(path), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)


def python(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-c", code, path=path, cwd=path)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with one more file."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE, site / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    (site / PACKAGE.name / "proxies" / "my_proxy.py").write_text(MINE, encoding="utf-8")
    return site


def test_a_file_is_found_described_scored_and_listed(site: Path) -> None:
    done = python(SCORE + LISTED, site)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "scored"), done.stderr
    assert "my_proxy" in done.stdout.splitlines()


def test_a_file_passes_the_conformance_suite(site: Path, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(SUITE, encoding="utf-8")
    command = "-m pytest -q -p no:cacheprovider test_mine.py -k".split()
    done = run(sys.executable, *command, "conv_bn_relu or not [", path=site, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout


def test_the_conformance_suite_fails_on_a_proxy_that_breaks_its_laws(tmp_path: Path) -> None:
    distribution(tmp_path, "my_proxy = mine:my_proxy")
    # It counts its calls, so that no value comes twice, and its default is none that it takes.
    broken = MINE.replace("-> float:", "-> float:\n    CALLS.append(1)\n    return float(len(CALLS))").replace(
        "Lower is better.", ""
    )
    (tmp_path / "mine.py").write_text(f"{broken}\nCALLS = []\n", encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(SUITE, encoding="utf-8")
    path = Path(os.pathsep.join([str(tmp_path), str(PACKAGE.parent)]))
    command = "-m pytest -q -p no:cacheprovider test_mine.py -k".split()
    done = run(sys.executable, *command, "facts or conv_bn_relu", path=path, cwd=tmp_path)
    assert done.returncode == 1
    assert "test_facts_are_complete" in done.stdout
    assert "test_a_value_depends_on_the_seed_alone[conv_bn_relu]" in done.stdout


# Entry points --------------------


def distribution(folder: Path, *entries: str, module: str = "mine") -> None:
    """Leave an installed distribution that registers proxies, as a package manager does."""
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("\n".join(["[naslib_zc_plugin.proxies]", *entries]), encoding="utf-8")
    (folder / f"{module}.py").write_text(MINE, encoding="utf-8")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Install distributions for this test: entries, with ``{}`` for the module's name → that name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def install(*entries: str) -> str:
        made.append(f"mine_{tmp_path.name.strip('_')}_{len(made)}")
        distribution(tmp_path, *(entry.format(made[-1]) for entry in entries), module=made[-1])
        return made[-1]

    yield install
    for module in made:
        sys.modules.pop(module, None)


def test_an_entry_point_is_found_described_and_scored(installed: Callable[..., str]) -> None:
    installed("my_proxy = {}:my_proxy")
    exec(compile(SCORE, "scoring", "exec"), {})


def test_ours_wins_over_a_proxy_of_the_same_name(
    installed: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    module = installed("naswot = {}:my_proxy", "my_proxy = {}:my_proxy")
    assert zc.list_proxies().count("naswot") == 1 and "my_proxy" in zc.list_proxies()
    assert zc.describe("naswot").paper != "nowhere" == zc.describe("my_proxy").paper
    assert f"'naswot' of another distribution ({module}:my_proxy) is ignored" in caplog.text


def test_two_distributions_of_one_name_are_that_names_failure(installed: Callable[..., str]) -> None:
    installed("my_proxy = {}:my_proxy")
    installed("my_proxy = {}:my_proxy")
    assert "my_proxy" in zc.list_proxies() and zc.describe("snip").name == "snip"
    with pytest.raises(ValueError, match="'my_proxy' is registered twice"):
        zc.describe("my_proxy")


@pytest.mark.parametrize("target", ["{}:MISSING", "{}:Tensor", "{}:my_proxy", "no_such_module:other"])
def test_an_entry_point_that_is_no_such_proxy_is_its_own_failure(installed: Callable[..., str], target: str) -> None:
    # Of the three of the module the last is a proxy, but of another name.
    installed(f"other = {target}")
    assert "other" in zc.list_proxies() and zc.describe("nwot").name == "naswot"
    with pytest.raises(TypeError, match="other"):
        zc.describe("other")


# Names and options --------------------


def test_an_unknown_name_is_refused_with_the_closest() -> None:
    with pytest.raises(ValueError, match="^unknown proxy 'naswott'; did you mean naswot"):
        zc.describe("naswott")
    with pytest.raises(ValueError, match="there are .*naswot"):
        zc.proxy("zzzzzzzz")


def test_an_unknown_option_is_refused_with_the_known() -> None:
    with pytest.raises(TypeError, match="synflow has no option 'norm'; its options: keep_norm"):
        zc.proxy("synflow", norm=True)
    with pytest.raises(TypeError, match="naswot has no option 'a', 'b'; its options: none"):
        zc.proxy("naswot", b=1, a=2)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gradalign1", {"gram": "signs"}, "gradalign1: gram must be 'sign', 'cosine' or 'raw', not 'signs'"),
        ("ntk", {"dead": "zero"}, "dead must be"),
        ("epsilon", {"weights": (1.0,)}, r"weights must be 2 numbers, not \(1.0,\)"),
        ("epsilon", {"zeros": "lose"}, "zeros must be"),
        ("flops", {"elementwise": 1}, "elementwise must be True or False, not 1"),
        ("synflow", {"keep_norm": None}, "keep_norm must be a text"),
        ("hidden_covariance", {"layer": 1.0}, "layer must be an integer other than 0"),
        ("large_noise_jacobian", {"amplitude": -1}, "amplitude must be a number above 0, not -1"),
        ("large_noise_jacobian", {"amplitude": math.nan}, "amplitude"),
        ("large_noise_jacobian", {"amplitude": True}, "amplitude"),
        ("more_noised_jacobian", {"amplitudes": [1, 1]}, "a sequence of different numbers above 0"),
        ("generalized_naswot", {"tanh": 257}, "tanh must be 'raw' or 'sign' or an integer from 2 to 256"),
        ("head_importance", {"layers": 3}, "layers must be a text or a sequence of texts"),
    ],
)
def test_a_wrong_value_of_an_option_is_refused(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        zc.proxy(name, **options)
    with pytest.raises(ValueError, match=message):
        zc.score(nn.Linear(2, 2), (torch.ones(2, 2), None), zc.ProxyRequest(name, options))


def test_options_are_described() -> None:
    options = zc.describe("gradalign1").options
    assert (options["gram"].default, options["gram"].choices) == ("sign", ("sign", "cosine", "raw"))
    assert options["by_class"].choices == (True, False)
    assert zc.describe("hidden_covariance").options["layer"].values == "an integer other than 0"


def test_needs_receives_the_options_that_it_names() -> None:
    from naslib_zc_plugin.extend import proxy
    from naslib_zc_plugin.observations.layers import parameter_sizes

    seen: list[object] = []

    @proxy(needs=lambda b: seen.append(b) or [parameter_sizes()], version=1, paper="nowhere", higher_is_better=True)
    def mine(sizes: list[int], *, a: int = 1, b: str = "two", c: undefined_name = None) -> float:  # noqa: F821
        return 0.0

    with pytest.raises(TypeError, match="mine: the annotation of an option cannot be evaluated"):
        mine.observations({})
    del mine.function.__annotations__["c"]
    mine.__dict__.pop("options", None)
    mine.observations({"a": 2})
    mine.observations({"b": "three"})
    assert seen == ["two", "three"]


def test_a_proxy_is_documented_as_its_function() -> None:
    from naslib_zc_plugin.proxies.naswot import naswot

    assert inspect.getdoc(naswot) == zc.describe("naswot").documentation
    assert "Tensor" in str(inspect.signature(naswot)) and naswot.__module__ == "naslib_zc_plugin.proxies.naswot"


def test_patterns_choose_names() -> None:
    assert zc.list_proxies("grad*") == ["grad_norm", "gradalign1", "gradalign2", "gradsign"]
    assert zc.list_proxies() == zc.list_proxies("*") == sorted(zc.list_proxies())
    assert zc.list_proxies("nothing*") == []
