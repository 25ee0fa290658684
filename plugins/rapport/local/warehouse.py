"""A warehouse that is ready for a run: ours is made ready, anybody else's is only checked."""

from __future__ import annotations

from rapport.errors import RapportError
from rapport.settings import Settings


def ensure_deployed(settings: Settings) -> None:
    """Have the code version of this tree registered in a running warehouse.

    Raises:
        RapportError: for a warehouse named by RAPPORT_WAREHOUSE_URL that is not ready.
    """
    from rapport.local.databases import ensure_running
    from rapport.warehouse.deploy import deploy, is_deployed
    from rapport.warehouse.migrate import upgrade

    if settings.warehouse_url is None:
        ensure_running(settings)
    if is_deployed(settings):
        return
    if settings.warehouse_url is not None:
        raise RapportError(
            "The warehouse does not know this code version.",
            next_step="Run `rapport warehouse upgrade` and `rapport deploy` "
            "(as the administrator named in RAPPORT_WAREHOUSE_URL).",
        )
    upgrade(settings)
    deploy(settings)
