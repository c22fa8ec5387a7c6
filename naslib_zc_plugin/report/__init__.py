"""What a campaign's scores are worth: statistics, rank aggregates, leaderboards and figures.

A report reads numbers and never scores a network: nothing here imports torch or a proxy.

* :mod:`.statistics` -- agreement of one proxy with the trained accuracy, with bootstrap intervals
* :mod:`.aggregates` -- several proxies joined into one: TE-NAS' rank sum, rank product, majority vote
* :mod:`.leaderboard` -- many proxies side by side, as text, Markdown or CSV
* :mod:`.figures` -- score against accuracy in small multiples (needs matplotlib)

One convention holds throughout: a score that is ``None``, NaN or infinite is *undefined*. It is counted and
shown, and never replaced by a number.
"""
