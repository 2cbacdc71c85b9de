"""The signature beside a report: whoever has the community's CA certificate finds any change.

`NAME.sig` is JSON: the hashes of `NAME.html` and `NAME.json`, when it was signed, the certificate
of the signing key, and the signature (ECDSA, SHA-256) over all that stands before it. The
certificate comes from the community's CA and is for signing documents (RFC 9336): a gateway has
one of the same CA, and may sign nothing.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from firegrid.errors import FiregridError
from firegrid.identity import DOCUMENT_SIGNING

__all__ = ["DOCUMENT_SIGNING", "FORMAT", "PARTS", "Signer", "Verdict", "sealed", "verify"]

FORMAT = 1
PARTS = ("html", "json")

SIGNATURE = "signature"
SIG_BYTES_MAX = 65536


class Signer(Protocol):
    """The community's signing key."""

    @property
    def signing_certificate(self) -> bytes:
        """Its certificate, from the community's CA, in DER."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature of data: ECDSA with SHA-256, in DER."""


@dataclass(frozen=True)
class Verdict:
    """What a check found: nothing wrong where `faults` is empty."""

    site: str = ""
    signed_at: str = ""
    signer: str = ""
    faults: list[dict[str, str]] = field(default_factory=list)


def sealed(parts: dict[str, bytes], site: str, at: str, signer: Signer) -> bytes:
    """Return what `NAME.sig` has to hold."""
    statement: dict[str, Any] = {
        "format": FORMAT,
        "site": site,
        "signed_at": at,
        "sha256": {part: hashlib.sha256(parts[part]).hexdigest() for part in PARTS},
        "certificate": base64.b64encode(signer.signing_certificate).decode(),
    }
    signature = base64.b64encode(signer.sign(_signed(statement))).decode()
    return (json.dumps(statement | {SIGNATURE: signature}, indent=2) + "\n").encode()


def _signed(statement: dict[str, Any]) -> bytes:
    """Return the bytes that are signed: no choice is left in how they are written."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()


def verify(report: Path, ca: bytes) -> Verdict:
    """Check a report, named by any of its three files, by the CA's certificate in PEM or DER."""
    authority = _certificate(ca, "the CA certificate")
    statement = _statement(report.with_suffix(".sig"))
    try:
        certificate = x509.load_der_x509_certificate(_bytes(statement["certificate"]))
    except ValueError:
        return Verdict(faults=[_fault("certificate", "unreadable")])
    faults = [*_chain_faults(certificate, authority, statement), *_part_faults(report, statement)]
    name = certificate.subject.rfc4514_string()
    return Verdict(statement["site"], statement["signed_at"], name, faults)


def _statement(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            row = json.loads(file.read(SIG_BYTES_MAX))
        version = row["format"]
    except (ValueError, TypeError, KeyError):
        raise FiregridError(f"{path}: is no signature of a report") from None
    if version != FORMAT:
        raise FiregridError(
            f"{path}: format {version}; this program reads {FORMAT}",
            "use the firegrid that wrote it, or a newer one",
        )
    words = ("site", "signed_at", "certificate", SIGNATURE)
    digests = row.get("sha256")
    whole = isinstance(digests, dict) and all(isinstance(row.get(key), str) for key in words)
    if not whole or digests.keys() != set(PARTS):
        raise FiregridError(f"{path}: is no signature of a report")
    return row  # type: ignore[no-any-return]


def _chain_faults(
    certificate: x509.Certificate, authority: x509.Certificate, statement: dict[str, Any]
) -> list[dict[str, str]]:
    """What is wrong with who signed, and with the signature."""
    found = []
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        found.append(_fault("certificate", "other_ca"))
    if not _may_sign(certificate):
        found.append(_fault("certificate", "not_for_signing"))
    key = certificate.public_key()
    signed = {key: value for key, value in statement.items() if key != SIGNATURE}
    try:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        key.verify(_bytes(statement[SIGNATURE]), _signed(signed), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        found.append(_fault("sig", "bad_signature"))
    return found


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return DOCUMENT_SIGNING in usage


def _part_faults(report: Path, statement: dict[str, Any]) -> list[dict[str, str]]:
    found = []
    for part in PARTS:
        path = report.with_suffix(f".{part}")
        if not path.is_file():
            found.append(_fault(part, "missing"))
        elif hashlib.sha256(path.read_bytes()).hexdigest() != statement["sha256"][part]:
            found.append(_fault(part, "changed"))
    return found


def _fault(part: str, why: str) -> dict[str, str]:
    return {"part": part, "why": why}


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _certificate(data: bytes, what: str) -> x509.Certificate:
    try:
        pem = data.lstrip().startswith(b"-----")
        return (
            x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
        )
    except ValueError:
        raise FiregridError(f"{what} cannot be read", "give it in PEM or DER") from None
