"""Reports: one self-contained page per release."""
