"""Helpers of the tests: an own server, and fresh databases on it."""
