"""Campaigns: many architectures scored durably, by workers that may die.

* :mod:`.config` -- the configuration, read from YAML and checked, and the provenance
* :mod:`.plan` -- the architectures, streamed in random order
* :mod:`.engines` -- where scoring processes run: this machine, or Dask
* :mod:`.worker`, :mod:`.scorer` -- a scoring process, and one key that becomes scores
* :mod:`.run` -- plan → engine → store
* :mod:`.store`, :mod:`.exchange`, :mod:`.naslib_json` -- the results, as tables and as files of others

Kill it at any moment: at most the architectures in flight are lost.
"""
