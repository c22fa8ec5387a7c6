"""What the tests of NASLib as a host share."""

from __future__ import annotations
