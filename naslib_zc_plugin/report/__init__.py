"""What a campaign's scores are worth: statistics, rank aggregates, leaderboards and figures.

A report reads score tables (:mod:`naslib_zc_plugin.table`) and accuracies, and never scores a network: nothing here
imports torch or a proxy.

* :mod:`.statistics` -- agreement of one proxy with the accuracy; its bootstrap intervals come from :mod:`.bootstrap`
* :mod:`.top` -- agreement among the best, what the tops share, and the network that would be selected
* :mod:`.aggregates` -- several proxies joined into one: TE-NAS' rank sum, rank product, majority vote
* :mod:`.leaderboard` -- the proxies of a table side by side, as a :mod:`.board`; :mod:`.sheets` and :mod:`.notes` put
  it into words, :mod:`.render` writes text, Markdown and CSV, :mod:`.page` one HTML page
* :mod:`.ranking` -- mean ranks over benchmarks
* :mod:`.published` and :mod:`.sections` -- tables of pages, with printed values beside ours
* :mod:`.standing` -- the place of one score among a table's
* :mod:`.heatmap` and :mod:`.components` -- correlations between columns, and how many directions they vary in
* :mod:`.figures` and :mod:`.heatmap` -- score against accuracy, and columns against each other (need matplotlib)

One convention holds throughout: a score that is ``None``, NaN or infinite is *undefined*. It is counted and
shown, and never replaced by a number.
"""
