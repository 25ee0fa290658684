"""The two simulated source systems of a local run."""

from __future__ import annotations

from rapport.local import secret_files
from rapport.local.databases import address
from rapport.settings import Settings


def simulator_dsn(settings: Settings, source: str) -> str:
    """libpq URL of the owner of a simulated source database (``crm`` or ``loans``)."""
    password = secret_files.read(settings.secrets, "local_roles.json")["simulator"]
    return address(settings.database_port, source, "simulator", password)


def ensure_simulated(settings: Settings) -> bool:
    """Fill the simulated source systems unless they hold clients; True when filled now."""
    from rapport.simulator.run import simulate
    from rapport.warehouse.dsn import connect

    with connect(simulator_dsn(settings, "crm")) as connection:
        row = connection.execute("select to_regclass('public.clients') is not null").fetchone()
        if row and row[0]:
            row = connection.execute("select exists (select from public.clients)").fetchone()
            if row and row[0]:
                return False
    simulate(settings, clients=500, months=36, seed=7)
    return True
