"""Files that results are kept in, and their provenance, which decides whether such a file may be continued.

* :mod:`.database` -- SQLite files: their formats and migrations, opened by one writer, read by many
* :mod:`.provenance` -- everything that a file's numbers depend on, compared with the present configuration
* :mod:`.parquet` -- scores of a campaign as one Parquet file

Campaigns and searches keep their results this way; neither is known here.
"""
