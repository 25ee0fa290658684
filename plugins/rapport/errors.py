"""Errors that a person reads: what is wrong, where, and what to do next."""


class RapportError(Exception):
    """A failure the user can act on.

    The command line prints ``message`` and ``next_step`` without a traceback;
    anything else that escapes is a defect of ours and keeps its traceback.
    """

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\nNext: {self.next_step}" if self.next_step else self.message
