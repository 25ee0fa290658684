"""The key of the ledger: Ed25519, made and used outside the warehouse."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from rapport.errors import RapportError

_CONTEXT = b"rapport ledger head v1\n"


def make_key(path: Path) -> Path:
    """Write a new private key (PEM, readable by its owner only) and ``<path>.pub``; the latter.

    Raises:
        RapportError: when the file exists: an overwritten key can never sign again.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RapportError(
            f"The key cannot be written to {path}: {error.strerror}.",
            next_step="Name a file that does not exist, in a folder that does.",
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
    shared = path.with_name(path.name + ".pub")
    shared.write_bytes(public)
    return shared


def sign_head(path: Path, seq: int, entry_hash: str) -> tuple[str, str]:
    """(key id, base64 signature) over the number and hash of a ledger entry."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise RapportError(
            f"{path} holds no usable private key: {error}",
            next_step="Make one with `rapport ledger keygen FILE` and name it in "
            "RAPPORT_SIGNING_KEY.",
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise RapportError(
            f"{path} holds a key that is not Ed25519.", next_step="`rapport ledger keygen FILE`."
        )
    signature = key.sign(_message(seq, entry_hash))
    return _key_id(key.public_key().public_bytes_raw()), base64.b64encode(signature).decode()


class Verifier:
    """Checks signatures by one public key (the ``.pub`` file of `rapport ledger keygen`)."""

    def __init__(self, path: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError) as error:
            raise RapportError(
                f"{path} holds no public key: {error}",
                next_step="Give the .pub file that `rapport ledger keygen` wrote.",
            ) from error
        if not isinstance(key, Ed25519PublicKey):
            raise RapportError(f"{path} holds a key that is not Ed25519.")
        self._key = key
        self.key_id = _key_id(key.public_bytes_raw())

    def accepts(self, seq: int, entry_hash: str, signature: str) -> bool:
        """Whether the key signed this number and hash."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(base64.b64decode(signature, validate=True), _message(seq, entry_hash))
        except (InvalidSignature, ValueError):
            return False
        return True


def _message(seq: int, entry_hash: str) -> bytes:
    return _CONTEXT + f"{seq}:{entry_hash}".encode()


def _key_id(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]
