"""Printed tables of four papers made again: ours beside each printed number, with a verdict.

* :mod:`.printed` -- the printed numbers (``printed.csv``), ours beside one, and what the experiments explain
* :mod:`.sources` -- scores and trained accuracies, stored or made by the campaigns of ``configs/``
* :mod:`.measures` -- coefficients, tops, selected networks and searches, with intervals
* :mod:`.tables` -- a table made again, row by row
* :mod:`.switches` -- which other truth, population or treatment of undefined scores would give a printed number
* :mod:`.page` -- the tables as text, and the page with all of them

``nas-zc reproduce`` is the command.
"""
