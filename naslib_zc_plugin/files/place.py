"""Where the data directory is."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "NAS_ZC_DATA"
"""The environment variable that names the data directory."""


def data_folder(given: str | Path | None = None) -> Path:
    """The data directory: ``given``, else what :data:`VARIABLE` names.

    Raises:
        ValueError: neither is there, or it is no folder.
    """
    folder = given or os.environ.get(VARIABLE)
    if not folder:
        raise ValueError(
            f"no data directory: name one by the argument `data` (--data DIR) or by {VARIABLE} in the environment"
        )
    if not Path(folder).is_dir():
        where = "`data` (--data)" if given else VARIABLE
        raise ValueError(f"{where} names {folder} as the data directory, which is no folder")
    return Path(folder)
