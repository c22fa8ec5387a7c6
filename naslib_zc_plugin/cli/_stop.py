"""How a command is stopped, so that it can go on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

RESUMABLE = 75
"""Exit code of a command that was stopped: the same one goes on (EX_TEMPFAIL of sysexits.h)."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def asked_to_stop() -> Iterator[list[int]]:
    """Signals SIGINT and SIGTERM are put into the list; a third one ends the process as usual."""
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def note(number: int, _: object) -> None:
        received.append(number)
        if len(received) > 1:
            for each, handler in before.items():
                signal.signal(each, handler)

    with _handled_by(note):
        yield received


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM raises ``KeyboardInterrupt``, as SIGINT does."""

    def stop(number: int, _: object) -> None:
        raise KeyboardInterrupt

    with _handled_by(stop):
        yield


@contextmanager
def _handled_by(handler: object) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in before:
        signal.signal(number, handler)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
