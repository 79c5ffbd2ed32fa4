"""Certificates for servers and clients of tests: one authority, whoever it vouches for, in PEM files."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOST = IPv4Address("127.0.0.1")


class Authority:
    """Vouches for names. `ca` is its own certificate, for whoever is to believe it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority")
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self._signed(self._name, self._key.public_key(), x509.BasicConstraints(True, 0)))

    def vouch(self, name: str) -> Path:
        """A file with the key and the certificate of `name`: for a server on the loopback address, or for a client."""
        path, key = self._folder / f"{name}.pem", ec.generate_private_key(ec.SECP256R1())
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        host = x509.SubjectAlternativeName([x509.IPAddress(HOST)])
        path.write_bytes(secret + self._signed(_name(name), key.public_key(), host))
        return path

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> bytes:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            self._name, subject, key, x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1)
        )
        return (
            builder.add_extension(extension, critical=True).sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
