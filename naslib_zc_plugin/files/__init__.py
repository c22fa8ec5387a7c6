"""Files that others made, read without trust, and files of our own, written whole or not at all.

Every reader of the package raises the one :class:`DataError` for what is not as it should be. Needs numpy only, and
PyYAML for configurations.
"""

from __future__ import annotations

from naslib_zc_plugin.files.error import DataError
from naslib_zc_plugin.files.place import data_folder
from naslib_zc_plugin.files.reading import existing, inside, readable
from naslib_zc_plugin.files.writing import replacing

__all__ = ["DataError", "data_folder", "existing", "inside", "readable", "replacing"]
