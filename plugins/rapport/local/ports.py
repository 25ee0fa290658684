"""Ports of the local services: free before we use them, and ours when something answers."""

from __future__ import annotations

import random
import socket

from rapport.errors import RapportError

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server may listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Like the servers themselves: a port that only waits out old connections is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(port: int, *, service: str, variable: str) -> None:
    """Refuse to start a service on a port that another program holds.

    Raises:
        RapportError: naming the port and the setting that changes it.
    """
    if not is_free(port):
        raise RapportError(
            f"Port {port} for {service} is in use by another program.",
            next_step=f"Set {variable} to a free port (for example {find_free()}), "
            "or stop the program that holds it.",
        )


def find_free() -> int:
    """A port that is free at this moment and that the kernel gives to no outgoing connection."""
    while not is_free(port := random.randrange(20000, 32000)):
        pass
    return port
