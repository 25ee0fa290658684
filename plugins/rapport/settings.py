"""Typed settings, read from the environment (prefix ``RAPPORT_``)."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rapport.errors import RapportError

Port = Annotated[int, Field(ge=1024, le=65535)]


def _checkout() -> Path:
    return Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Everything a run depends on that is neither data nor code.

    Paths are absolute after loading. Money is reported in ``reporting_currency``
    (ISO 4217); instants become dates in ``business_time_zone`` (IANA name).
    """

    model_config = SettingsConfigDict(
        env_prefix="RAPPORT_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    root: Path = Field(default_factory=_checkout)
    home: Path | None = None
    project_path: Path | None = None
    warehouse_url: str | None = None
    sources: Annotated[tuple[str, ...] | None, NoDecode] = None
    files_dir: Path | None = None
    eagle_dir: Path | None = None
    business_time_zone: str = "Asia/Shanghai"
    reporting_currency: str = "CNY"
    dbt_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    slots: int = Field(default=3, ge=1)
    keep_releases: int = Field(default=5, ge=1)
    reports_dir: Path | None = None
    # A failed warning stops a release as a failure does, until somebody lets it through.
    warnings_need_override: bool = False
    # Ed25519 private key (PEM) that signs the head of the ledger; kept outside the warehouse.
    signing_key: Path | None = None

    # Local services listen on loopback only; each port is checked before it is used. The
    # kernel hands out ports from 32768 on to outgoing connections, so ours lie below.
    database_port: Port = 15432
    airflow_port: Port = 18080
    supervisor_port: Port = 18081

    # Where a failed gate is told; nothing is sent while these are unset.
    webhook_url: str | None = None
    smtp_host: str | None = None
    smtp_port: int = 25
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = None
    smtp_to: str | None = None
    smtp_starttls: bool = False

    @field_validator("sources", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip()) or None
        return value

    @field_validator(
        "root", "home", "project_path", "files_dir", "eagle_dir", "reports_dir", "signing_key"
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().absolute()

    @cached_property
    def state(self) -> Path:
        """Folder of everything a run makes: database, logs, secrets, reports."""
        return (self.home or self.root / ".rapport").resolve()

    @cached_property
    def secrets(self) -> Path:
        return self.state / "secrets"

    @cached_property
    def reports(self) -> Path:
        return (self.reports_dir or self.state / "reports").resolve()


def load() -> Settings:
    """Settings of this process; read anew at each call, so tests may change the environment.

    Raises:
        RapportError: naming the variable whose value does not fit.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"RAPPORT_{'.'.join(str(part) for part in item['loc'])}".upper() + f": {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        )
        raise RapportError(
            f"Settings are wrong: {wrong}",
            next_step="Correct the variable; .env.example describes each of them.",
        ) from None
