"""Fixtures of the tests that drive whole runs."""

from support.airflow_lab import airflow_home, airflow_metadata, bag
from support.published_lender import first_run, lender

__all__ = ["airflow_home", "airflow_metadata", "bag", "first_run", "lender"]
