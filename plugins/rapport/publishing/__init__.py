"""Releases: opening, publishing, rolling back, comparing. The database decides; this calls it."""
