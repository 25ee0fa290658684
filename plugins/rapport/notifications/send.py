"""Deliver an event. A channel that fails is retried, logged and returned; it never stops a run."""

from __future__ import annotations

import logging
import smtplib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import urlsplit

import httpx

from rapport.notifications.event import Event
from rapport.settings import Settings

ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """What became of one channel: ``problem`` is None when the event arrived."""

    channel: str
    attempts: int
    problem: str | None = None

    @property
    def is_delivered(self) -> bool:
        return self.problem is None


def notify(
    settings: Settings, event: Event, *, pause: Callable[[float], None] = time.sleep
) -> list[Delivery]:
    """Send to every configured channel, up to three times each with growing pauses.

    Returns one record per channel, none when nothing is configured. Never raises.
    """
    channels: list[tuple[str, Callable[[], None]]] = []
    if settings.webhook_url:
        channels.append(("webhook", lambda: _post(settings, event)))
    if settings.smtp_host and settings.smtp_to:
        channels.append(("smtp", lambda: _mail(settings, event)))
    return [_deliver(name, send, pause) for name, send in channels]


def _deliver(name: str, send: Callable[[], None], pause: Callable[[float], None]) -> Delivery:
    problem = ""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            send()
            return Delivery(name, attempt)
        except _Rejected as error:
            problem = str(error)
            break  # the other side understood and said no: asking again changes nothing
        except Exception as error:
            problem = _without_secrets(error)
        if attempt < ATTEMPTS:
            pause(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
    _log.warning("The %s notification did not arrive: %s", name, problem)
    return Delivery(name, attempt, problem)


class _Rejected(Exception):
    """An answer that a retry would get again."""


def _post(settings: Settings, event: Event) -> None:
    url = str(settings.webhook_url)
    answer = httpx.post(url, json=event.payload(), timeout=TIMEOUT_SECONDS, follow_redirects=False)
    if answer.status_code == 429 or answer.status_code >= 500:
        raise ConnectionError(f"{urlsplit(url).hostname} answered {answer.status_code}")
    if answer.status_code >= 300:
        raise _Rejected(f"{urlsplit(url).hostname} answered {answer.status_code}")


def _mail(settings: Settings, event: Event) -> None:
    message = EmailMessage()
    message["Subject"] = event.subject
    message["From"] = settings.smtp_from or "rapport@localhost"
    message["To"] = str(settings.smtp_to)
    message.set_content(event.text())
    host, port = str(settings.smtp_host), settings.smtp_port
    with smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS) as server:
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)


def _without_secrets(error: Exception) -> str:
    """A webhook's address often is its password, so only kind and host are told."""
    if isinstance(error, httpx.HTTPError):
        host = "" if error.__dict__.get("_request") is None else f" ({error.request.url.host})"
        return f"{type(error).__name__}{host}"
    return f"{type(error).__name__}: {error}"[:300]
