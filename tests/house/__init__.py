"""The checkers behind ``tests/test_house.py``: which room may import which, and how a file may be written."""
