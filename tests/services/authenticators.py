"""An authenticator in software: makes passkeys and signs with them as WebAuthn has it."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

from tests.services.browsers import ORIGIN, base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One passkey, with a count of its signatures; where it believes to be can be changed."""

    origin: str = ORIGIN
    relying_party: str = "localhost"
    count: int = 1
    number: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return a new credential, as our contract writes it."""
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.number).to_bytes(2, "big") + self.number + encode_cbor(cose)
        said = self._data(PRESENT | VERIFIED | ATTESTED) + attested
        return {
            "id": base64url(self.number),
            "client_data_json": base64url(self._client_data("webauthn.create", options["challenge"])),
            "attestation_object": base64url(encode_cbor({"fmt": "none", "attStmt": {}, "authData": said})),
            "transports": ["internal"],
        }

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return what answers a challenge."""
        client_data = self._client_data("webauthn.get", options["challenge"])
        said = self._data(PRESENT | VERIFIED)
        signature = self.key.sign(said + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return {
            "id": base64url(self.number),
            "client_data_json": base64url(client_data),
            "authenticator_data": base64url(said),
            "signature": base64url(signature),
        }

    def _data(self, flags: int) -> bytes:
        digest = hashlib.sha256(self.relying_party.encode()).digest()
        return digest + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()


def flipped(text: str) -> str:
    """Return bytes of which one is another, as base64url."""
    content = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    content[-1] ^= 1
    return base64url(bytes(content))
