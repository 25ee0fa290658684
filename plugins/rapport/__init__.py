"""Rapport: audited marts of client value, satisfaction, risk and relationship type."""

__version__ = "0.1.0"
