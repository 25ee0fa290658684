"""Fixtures of the DAG tests."""

from support.airflow_lab import airflow_home, airflow_metadata, bag

__all__ = ["airflow_home", "airflow_metadata", "bag"]
