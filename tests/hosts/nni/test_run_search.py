"""Searches of ours that NNI runs."""

from __future__ import annotations

from naslib_zc_plugin.hosts import list_hosts
from tests.hosts.conformance import HostConformance
from tests.hosts.nni.needs import needs

needs("nni")


class TestNni(HostConformance):
    """NNI's ``NasExperiment``."""

    host = "nni"
    refusal = "NNI has the space nasbench201, not 'other'"


def test_it_is_listed() -> None:
    assert "nni" in list_hosts()
