"""Which failures a retry may mend, and how they reach the person who reads the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from airflow.sdk.exceptions import AirflowFailException

from rapport.errors import RapportError
from rapport.transform.errors import TransformError

log = logging.getLogger(__name__)

# The server was away, restarted, busy or lent out; the same call may succeed a minute later.
_PASSING = (psycopg.OperationalError, psycopg.InterfaceError, ConnectionError, TimeoutError)
# dbt runs in a process of its own: of its errors only the text arrives.
_PASSING_TEXT = (
    "could not connect",
    "connection refused",
    "server closed the connection",
    "terminating connection",
    "the database system is starting up",
)


def is_passing(error: BaseException) -> bool:
    """Whether a retry may help: anything that is no message to the user, or stems from a server.

    A failed gate, a refusal to publish and wrong settings stay as they are however often one tries.
    """
    if not isinstance(error, RapportError):
        return True
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, _PASSING):
            return True
        cause = cause.__cause__
    text = error.message.lower() if isinstance(error, TransformError) else ""
    return any(fragment in text for fragment in _PASSING_TEXT)


@contextmanager
def readable() -> Iterator[None]:
    """Log the message of an error in full, and end the task at once where no retry helps.

    Raises:
        AirflowFailException: for what lasts; the error itself for what may pass.
    """
    try:
        yield
    except RapportError as error:
        log.error("%s", error)
        if is_passing(error):
            raise
        raise AirflowFailException(str(error)) from error
