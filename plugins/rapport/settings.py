"""Typed settings, read from the environment (prefix ``RAPPORT_``)."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _checkout() -> Path:
    return Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Everything a run depends on that is neither data nor code.

    Paths are absolute after loading. Money is reported in ``reporting_currency``
    (ISO 4217); instants become dates in ``business_time_zone`` (IANA name).
    """

    model_config = SettingsConfigDict(env_prefix="RAPPORT_", extra="ignore", frozen=True)

    root: Path = Field(default_factory=_checkout)
    home: Path | None = None
    project_path: Path | None = None
    warehouse_url: str | None = None
    database_port: int = Field(default=54329, ge=1024, le=65535)
    sources: Annotated[tuple[str, ...] | None, NoDecode] = None
    files_dir: Path | None = None
    eagle_dir: Path | None = None
    business_time_zone: str = "Asia/Shanghai"
    reporting_currency: str = "CNY"
    dbt_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    slots: int = Field(default=3, ge=1)
    keep_releases: int = Field(default=5, ge=1)
    reports_dir: Path | None = None

    @field_validator("sources", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip()) or None
        return value

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
    """Settings of this process; read anew at each call, so tests may change the environment."""
    return Settings()
