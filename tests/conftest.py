"""What every test shares: one torch thread by default, and reference data if there are any."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Before anything imports torch: the tests' networks are small, and threads only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A run that is red is red again the next time, on a slow machine as on a fast one.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")

REPOSITORY = Path(__file__).resolve().parents[1]

# Modules and folders whose tests start processes, train, need a host, or go through whole tables and every network;
# `-m "not slow"` leaves them out.
SLOW = """
benchmarks/test_nasbench_nlp benchmarks/test_nats campaign/test_commands campaign/test_config campaign/test_dask
campaign/test_engines_local campaign/test_plan campaign/test_run campaign/test_scorer cli/test_doctor
cli/test_leaderboard cli/test_quickstart examples/test_epsilon_results examples/test_gradalign_results
examples/test_nasbench201_pages examples/test_nlp_results hosts passes/test_untouched passes/test_wrappers
proxies/test_conformance proxies/test_epsilon_weights proxies/test_flexibert_published proxies/test_new_proxy
proxies/test_oracles report/test_figures report/test_page search/test_experiment search/test_scores
spaces/test_nasbench_nlp spaces/test_nds_network test_distribution test_hostile test_readers
""".split()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests."""
    slow = {REPOSITORY / "tests" / name for name in SLOW}
    for item in items:
        if slow & {item.path.with_suffix(""), *item.path.parents}:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with golden scores and benchmark tables, which is no part of the repository."""
    for folder in (REPOSITORY.parent / "shared", REPOSITORY / "shared"):
        if (folder / "golden").is_dir():
            return folder
    pytest.skip("no folder `shared` with reference data beside the repository")
