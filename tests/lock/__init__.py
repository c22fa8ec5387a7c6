"""The lock: what every proxy, space and strategy gave at the commit that brought it, bit by bit.

It knows the package by its public face alone (:mod:`.face`), and holds networks of its own, so that whatever is
rebuilt inside must give the same numbers. ``python -m tests.lock --against WORKTREE`` compares two trees on one
machine.
"""
