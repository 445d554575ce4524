"""The API with a certificate of its own: what clients see, and what a renewed one changes."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import os
import secrets
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fractus.settings.loading import SettingsError, load
from fractus.simulation import IDENTITY
from fractus.web import tls
from tests.unit.listening import listens
from tests.unit.web import tls_house
from tools.ports import free_port

ROOT = Path(__file__).parents[3]
START = """
import sys, pathlib
from fractus.app import serve
from fractus.settings.loading import load
directory, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
given = {"api": {"port": port, "tls_cert": str(directory / "cert.pem"), "tls_key": str(directory / "key.pem")}}
serve.listen(load(directory / "state", overrides=given, environ={}), "tests.unit.web.tls_house:application")
"""


class Authority:
    """Signs certificates for this machine."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, f"an authority {secrets.token_hex(4)}")]
        )
        own = self._signed(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, constraints: x509.BasicConstraints
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(constraints, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if not constraints.ca:
            here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([here]), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def issues(self) -> tuple[int, bytes, bytes]:
        """A certificate: its serial number, itself and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fractus")])
        made = self._signed(name, key, x509.BasicConstraints(ca=False, path_length=None))
        bits = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return made.serial_number, made.public_bytes(serialization.Encoding.PEM), bits

    def renews(self) -> int:
        """Another certificate and key in the place of the ones that are served with; its serial number."""
        serial, cert, key = self.issues()
        self.puts("cert.pem", cert)
        self.puts("key.pem", key)
        return serial

    def puts(self, name: str, content: bytes) -> None:
        """One of the files, with the mode of a key."""
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_bytes(content)


@contextlib.asynccontextmanager
async def serving(authority: Authority) -> AsyncIterator[tuple[int, str]]:
    """A fractus with its Keystone; its port, and the administrator's password."""
    port, password = free_port(), secrets.token_urlsafe(16)
    environ = {
        **os.environ,
        tls_house.DIRECTORY: str(authority.directory / "house"),
        tls_house.URL: f"https://127.0.0.1:{port}",
        tls_house.PASSWORD: password,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", START, str(authority.directory), str(port),
        cwd=ROOT, env=environ, start_new_session=True,
    )  # fmt: skip
    try:
        await listens(port, process, 120)
        yield port, password
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await process.wait()


async def stock(directory: Path, port: int, password: str, ca: Path, *command: str) -> tuple[int, str, str]:
    """The `openstack` client, with nothing but a clouds.yaml: its exit code, what it printed, and its errors."""
    auth = {
        "auth_url": f"https://127.0.0.1:{port}{IDENTITY}/v3",
        "username": "admin",
        "password": password,
        "project_name": "admin",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    entry = {"auth": auth, "region_name": "fractus", "cacert": str(ca)}
    file = directory / "clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": {"here": entry}}))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    client = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("openstack")), "--os-cloud", "here", *command, "-f", "json",
        env={**environ, "OS_CLIENT_CONFIG_FILE": str(file)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await client.communicate()
    return client.returncode or 0, out.decode(), errors.decode()


@pytest.mark.slow
async def test_the_stock_client_works_and_looks_at_the_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.renews()
    async with serving(authority) as (port, password):
        code, out, errors = await stock(tmp_path, port, password, authority.file, "network", "create", "n")
        assert code == 0, errors
        assert json.loads(out)["name"] == "n"
        code, out, errors = await stock(tmp_path, port, password, authority.file, "catalog", "list")
        assert code == 0, errors
        urls = {one["url"] for service in json.loads(out) for one in service["Endpoints"]}
        assert urls
        assert all(url.startswith(f"https://127.0.0.1:{port}/") for url in urls)
        (tmp_path / "other").mkdir()
        stranger = Authority(tmp_path / "other").file
        code, _, errors = await stock(tmp_path, port, password, stranger, "network", "list")
        assert code != 0
        assert "certificate verify failed" in errors.lower()


async def _serial(port: int, authority: Authority) -> int:
    trusted = ssl.create_default_context(cafile=str(authority.file))
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted)
    shown = writer.get_extra_info("ssl_object").getpeercert()
    writer.close()
    return int(shown["serialNumber"], 16)


@pytest.mark.slow
async def test_a_renewed_certificate_is_served_with_and_the_port_stays_open(tmp_path: Path) -> None:
    """While only one of the two files is new, the old ones are served with."""
    authority = Authority(tmp_path)
    first = authority.renews()
    async with serving(authority) as (port, _):
        async with asyncio.timeout(90):
            while await _serial(port, authority) != first:
                await asyncio.sleep(0.1)
        second, cert, key = authority.issues()
        authority.puts("cert.pem", cert)
        for _ in range(30):
            assert await _serial(port, authority) == first
            await asyncio.sleep(0.1)
        authority.puts("key.pem", key)
        seen, resets = set(), 0
        async with asyncio.timeout(90):
            # The old process ends after a while: then only the new certificate is shown.
            new = 0
            while new < 100:
                try:
                    seen.add(serial := await _serial(port, authority))
                except (ConnectionResetError, ssl.SSLError):
                    # It was accepted by the process that ended at this very moment. A closed port would refuse it.
                    resets += 1
                    continue
                new = new + 1 if serial == second else 0
                await asyncio.sleep(0.1)
        assert seen <= {first, second}
        assert resets <= 5


def test_what_cannot_be_served_with_is_refused_in_words(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.renews()
    settings_given = {"api": {"tls_cert": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}}
    settings = load(tmp_path / "state", overrides=settings_given, environ={})
    assert settings.endpoint == "https://127.0.0.1:8780"
    assert tls.files_of(settings.api) is not None
    (tmp_path / "key.pem").chmod(0o644)
    with pytest.raises(SettingsError, match=r"key\.pem may be read by everybody \(mode 644\)"):
        tls.files_of(settings.api)
    (tmp_path / "key.pem").chmod(0o640)
    assert tls.files_of(settings.api) is not None
    authority.puts("key.pem", authority.issues()[2])
    with pytest.raises(SettingsError, match="cannot be served with: KEY_VALUES_MISMATCH"):
        tls.files_of(settings.api)
    (tmp_path / "cert.pem").unlink()
    with pytest.raises(SettingsError, match="cannot be served with: No such file"):
        tls.files_of(settings.api)
    with pytest.raises(SettingsError, match="belong together"):
        load(tmp_path / "state", overrides={"api": {"tls_cert": "x"}}, environ={})
    assert tls.files_of(load(tmp_path / "state", environ={}).api) is None
