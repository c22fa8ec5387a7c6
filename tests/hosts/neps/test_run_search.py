"""Searches of ours by NePS's ask and tell."""

from __future__ import annotations

from naslib_zc_plugin.hosts import list_hosts
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.conformance import HostConformance
from tests.hosts.neps.needs import needs

needs("neps")


class TestNeps(HostConformance):
    """``neps.AskAndTell``."""

    host = "neps"
    refusal = "NePS has the space nasbench201, not 'other'"


def test_it_is_listed() -> None:
    assert "neps" in list_hosts()


def test_keys_become_configurations_and_keys_again() -> None:
    found = needs("naslib_zc_plugin.hosts.neps.ask_and_tell")
    pipelines = needs("naslib_zc_plugin.hosts.neps.pipelines").Pipelines(found.Cells(), build=found._key)
    keys = [SPACE.key(number) for number in range(0, 15_625, 625)]
    assert [found.key_of(pipelines.arguments(found.config_of(key))) for key in keys] == keys
