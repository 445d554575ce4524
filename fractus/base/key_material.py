"""Pairs of keys for SSH and for Windows: how they are made, and the fingerprints that tell one from another."""

from __future__ import annotations

import base64
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: What Nova makes: long enough, and fast enough to make while the caller waits (a tenth of a second).
_BITS = 2048
#: Nova's certificates are valid for ten years.
_VALID = datetime.timedelta(days=3650)
_UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")  # Windows' user principal name


def make(type: str, user_id: str, now: float) -> tuple[str, str]:
    """`(private key, public key)` of a type: `ssh`, or `x509`, a certificate of this user from `now` on. It takes a
    tenth of a second, so that it had better be done in a thread.
    """
    return _make_ssh() if type == "ssh" else _make_x509(user_id, now)


def _make_ssh() -> tuple[str, str]:
    """RSA, in the forms that Nova answers."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), f"{public.decode()} Generated-by-Nova"


def _make_x509(user_id: str, now: float) -> tuple[str, str]:
    """To log in to Windows with; the private key comes as PKCS 12 in base64, as Nova answers."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    # CN has room for 64 characters (X.520); Keystone's ids fit.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id[:64])])
    upn = f"{user_id}@localhost".encode()
    start = datetime.datetime.fromtimestamp(now, datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _VALID)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.OtherName(_UPN, b"\x0c" + _der_length(len(upn)) + upn)]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    bundle = pkcs12.serialize_key_and_certificates(None, key, certificate, None, serialization.NoEncryption())
    return base64.b64encode(bundle).decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def _der_length(length: int) -> bytes:
    """The length of a DER value."""
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def fingerprint(type: str, public_key: str) -> str:
    """In hexadecimal with colons: the MD5 of an SSH key's blob, or the SHA-1 of a certificate (`x509`).

    `ValueError` where the text is no such key.
    """
    try:
        if type == "x509":
            digest = x509.load_pem_x509_certificate(public_key.encode()).fingerprint(hashes.SHA1())
        else:
            serialization.load_ssh_public_key(public_key.encode())
            digest = hashlib.md5(base64.b64decode(public_key.split(" ")[1]), usedforsecurity=False).digest()
    except Exception as error:
        # The library has many errors for what is no key.
        raise ValueError(str(error)) from error
    return ":".join(f"{octet:02x}" for octet in digest)
