"""How good a campaign's scores are: correlations, leaderboards, figures, and costs.

A report reads score tables (:mod:`naslib_zc_plugin.table`) and accuracies, and never scores a network, except to
measure the cost of it (:mod:`.cost`, which alone needs torch).

* :mod:`.correlations` -- agreement of one proxy with the accuracy, with intervals
* :mod:`.pairs` -- the coefficients of pairs and of their resamples, and the influence of each pair
* :mod:`.selection` -- agreement among the best, the network that would be selected, and the percentile of one score
* :mod:`.leaderboards` -- the proxies of a table side by side, and mean ranks over several
* :mod:`.rendering` -- leaderboards as text, Markdown and CSV, of :mod:`naslib_zc_plugin.text_table` s
* :mod:`.paired` -- many proxies compared with each other on the networks that they share
* :mod:`.overview` -- all tables at once: proxies and aggregates by benchmark and data set
* :mod:`.page` -- an overview as one page, and as a table (needs jinja2 and vl-convert-python)
* :mod:`.figures` -- score against accuracy, columns against each other, search curves (need matplotlib)
"""
