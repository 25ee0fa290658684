"""Notifications arrive, are retried, and never stop a run."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from rapport.notifications import Event, notify
from rapport.settings import Settings

EVENT = Event(
    "failed",
    date(2026, 10, 31),
    "manual__1",
    release_id=7,
    reasons=("landing: crm__clients: names_are_given: 3 of 500 rows",),
    next_command="rapport releases",
)


def settings(**values: Any) -> Settings:
    return Settings(**values)


@contextmanager
def webhook(*statuses: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Local HTTP server that answers with these statuses in turn and keeps what it got."""
    received: list[dict[str, Any]] = []
    answers = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(json.loads(body))
            self.send_response(answers.pop(0))
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook/secret-token", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """Local SMTP server of one connection's worth of SMTP; keeps the messages."""
    messages: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            while line := self.rfile.readline().decode().strip().upper():
                if line == "DATA":
                    self.wfile.write(b"354 go\r\n")
                    lines = []
                    while (data := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        lines.append(data)
                    messages.append("\n".join(lines))
                self.wfile.write(b"221 bye\r\n" if line == "QUIT" else b"250 ok\r\n")
                if line == "QUIT":
                    return

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1], messages
        server.shutdown()
        thread.join()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nothing_is_sent_when_nothing_is_configured() -> None:
    assert notify(settings(), EVENT) == []


def test_the_webhook_gets_the_event_as_json_in_both_languages() -> None:
    with webhook(200) as (url, received):
        (delivery,) = notify(settings(webhook_url=url), EVENT)
    assert delivery.is_delivered
    assert delivery.attempts == 1
    assert received[0]["status"] == "failed"
    assert received[0]["release_id"] == 7
    assert "Reporting date / 报告日: 2026-10-31" in received[0]["text"]


def test_a_busy_webhook_is_asked_again_after_growing_pauses() -> None:
    pauses: list[float] = []
    with webhook(500, 429, 200) as (url, received):
        (delivery,) = notify(settings(webhook_url=url), EVENT, pause=pauses.append)
    assert delivery.is_delivered
    assert delivery.attempts == 3
    assert len(received) == 3
    assert pauses == [0.5, 1.0]


def test_a_refusal_is_not_repeated() -> None:
    with webhook(403) as (url, received):
        (delivery,) = notify(settings(webhook_url=url), EVENT)
    assert len(received) == 1
    assert delivery.problem == "127.0.0.1 answered 403"


def test_a_dead_channel_is_recorded_and_neither_raises_nor_tells_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = f"http://127.0.0.1:{closed_port()}/hook/secret-token"
    pauses: list[float] = []
    (delivery,) = notify(settings(webhook_url=url), EVENT, pause=pauses.append)
    assert delivery.attempts == 3
    assert delivery.problem == "ConnectError (127.0.0.1)"
    assert "did not arrive" in caplog.text
    assert "secret-token" not in caplog.text


def test_mail_arrives_with_chinese_intact_while_the_webhook_is_dead() -> None:
    with mail_server() as (port, messages):
        deliveries = notify(
            settings(
                webhook_url=f"http://127.0.0.1:{closed_port()}/",
                smtp_host="127.0.0.1",
                smtp_port=port,
                smtp_from="rapport@example.org",
                smtp_to="owner@example.org",
            ),
            EVENT,
            pause=lambda _: None,
        )
    assert [(d.channel, d.is_delivered) for d in deliveries] == [("webhook", False), ("smtp", True)]
    from email import message_from_string
    from email.policy import default

    message = message_from_string(messages[0], policy=default)
    assert message["To"] == "owner@example.org"
    assert "运行失败" in str(message["Subject"])
    assert "names_are_given: 3 of 500 rows" in message.get_content()


def test_mail_to_a_server_that_does_not_answer_is_recorded() -> None:
    configured = settings(smtp_host="127.0.0.1", smtp_port=closed_port(), smtp_to="a@example.org")
    (delivery,) = notify(configured, EVENT, pause=lambda _: None)
    assert delivery.channel == "smtp"
    assert "ConnectionRefusedError" in str(delivery.problem)
