"""A coherent lender: its CRM and loan system in the canonical layout, for demos and tests."""
