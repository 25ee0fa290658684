"""Keyed pseudonyms: what a person column lands as. The key never leaves this process."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import unicodedata

from rapport.errors import RapportError
from rapport.local import secret_files
from rapport.settings import Settings

FILE = "pseudonym.json"


class Pseudonymiser:
    """Replaces a personal value by ``k<key id>:<HMAC-SHA-256>``; equal values stay equal.

    One key serves all sources, so that the same legal id matches across systems. Surrounding
    white space and the Unicode form do not matter; a blank value is no identifier (None).
    """

    def __init__(self, key_id: str, key: bytes) -> None:
        self._prefix = f"k{key_id}:"
        self._key = key

    def of(self, value: str) -> str | None:
        plain = unicodedata.normalize("NFC", value).strip()
        if not plain:
            return None
        return self._prefix + hmac.digest(self._key, plain.encode(), "sha256").hex()


def load_pseudonymiser(settings: Settings) -> Pseudonymiser:
    """The pseudonymiser of this installation; its key is drawn on first use.

    Raises:
        RapportError: when the key file is damaged (a new key would break every match).
    """
    path = settings.secrets / FILE
    if not path.is_file():
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        secret_files.write(settings.secrets, FILE, {"current": "1", "1": key})
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        key_id = str(content["current"])
        key_bytes = base64.b64decode(content[key_id], validate=True)
        if len(key_bytes) < 32:
            raise ValueError("the key is shorter than 32 bytes")
    except (ValueError, KeyError, TypeError) as error:
        raise RapportError(
            f"The pseudonym key file {path} cannot be read: {error}.",
            next_step="Restore it from your backup; with a new key, old rows no longer match.",
        ) from error
    return Pseudonymiser(key_id, key_bytes)
