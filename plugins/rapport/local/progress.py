"""What is going on, step by step: a live list on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from threading import Lock
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_MARKS = {"success": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[dim]–[/]"}


class StepBoard:
    """Shows steps that begin and finish, several at a time; safe to use from threads.

    Steps still open when the block is left by an error are shown as failed.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
            console=self._console, transient=True, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._open: dict[str, tuple[TaskID, float]] = {}
        self._lock = Lock()

    def __enter__(self) -> StepBoard:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for step in list(self._open):
            self.finish(step, "success" if error is None else "failed")
        self._progress.stop()

    def begin(self, step: str) -> None:
        """A step starts; telling so again changes nothing."""
        with self._lock:
            if step in self._open:
                return
            self._open[step] = (self._progress.add_task(escape(step)), time.monotonic())
        if not self._console.is_terminal:
            self._console.print(f"  {escape(step)} …")

    def finish(self, step: str, state: str = "success", *, seconds: float | None = None) -> None:
        """A step ended as ``success``, ``failed`` or ``skipped``; measured here unless told."""
        with self._lock:
            task, began = self._open.pop(step, (None, None))
        if task is not None:
            self._progress.remove_task(task)
        if seconds is None and began is not None:
            seconds = time.monotonic() - began
        took = "" if seconds is None else f"  [dim]{seconds:.1f} s[/]"
        self._console.print(f"{_MARKS.get(state, '·')} {escape(step)}{took}")


class StepPrinter:
    """Board for steps one after the other: each call ends the step before."""

    def __init__(self) -> None:
        self._board = StepBoard()
        self._current: str | None = None

    def __enter__(self) -> StepPrinter:
        self._board.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._board.__exit__(kind, error, trace)

    def __call__(self, step: str) -> None:
        if self._current is not None:
            self._board.finish(self._current)
        self._current = step
        self._board.begin(step)
