"""Tests of the benchmarks' tables, and makers of small files in the authors' formats."""
