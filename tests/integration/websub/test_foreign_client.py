"""Flask-WebSub's subscriber, which somebody else wrote, at our hub: from the page to the push."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from flask import Flask
from flask_websub.subscriber import (
    SQLite3SubscriberStorage,
    SQLite3TempSubscriberStorage,
    Subscriber,
    discover,
)
from werkzeug.serving import make_server

from service.app import create_app
from service.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a public address at which nobody listens yet."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"https://127.0.0.1:{probe.getsockname()[1]}"
    return settings.model_copy(update={"base_url": address})


@pytest.fixture
def served(settings, tmp_path, monkeypatch) -> Iterator[str]:
    """The service over TLS, which Flask-WebSub wants for a secret; its address."""
    certificate, key = made_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    app = create_app(settings)
    port = int(settings.public_url.rpartition(":")[2])
    files = (str(certificate), str(key))
    server = make_server("127.0.0.1", port, app, threaded=True, ssl_context=files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield settings.public_url
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["tellal"].close()


def made_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    own = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(own, critical=False)
        .sign(key, hashes.SHA256())
    )
    files = (folder / "certificate.pem", folder / "key.pem")
    files[0].write_bytes(signed.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


class Reader:
    """An application that reads by Flask-WebSub, and what it heard."""

    def __init__(self, folder) -> None:
        self.heard: list[bytes] = []
        self.said: list[tuple[str, str]] = []
        self.app = Flask("reader")
        storages = (
            SQLite3SubscriberStorage(str(folder / "reader.db")),
            SQLite3TempSubscriberStorage(str(folder / "reader.db")),
        )
        self.subscriber = Subscriber(*storages)
        self.app.register_blueprint(self.subscriber.build_blueprint("/callbacks"))
        self.subscriber.add_listener(lambda topic, callback, body: self.heard.append(body))
        self.subscriber.add_success_handler(lambda topic, _, mode: self.said.append(("yes", mode)))
        self.subscriber.add_error_handler(lambda topic, _, why: self.said.append(("no", why)))
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.app.config["SERVER_NAME"] = f"127.0.0.1:{self.server.server_port}"
        self.app.config["PREFERRED_URL_SCHEME"] = "http"


@pytest.fixture
def reader(tmp_path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    thread = threading.Thread(target=reader.server.serve_forever)
    thread.start()
    yield reader
    reader.server.shutdown()
    thread.join()
    reader.server.server_close()


def test_flask_websub_finds_our_hub_subscribes_hears_and_leaves(
    served, reader, work, publish, full_audit
):
    with reader.app.app_context():
        found = discover(f"{served}/feeds/iklim-cevre.atom")
        assert found == {
            "hub_url": f"{served}/hub",
            "topic_url": f"{served}/feeds/iklim-cevre.atom",
        }
        number = reader.subscriber.subscribe(**found)
    work()
    assert reader.said == [("yes", "subscribe")]

    publish(title="Körfez temizleniyor")
    work()
    (body,) = reader.heard
    assert "Körfez temizleniyor".encode() in body

    with reader.app.app_context():
        reader.subscriber.renew(number)
    work()
    publish(title="İkinci haber")
    work()
    assert len(reader.heard) == 2

    with reader.app.app_context():
        reader.subscriber.unsubscribe(number)
    work()
    publish()
    work()
    assert reader.said == [("yes", "subscribe")] * 2 + [("yes", "unsubscribe")]
    assert len(reader.heard) == 2


def test_flask_websub_believes_nothing_that_another_secret_signed(
    served, reader, work, publish, full_audit
):
    """Subscriber test 301: so what it believed above was signed with its own."""
    with reader.app.app_context():
        number = reader.subscriber.subscribe(**discover(f"{served}/feeds/iklim-cevre.json"))
    work()
    storage = reader.subscriber.storage
    storage[number] = {**storage[number], "secret": "another one"}
    publish()
    work()

    assert reader.heard == []
