"""Without NNI, or with half of it, the error says what to install."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

import pytest

from tests.hosts.nni.needs import needs

HOST = "naslib_zc_plugin.hosts.nni"


def facade(monkeypatch: pytest.MonkeyPatch, *missing: str) -> ModuleType:
    """The host's package, executed anew where some modules cannot be found."""
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, HOST, raising=False)
    spec = find_spec(HOST)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("missing", [("nni",), ("pytorch_lightning",), ("nni", "pytorch_lightning")])
def test_what_is_missing_is_named(missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("nni") is None:
        missing = ("nni",)
    with pytest.raises(ImportError) as caught:
        facade(monkeypatch, *missing)
    assert f"NNI as a host needs {missing[0]}" in str(caught.value)
    assert "pip install 'naslib-zc-plugin[nni]'" in str(caught.value)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ImportError("no torchmetrics"), "NNI cannot be imported in Python .*: no torchmetrics.*naslib-zc-plugin.nni."),
        (RuntimeError("operator torchvision::nms does not exist"), "torchvision, which has no working operators .*for"),
    ],
)
def test_what_is_broken_is_named(error: Exception, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("nni")
    host = facade(monkeypatch)

    def broken(name: str) -> Any:
        raise error

    monkeypatch.setattr(host, "import_module", broken)
    with pytest.raises(ImportError, match=message):
        host.ZeroCostEvaluator  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        host.Nothing  # noqa: B018


def test_names_are_listed_before_anything_is_imported() -> None:
    needs("nni")
    code = (
        "import sys\nfrom naslib_zc_plugin.hosts import list_hosts\nlist_hosts()\n"
        "assert not {'nni', 'torch'} & set(sys.modules)\n"
        f"import {HOST} as host\nassert set(host.__all__) <= set(dir(host))\n"
        "assert not {'nni', 'torch', 'peewee'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
