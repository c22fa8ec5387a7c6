"""A host's log, kept down for a while."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(name: str, level: int = logging.ERROR) -> Iterator[None]:
    """Only records of at least ``level`` pass the logger ``name``, and those below it that have no level of their own.

    A logger that lets less through is left as it is; afterwards it is what it was.
    """
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(max(before, level))
    try:
        yield
    finally:
        logger.setLevel(before)
