"""A community's CA and its signing key, made anew for a test."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from firegrid.acceptance.seal import DOCUMENT_SIGNING


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """A CA with a signing key, as `ca init` makes them."""

    def __init__(self, usage=DOCUMENT_SIGNING):
        self._ca_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        ca = self._certificate("Garden CA", self._ca_key, None, ca=True)
        self.ca = ca.public_bytes(serialization.Encoding.PEM)
        certificate = self._certificate("Garden signing", self._key, usage)
        self.signing_certificate = certificate.public_bytes(serialization.Encoding.DER)

    def _certificate(self, name, key, usage, ca=False):
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("Garden CA"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2051, 1, 1, tzinfo=UTC))
        )
        if ca:
            builder = builder.add_extension(x509.BasicConstraints(True, 0), critical=True)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(self._ca_key, hashes.SHA256())

    def sign(self, data):
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))
