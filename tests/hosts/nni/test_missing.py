"""Without NNI, or with half of it, the error says what to install."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def _without(*modules: str) -> str:
    return f"import sys\nsys.modules.update(dict.fromkeys({modules!r}))\n"


@pytest.mark.parametrize("missing", [("nni",), ("pytorch_lightning",), ("nni", "pytorch_lightning")])
def test_what_is_missing_is_named(missing: tuple[str, ...]) -> None:
    if find_spec("nni") is None:
        missing = ("nni",)
    code = _without(*missing) + (
        "try:\n    from naslib_zc_plugin.hosts.nni import ZeroCostEvaluator\n"
        "except ImportError as error:\n    print(error)"
    )
    done = _python(code)
    assert done.returncode == 0, done.stderr
    assert missing[0] in done.stdout
    assert "pip install 'naslib-zc-plugin[nni]'" in done.stdout


def test_a_host_by_name_says_it_as_well() -> None:
    done = _python(_without("nni") + "from naslib_zc_plugin.hosts import drive\ndrive('nni')")
    assert done.returncode != 0
    assert "ImportError: NNI as a host needs nni" in done.stderr


def test_networks_that_nni_builds_say_it_as_well() -> None:
    code = "from naslib_zc_plugin.spaces import space\nnds = space('nds_enas')\nkey = nds.canonical(nds.key(7))\n"
    done = _python(_without("nni") + code + "nds.build(key)")
    assert "ImportError: NNI as a host needs nni" in done.stderr
    assert "pip install 'naslib-zc-plugin[nni]'" in done.stderr


def test_a_torchvision_without_operators_is_named() -> None:
    if find_spec("nni") is None or find_spec("pytorch_lightning") is None:
        pytest.skip("needs NNI, the extra [nni]")
    code = """
import sys
class Broken:
    def find_spec(name, *_):
        if name == "nni.nas":
            raise RuntimeError("operator torchvision::nms does not exist")
sys.meta_path.insert(0, Broken)
import naslib_zc_plugin.hosts.nni as host
host.cell_network
"""
    done = _python(code)
    assert "ImportError: NNI imports torchvision, which has no working operators" in done.stderr
    assert "the release that is built for this torch" in done.stderr


def test_a_broken_part_is_named() -> None:
    if find_spec("nni") is None or find_spec("pytorch_lightning") is None:
        pytest.skip("needs NNI, the extra [nni]")
    done = _python(_without("torchmetrics") + "import naslib_zc_plugin.hosts.nni as host\nhost.ZeroCostEvaluator")
    assert done.returncode != 0
    assert "NNI cannot be imported" in done.stderr
    assert "pip install 'naslib-zc-plugin[nni]'" in done.stderr


def test_peewee_is_named_where_benchmarks_need_it() -> None:
    if find_spec("nni") is None or find_spec("pytorch_lightning") is None:
        pytest.skip("needs NNI, the extra [nni]")
    code = "from naslib_zc_plugin.hosts.nni.extras import sqlite_database\nsqlite_database()"
    done = _python(_without("playhouse") + code)
    assert "ImportError: NNI's benchmarks need Peewee before 4.0: pip install 'naslib-zc-plugin[nni]'" in done.stderr


def test_the_rest_of_the_package_does_without() -> None:
    done = _python(_without("nni", "pytorch_lightning", "peewee") + "from naslib_zc_plugin.hosts import hosts\nhosts()")
    assert done.returncode == 0, done.stderr


def test_names_are_listed_before_anything_is_imported() -> None:
    if find_spec("nni") is None or find_spec("pytorch_lightning") is None:
        pytest.skip("needs NNI, the extra [nni]")
    code = "import sys, naslib_zc_plugin.hosts.nni as host\nassert set(host.__all__) <= set(dir(host))\n"
    assert _python(code + "assert not {'nni', 'torch', 'peewee'} & set(sys.modules)").returncode == 0
