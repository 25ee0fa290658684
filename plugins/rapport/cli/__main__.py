"""``python -m rapport.cli`` is the same as ``rapport``."""

from rapport.cli import main

main()
