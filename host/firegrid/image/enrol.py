"""Who each gateway is: its key and certificate from the community's CA, and its claim code.

They lie in `identities/GATEWAY/` of the community's folder, made once and never again for the same
id. The private key stays there only until its board has answered.
"""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firegrid.errors import FiregridError
from firegrid.identity import Authority
from firegrid.image.prov import Prov
from firegrid.state import State, write_folder

__all__ = [
    "ABOUT",
    "CERTIFICATE",
    "FORMAT",
    "KEY",
    "about_of",
    "claim_code",
    "enrol",
    "is_enrolled",
    "prov_of",
]

FORMAT = 1
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
ABOUT, KEY, CERTIFICATE = "identity.json", "key.der", "certificate.der"


def is_enrolled(state: State, gateway: str) -> bool:
    """Return whether a gateway has an identity."""
    return (state.identities / gateway / ABOUT).exists()


def enrol(state: State, authority: Authority, site: str, gateway: str) -> None:
    """Make the identity of a gateway, whole or not at all."""
    folder = state.identities / gateway
    key = ec.generate_private_key(ec.SECP256R1())
    about = {
        "format": FORMAT,
        "site": site,
        "gateway": gateway,
        "claim_code": _new_code(),
        "made_s": int(datetime.now(UTC).timestamp()),
    }
    private = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    files = {
        KEY: private,
        CERTIFICATE: authority.certify(key.public_key(), f"{site}/{gateway}"),
        ABOUT: (json.dumps(about, indent=2) + "\n").encode(),
    }
    state.make()
    write_folder(folder, files)


def _new_code() -> str:
    code = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{code[:4]}-{code[4:]}"


def claim_code(state: State, gateway: str) -> str:
    """Return what stands on a gateway's label beside its id."""
    return str(about_of(state, gateway)["claim_code"])


def prov_of(state: State, authority_files: tuple[bytes, bytes], gateway: str) -> Prov | None:
    """Return what the partition of a gateway says, None where its key has left for the board.

    `authority_files`: the CA's certificate in DER, the modulus of the update key.
    """
    about = about_of(state, gateway)
    folder = state.identities / gateway
    key = folder / KEY
    if not key.exists():
        return None
    ca, update_key = authority_files
    return Prov(
        str(about["site"]),
        gateway,
        _read(key),
        _read(folder / CERTIFICATE),
        ca,
        update_key,
        str(about["claim_code"]),
        int(str(about["made_s"])),
    )


def about_of(state: State, gateway: str) -> dict[str, object]:
    """Return what `identity.json` of a gateway says; raise where it is damaged, or of a format
    that this program does not read."""
    path = state.identities / gateway / ABOUT
    try:
        about = json.loads(_read(path))
        version = about["format"]
        if version == FORMAT and {"site", "claim_code", "made_s"} <= set(about):
            return dict(about)
    except (ValueError, KeyError, TypeError):
        version = None
    if version not in (None, FORMAT):
        raise FiregridError(f"{path}: format {version}; this program reads {FORMAT}")
    raise FiregridError(f"{path}: is damaged", "bring it back from a copy")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FiregridError(f"{path}: cannot be read: {error.strerror or error}") from None
