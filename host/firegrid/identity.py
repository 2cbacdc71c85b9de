"""The community's own keys: its certificate authority, its signing key, its update key.

They lie in `ca/` of the community's folder, encrypted with one passphrase (PKCS #8). The CA makes
the certificates of gateways and broker; the signing key signs reports; the update key (RSA-3072,
which a gateway can check with three-argument pow) signs application updates.
"""

import json
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firegrid.errors import FiregridError
from firegrid.state import State, write_folder

__all__ = [
    "DOCUMENT_SIGNING",
    "FORMAT",
    "PASSPHRASE_MIN",
    "YEARS",
    "Authority",
    "about_keys",
    "ca_begins",
    "certificate_of",
    "is_issued",
    "key_files",
    "public_material",
]

FORMAT = 1
PASSPHRASE_MIN = 10
YEARS = 25  # as long as the CA: what ends a stolen certificate is revocation
UPDATE_BITS = 3072
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
_ABOUT, _CA, _SIGNING = "authority.json", "ca.pem", "signing.pem"
_CA_KEY, _SIGNING_KEY, _UPDATE_KEY = "ca-key.pem", "signing-key.pem", "update-key.pem"
_UPDATE = "update.pem"


class Authority:
    """The community's keys, opened."""

    def __init__(self, folder: Path, signing: ec.EllipticCurvePrivateKey, passphrase: str) -> None:
        self._folder = folder
        self._signing = signing
        self._passphrase = passphrase

    @classmethod
    def create(cls, state: State, site: str, passphrase: str) -> "Authority":
        """Make all keys of a community; raise where it has some, or the passphrase is short."""
        if state.ca.exists():
            raise FiregridError(
                f"{state.ca}: this community has keys already",
                "they are never written over: gateways and reports hang on them",
            )
        if len(passphrase) < PASSPHRASE_MIN:
            raise FiregridError(
                f"the passphrase has {len(passphrase)} characters",
                f"at least {PASSPHRASE_MIN}: these keys open every gateway",
            )
        now = datetime.now(UTC).replace(microsecond=0)
        ca_key, signing = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        update = rsa.generate_private_key(65537, UPDATE_BITS)
        ca_name, signing_name = _named(f"{site} CA"), _named(f"{site} signing")
        ca = (
            _builder(ca_name, ca_name, ca_key.public_key(), now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .sign(ca_key, hashes.SHA256())
        )
        certificate = (
            _builder(signing_name, ca_name, signing.public_key(), now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([DOCUMENT_SIGNING]), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        about = {"format": FORMAT, "site": site, "made_at": now.isoformat()}
        public = update.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        state.make()
        write_folder(
            state.ca,
            {
                _ABOUT: (json.dumps(about, indent=2) + "\n").encode(),
                _CA: ca.public_bytes(Encoding.PEM),
                _SIGNING: certificate.public_bytes(Encoding.PEM),
                _UPDATE: public,
                _CA_KEY: _locked(ca_key, passphrase),
                _SIGNING_KEY: _locked(signing, passphrase),
                _UPDATE_KEY: _locked(update, passphrase),
            },
        )
        return cls(state.ca, signing, passphrase)

    @classmethod
    def load(cls, state: State, passphrase: str) -> "Authority":
        """Open the community's keys; raise where there are none, or the passphrase is wrong."""
        about_keys(state)
        path = state.ca / _SIGNING_KEY
        try:
            key = load_pem_private_key(path.read_bytes(), passphrase.encode())
        except ValueError:
            raise FiregridError(
                f"{path}: the passphrase does not open it", "type it again, or look for a copy"
            ) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise FiregridError(f"{path}: is no key of ours")
        return cls(state.ca, key, passphrase)

    @property
    def certificate_path(self) -> Path:
        """Where the CA's certificate lies: no secret, and all that a check needs."""
        return self._folder / _CA

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the CA's certificate, in hexadecimal."""
        return self._certificate(_CA).fingerprint(hashes.SHA256()).hex()

    @property
    def valid_until(self) -> datetime:
        """The end of the CA."""
        return self._certificate(_CA).not_valid_after_utc

    @property
    def signing_certificate(self) -> bytes:
        """The certificate of the signing key, in DER."""
        return self._certificate(_SIGNING).public_bytes(Encoding.DER)

    def _certificate(self, name: str) -> x509.Certificate:
        path = self._folder / name
        try:
            return x509.load_pem_x509_certificate(path.read_bytes())
        except (OSError, ValueError):
            raise FiregridError(f"{path}: is damaged", "bring it back from a copy") from None

    def certify(self, key: ec.EllipticCurvePublicKey, name: str) -> bytes:
        """Return a gateway's certificate, in DER. It is valid from the CA's own start, so that no
        clock that lags refuses it, and as long as the CA: revocation ends one that was stolen."""
        ca = self._certificate(_CA)
        certificate = (
            _builder(_named(name), ca.subject, key, ca.not_valid_before_utc)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
            )
            .sign(self._ca_key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.DER)

    @cached_property
    def _ca_key(self) -> ec.EllipticCurvePrivateKey:
        """The CA's key: opening it takes long on purpose, so it is opened once."""
        path = self._folder / _CA_KEY
        try:
            key = load_pem_private_key(path.read_bytes(), self._passphrase.encode())
        except (OSError, ValueError):
            raise FiregridError(f"{path}: is damaged", "bring it back from a copy") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise FiregridError(f"{path}: is no key of ours")
        return key

    def sign(self, data: bytes) -> bytes:
        """Return the signature of data: ECDSA with SHA-256, in DER."""
        return self._signing.sign(data, ec.ECDSA(hashes.SHA256()))


def ca_begins(state: State) -> float:
    """Return when the CA begins, in Unix time; raise where the community has no keys."""
    certificate = x509.load_der_x509_certificate(public_material(state)[0])
    return certificate.not_valid_before_utc.timestamp()


def public_material(state: State) -> tuple[bytes, bytes]:
    """Return what every gateway is given: the CA's certificate in DER, and the modulus of the
    update key. Raise where the community has no keys."""
    try:
        ca = x509.load_pem_x509_certificate((state.ca / _CA).read_bytes())
        update = load_pem_public_key((state.ca / _UPDATE).read_bytes())
    except FileNotFoundError:
        raise FiregridError(
            f"{state.ca}: this community has no keys", "make them once: firegrid ca init SITE"
        ) from None
    except (OSError, ValueError):
        raise FiregridError(f"{state.ca}: is damaged", "bring it back from a copy") from None
    if not isinstance(update, rsa.RSAPublicKey):
        raise FiregridError(f"{state.ca / _UPDATE}: is no key of ours")
    modulus = update.public_numbers().n.to_bytes(UPDATE_BITS // 8, "big")
    return ca.public_bytes(Encoding.DER), modulus


def about_keys(state: State) -> dict[str, Any]:
    """Return what is written of the community's keys; raise where there are none, or where they
    have a format that this program does not read."""
    path = state.ca / _ABOUT
    if not path.exists():
        raise FiregridError(
            f"{state.ca}: this community has no keys", "make them once: firegrid ca init SITE"
        )
    try:
        about = json.loads(path.read_text())
        version = about["format"]
    except (ValueError, KeyError, TypeError):
        raise FiregridError(f"{path}: is damaged", "bring it back from a copy") from None
    if version != FORMAT:
        raise FiregridError(f"{path}: format {version}; this program reads {FORMAT}")
    return dict(about)


def key_files(state: State) -> dict[str, Path]:
    """Return the files of the community's keys that are there, the CA's certificate first."""
    names = (_CA, _ABOUT, _SIGNING, _UPDATE, _CA_KEY, _SIGNING_KEY, _UPDATE_KEY)
    return {name: state.ca / name for name in names if (state.ca / name).is_file()}


def certificate_of(state: State) -> Path | None:
    """Return where the CA's certificate lies; None where there is none."""
    return key_files(state).get(_CA)


def is_issued(certificate: Path, ca: Path) -> bool:
    """Return whether a certificate (DER) is one that the CA (PEM) has made."""
    try:
        issuer = x509.load_pem_x509_certificate(ca.read_bytes())
        issued = x509.load_der_x509_certificate(certificate.read_bytes())
        issued.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=365 * YEARS))
    )


def _usage(ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _locked(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, passphrase: str) -> bytes:
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode())
    )
