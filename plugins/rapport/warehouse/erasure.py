"""Erase a person from the warehouse: what their pseudonym stands in, in every layer."""

from __future__ import annotations

import psycopg

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.warehouse import dsn, roles


def erase(settings: Settings, value: str, *, requested_by: str, reason: str) -> dict[str, int]:
    """Replace the pseudonym of a personal value by a random token; rows changed, by table.

    Args:
        value: the personal value as the sources hold it (a legal id, a contact's reference).

    Raises:
        RapportError: when the value is blank, or a table is being written at the moment.
    """
    from rapport.sources.pseudonyms import load_pseudonymiser

    pseudonym = load_pseudonymiser(settings).of(value)
    if pseudonym is None:
        raise RapportError("There is nothing to erase: the value is blank.")
    with dsn.connect(dsn.role_dsn(settings, "admin"), application_name="rapport erase") as c:
        c.execute(f"set role {roles.OWNER}".encode())
        c.execute("set local lock_timeout = '30s'")
        try:
            row = c.execute(
                "select ctl.erase_pseudonym(%s, %s, %s)", [pseudonym, requested_by, reason]
            ).fetchone()
        except psycopg.errors.LockNotAvailable as error:
            raise RapportError(
                "A run is writing; nothing is erased.", next_step="Wait for its end, then repeat."
            ) from error
    assert row is not None
    return dict(row[0])
