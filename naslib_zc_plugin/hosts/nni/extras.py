"""What only some of NNI needs, and does not ask for by itself."""

from __future__ import annotations

from typing import Any


def sqlite_database() -> type[Any]:
    """Peewee's database class, without which ``nni.nas.benchmark`` fails on import by an error of its own.

    Raises:
        ImportError: Peewee is not installed, or of version 4.0 or later, which has no such class.
    """
    try:
        from playhouse.sqlite_ext import SqliteExtDatabase
    except ImportError as error:
        raise ImportError("NNI's benchmarks need Peewee before 4.0: pip install 'naslib-zc-plugin[nni]'") from error
    found: type[Any] = SqliteExtDatabase
    return found
