"""What makes a scripted relay safe: an authority that nobody but the test trusts, and logins."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Security:
    """How a relay is safe: from the first byte (`smtps`) or once it is asked to be, and who may
    use it. It takes no login in clear."""

    tls: ssl.SSLContext
    is_smtps: bool = False
    login: tuple[str, str] | None = None
    mechanisms: bytes = b"PLAIN LOGIN"

    def knows(self, user: bytes, password: bytes) -> bool:
        return self.login is not None and (user.decode(), password.decode()) == self.login


class Authority:
    """Signs certificates. `pem` is its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the town's own")])
        made = self._certificate(self._key, self._name, days=90, is_authority=True)
        self.pem = made.public_bytes(serialization.Encoding.PEM).decode()

    def context(self, name: str = "127.0.0.1", days: float = 90) -> ssl.SSLContext:
        """A server's, with a certificate for this host that ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._certificate(key, subject, days, names=[_general(name)])
        file = self._folder / "relay.pem"
        pem = serialization.Encoding.PEM
        file.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + made.public_bytes(pem)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certificate(
        self,
        key: ec.EllipticCurvePrivateKey,
        subject: x509.Name,
        days: float,
        *,
        names: list[x509.GeneralName] | None = None,
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=100))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return made.sign(self._key, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
