"""Seeds by name are the same everywhere and always."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.extend import Absolute, Forward, NoForward, Ones, PerSample
from naslib_zc_plugin.passes.constant_weights import ConstantWeights
from naslib_zc_plugin.passes.inputs import NormalPair, TwoSamples
from naslib_zc_plugin.passes.network import Reinitialized
from naslib_zc_plugin.passes.seeding import Turn, _locks, derived_seed, own_states, seed_everything

# Scores of old campaigns hang on these.
KNOWN = {(0,): 3582888934675442504, (0, "a"): 225321766190137866, (7, 1): 7146387665800727182}


def test_seeds_are_what_they_were() -> None:
    assert {names: derived_seed(*names) for names in KNOWN} == KNOWN


def test_seeds_are_the_same_in_every_process() -> None:
    code = (
        "from naslib_zc_plugin.passes.seeding import derived_seed as d\n"
        "from naslib_zc_plugin.extend import NormalPair, Reinitialized\n"
        "print(d(3), d(3, 'x'), d(3, Reinitialized('normal')), d(3, NormalPair(0.01)))"
    )
    outputs = set()
    for hash_seed in ("0", "1"):
        environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        outputs.add(subprocess.check_output([sys.executable, "-c", code], env=environment, text=True))
    names = (), ("x",), (Reinitialized("normal"),), (NormalPair(0.01),)
    here = [derived_seed(3, *several) for several in names]
    assert outputs == {" ".join(map(str, here)) + "\n"}


@given(st.integers(), st.text())
def test_seeds_fit_every_generator_and_differ(seed: int, name: str) -> None:
    value = derived_seed(seed, name)
    assert 0 <= value < 2**63
    assert value == derived_seed(seed, name)
    assert len({value, derived_seed(seed + 1, name), derived_seed(seed, name + "x"), derived_seed(seed)}) == 4


def test_all_generators_are_seeded() -> None:
    with torch.random.fork_rng(devices=[]):
        states = random.getstate(), np.random.get_state()
        drawn = []
        for _ in range(2):
            seed_everything(5, "x")
            drawn.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
        random.setstate(states[0])
        np.random.set_state(states[1])
    assert drawn[0] == drawn[1]


# The texts that are hashed: classes and fields may be renamed, these may not. All scores of zen, ntk, linear regions
# and of networks with dropout hang on them.
TEXTS = [
    (
        Forward(),
        "Forward(weights=Held(), inputs=Given(), training=True, norm='batch', keep_norm='', dtype=None, noise=0.0)",
    ),
    (
        Forward(Reinitialized("normal"), NormalPair(0.01)),
        "Forward(weights=Drawn(scheme='normal'), inputs=NormalPair(gamma=0.01, size=16), training=True, norm='batch', "
        "keep_norm='', dtype=None, noise=0.0)",
    ),
    (
        Forward(Absolute(), Ones(), training=False, norm="off", keep_norm="*", dtype=torch.float64, noise=0.1),
        "Forward(weights=Absolute(), inputs=Ones(), training=False, norm='off', keep_norm='*', dtype=torch.float64, "
        "noise=0.1)",
    ),
    (
        Forward(inputs=TwoSamples(), without_graph=True),
        "Forward(weights=Held(), inputs=Few(), training=True, norm='batch', keep_norm='', dtype=None, noise=0.0)",
    ),
    (PerSample(), "PerSample()"),
    (NoForward(), "Still()"),
    (ConstantWeights(), "Constants(biases='zero', states='zero', embedding='uniform_positive_1', features='all')"),
]


@pytest.mark.parametrize(("setting", "text"), TEXTS)
def test_a_setting_is_hashed_under_a_text_that_no_rename_moves(setting: Any, text: str) -> None:
    digest = hashlib.sha256(f"(3, {text})".encode()).digest()
    assert derived_seed(3, setting) == int.from_bytes(digest[:8], "little") >> 1


# The process's states --------------------


def states() -> tuple[Any, ...]:
    python, numpy = random.getstate(), repr(np.random.get_state())
    return python, numpy, torch.get_rng_state().tolist(), torch.get_num_threads()


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_borrowed_states_are_given_back(error: Any) -> None:
    before, other = states(), torch.get_num_threads() + 1
    with contextlib.suppress(ValueError, KeyboardInterrupt), own_states(torch.device("cpu"), other):
        assert torch.get_num_threads() == other
        seed_everything(1)
        if error:
            raise error
    assert states() == before


def test_threads_take_turns_at_the_states() -> None:
    """Each thread sees its own draws, as if it were alone."""

    def drawn(seed: int) -> list[float]:
        found = []
        with own_states(torch.device("cpu"), 1):
            seed_everything(seed)
            for _ in range(200):
                found += [random.random(), float(np.random.rand()), float(torch.rand(()))]
        return found

    alone = [drawn(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(drawn, range(4))) == alone


def test_a_turn_may_be_taken_again_and_ends_once() -> None:
    first = Turn("states")
    with first, Turn("states"), Turn("passes"):
        pass
    first.end()
    with ThreadPoolExecutor(1) as pool:
        other = Turn("states")
        assert pool.submit(lambda: Turn("states").take(10)).result(), "nobody else holds it"
        assert not other.take(0.01), "it is the other thread's"
        other.end()
    _locks.clear()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_does_not_wait_for_a_thread_that_it_does_not_have() -> None:
    taken, forked = threading.Event(), threading.Event()

    def hold() -> None:
        with Turn("states"):
            taken.set()
            forked.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(60)
    child = os.fork()
    if not child:
        os._exit(0 if Turn("states").take(10) else 1)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        forked.set()
        thread.join()
