"""A coherent lender: CRM and loan-system data in the canonical layout, for demos, tests and benchmarks."""
