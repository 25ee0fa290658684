"""How commands speak: results on standard output, everything else on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rapport.errors import RapportError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def show_error(error: RapportError) -> None:
    """What is wrong in red, then what to do."""
    err.print(Text("Error: ", style="bold red") + Text(error.message, style="red"), soft_wrap=True)
    if error.next_step:
        err.print(Text("Next:  ", style="bold") + Text(error.next_step), soft_wrap=True)
