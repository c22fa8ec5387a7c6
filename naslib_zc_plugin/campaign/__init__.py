"""Campaigns: many architectures scored durably, by workers that may die.

* :mod:`.config` -- what is scored and how, read from YAML and checked
* :mod:`.plan` -- the architectures, streamed in random order
* :mod:`.engines` -- where scoring processes run: this machine, or Dask
* :mod:`.worker`, :mod:`.scorer` -- a scoring process, and one key that becomes scores
* :mod:`.run` -- plan → engine → store
* :mod:`.store`, :mod:`.exchange`, :mod:`.naslib_json` -- the results, as tables and as files of others

Kill it at any moment: what is lost is at most the architectures in flight.
"""
