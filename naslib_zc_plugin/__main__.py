"""``python -m naslib_zc_plugin``: the command line, also where ``nas-zc`` is not on the path."""

from __future__ import annotations

from naslib_zc_plugin.cli import main

if __name__ == "__main__":
    main()
