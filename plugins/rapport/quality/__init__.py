"""Gates: suites of expectations, run in the database, with evidence kept in ``ctl``."""
