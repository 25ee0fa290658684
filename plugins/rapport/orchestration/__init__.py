"""Rapport under Airflow: the only place of the package that imports it."""
