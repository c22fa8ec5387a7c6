"""The strategies, one file each, called like the file; a file offers its class as ``STRATEGY``."""

from __future__ import annotations
