"""One run, step by step: the same functions from the scheduler, `dag.test()` and the CLI."""
