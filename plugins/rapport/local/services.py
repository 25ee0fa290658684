"""All services of a local run together: started, stopped, and how they are."""

from __future__ import annotations

from dataclasses import dataclass

from rapport.errors import RapportError
from rapport.local import airflow, databases, supervisor
from rapport.settings import Settings


@dataclass(frozen=True)
class ServiceState:
    """One line of ``rapport status``."""

    name: str
    state: str
    where: str


def start_airflow(settings: Settings) -> bool:
    """Migrate Airflow's metadata if needed and start its components; False when they run."""
    airflow.migrate(settings)
    return supervisor.start(settings)


def stop_all(settings: Settings) -> None:
    """Stop Airflow, then PostgreSQL; returns when no process of ours is left."""
    supervisor.stop(settings)
    if _server_exists(settings):
        databases.embedded(settings).stop()


def service_states(settings: Settings) -> list[ServiceState]:
    """How each service is and where it listens or logs."""
    found = [_database_state(settings)]
    if settings.warehouse_url is not None:
        from rapport.warehouse.dsn import redacted

        found.append(ServiceState("warehouse", "external", redacted(settings.warehouse_url)))
    for program in supervisor.programs(settings):
        where = str(program.log)
        if program.name == "api-server" and program.state == "RUNNING":
            where = f"{airflow.base_url(settings)}  {where}"
        found.append(ServiceState(f"airflow {program.name}", program.state.lower(), where))
    return found


def require_healthy(settings: Settings) -> None:
    """Check that no component was given up.

    Raises:
        RapportError: naming the component and its log.
    """
    for program in supervisor.programs(settings):
        if program.state in ("FATAL", "EXITED", "UNKNOWN"):
            raise RapportError(
                f"Airflow's {program.name} does not stay up.",
                next_step=f"Read {program.log}, mend the cause, then `make stop run`.",
            )


def _server_exists(settings: Settings) -> bool:
    return (settings.state / "postgres" / "data" / "PG_VERSION").is_file()


def _database_state(settings: Settings) -> ServiceState:
    if not _server_exists(settings):
        return ServiceState("postgresql", "not created", str(settings.state / "postgres"))
    server = databases.embedded(settings)
    if not server.is_running():
        return ServiceState("postgresql", "stopped", str(server.log))
    return ServiceState("postgresql", "running", f"127.0.0.1:{server.running_port()}  {server.log}")
