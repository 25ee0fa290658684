"""Call dbt and read what it leaves behind."""
