# SPDX-License-Identifier: Apache-2.0
"""Certificates for mutual TLS: an authority for each cluster, and what nodes show each other.

A node's certificate says that it is of the cluster; which host it is does not matter.
"""

from __future__ import annotations

import datetime
import os

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# kTlsName (runtime/host/daemon/credentials.h).
_NODE_NAME = "mobula-node"
AUTHORITY = "ca.pem"
AUTHORITY_KEY = "ca.key"


def make_authority(folder: str, days: int) -> None:
    """Makes ca.pem and ca.key in a folder, which is made if it is not there.

    Raises:
        FileExistsError: There is an authority already.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("mobula cluster authority")
    certificate = (
        _builder(name, name, key, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(os.path.join(folder, AUTHORITY_KEY), key)
    _write(os.path.join(folder, AUTHORITY), _pem(certificate), 0o644)


def make_node(authority: str, folder: str, days: int) -> None:
    """Makes node.pem and node.key in a folder, signed by the authority in another or the same.

    Raises:
        FileExistsError: There is a node's key already.
        FileNotFoundError: There is no authority.
        ValueError: Its files are not what `make_authority` makes.
    """
    certificate_path = os.path.join(authority, AUTHORITY)
    with open(certificate_path, "rb") as file:
        authority_pem = file.read()
    with open(os.path.join(authority, AUTHORITY_KEY), "rb") as file:
        key_pem = file.read()
    try:
        signer = x509.load_pem_x509_certificate(authority_pem)
        signer_key = serialization.load_pem_private_key(key_pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(
            f"{certificate_path} and {AUTHORITY_KEY} beside it are not what `mobula tls init` "
            f"makes: {error}"
        ) from error
    if not isinstance(signer_key, ec.EllipticCurvePrivateKey):
        raise ValueError(
            f"the key beside {certificate_path} is not one that `mobula tls init` makes"
        )
    os.makedirs(folder, mode=0o700, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _builder(_name(_NODE_NAME), signer.subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NODE_NAME)]), critical=False)
        .sign(signer_key, hashes.SHA256())
    )
    _write_key(os.path.join(folder, "node.key"), key)
    _write(os.path.join(folder, "node.pem"), _pem(certificate), 0o644)
    if os.path.realpath(folder) != os.path.realpath(authority):
        _write(os.path.join(folder, AUTHORITY), authority_pem, 0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of hosts differ.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_key(path: str, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(path, text, 0o600)


def _write(path: str, content: bytes, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
