"""Campaigns: many architectures scored durably, by workers that may die.

* :mod:`.config` -- what is scored and how, read from YAML and checked
* :mod:`.plan` -- the architectures, streamed in random order
* :mod:`.scorer` -- one key becomes scores (the only module that builds networks)
* :mod:`.worker`, :mod:`.supervised` -- a scoring process, and the one that watches it
* :mod:`.engines` -- where scoring processes run: this machine, or Dask
* :mod:`.store`, :mod:`.table`, :mod:`.export`, :mod:`.merge` -- the results
* :mod:`.run` -- plan → engine → store

Kill it at any moment: what is lost is at most the architectures in flight.
"""
