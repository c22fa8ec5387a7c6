"""Searches as they run: a strategy, what evaluates its architectures, a budget, and the journal of what happened.

One file of YAML is one experiment, of one search or of several that are compared. Everything that happens is
recorded; an experiment that was stopped is played again from its record, and goes on where the record ends.
"""

from __future__ import annotations
