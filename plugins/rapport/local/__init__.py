"""Everything a run on one machine needs: PostgreSQL, Airflow, and who watches over them."""
