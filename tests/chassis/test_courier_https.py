"""Packages by HTTPS: what the carrier posts, whom it trusts, and when it gives up."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.chassis import courier_https
from services.chassis.config import Settings
from services.chassis.courier import Destination, NoBroker, Outcome, Parcel, carrier_of
from services.chassis.courier_https import WebCarrier, endpoint

Answer = Callable[[BaseHTTPRequestHandler], None]
PARCELS = [Parcel("p1", b'{"n":1}'), Parcel("p2", b'{"n":2}'), Parcel("p3", b'{"n":3}')]


@dataclass
class Site:
    """A partner's site, which answers what it is told to."""

    url: str = ""
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


def says(status: int, body: Any = None, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return answer


def accepts(verdict: str = "accepted") -> Answer:
    return says(202, {"id": "x", "verdict": verdict, "reason": None})


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            site.asked.append((self.path, dict(self.headers), raw))
            (site.answers.pop(0) if site.answers else accepts())(self)

        def do_GET(self) -> None:
            site.asked.append((self.path, {}, b"GET"))
            accepts()(self)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scheme = "http"
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    site.url = f"{scheme}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        yield made


def posted(site: Site, parcels: list[Parcel] = PARCELS, **settings: Any) -> Outcome:
    outcome = Outcome()
    carrier = WebCarrier(Settings(**settings), Destination("beta", "https", site.url))
    try:
        carrier.hand_over(parcels, outcome)
    finally:
        carrier.close()
    return outcome


def test_packages_are_posted_as_they_are_one_by_one(site: Site) -> None:
    outcome = posted(site)
    assert outcome == Outcome(taken={"p1": None, "p2": None, "p3": None})
    assert [(path, body) for path, _headers, body in site.asked] == [
        ("/relay/v1/packages", parcel.body) for parcel in PARCELS
    ]
    headers = site.asked[0][1]
    assert headers["Content-Type"] == "application/json"
    assert headers["Accept-Encoding"] == "identity"
    assert "Authorization" not in headers and "Cookie" not in headers


def test_what_is_answered_is_noted_and_the_rest_goes_on(site: Site) -> None:
    site.answers = [
        accepts("repeated"),
        accepts("unknown_cycle"),
        says(403, {"code": "unknown_key", "detail": "SECRET"}),
    ]
    assert posted(site).taken == {
        "p1": None,
        "p2": "unknown_cycle",
        "p3": "answered 403 unknown_key",
    }


@pytest.mark.parametrize("status", [500, 502, 404, 200, 204, 401])
def test_any_other_answer_is_none(site: Site, status: int) -> None:
    site.answers = [accepts(), says(status, {"code": "x"})]
    outcome = posted(site)
    assert list(outcome.taken) == ["p1"]
    assert outcome.failed is not None and outcome.failed[0] == "p2"
    assert len(site.asked) == 2


@pytest.mark.parametrize(
    ("given", "rest"), [("7", 7.0), ("999999", 60.0), ("soon", None), ("-1", None), ("", None)]
)
def test_a_busy_partner_says_when_to_come_again(site: Site, given: str, rest: float | None) -> None:
    site.answers = [says(429, {"code": "too_many_packages"}, Retry_After=given)]
    outcome = posted(site)
    assert outcome.failed == ("p1", "answered 429 too_many_packages")
    assert outcome.rest_s == rest


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(site: Site, status: int) -> None:
    with serving() as elsewhere:
        site.answers = [says(status, {}, Location=elsewhere.url + "/relay/v1/packages")]
        outcome = posted(site)
        assert outcome.failed is not None and outcome.failed[0] == "p1"
        assert elsewhere.asked == []


def test_an_answer_without_end_is_not_read_to_its_end(site: Site) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(202)
        handler.send_header("Content-Length", str(10**9))
        handler.end_headers()
        try:
            for _ in range(10_000):
                handler.wfile.write(b"x" * 100_000)
        except OSError:
            pass
        handler.close_connection = True

    site.answers = [endless]
    began = time.monotonic()
    posted(site, PARCELS[:1])
    assert time.monotonic() - began < 5


def test_an_answer_that_breaks_off_is_none(site: Site) -> None:
    def breaking(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(202)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"ffff\r\nx")
        handler.close_connection = True

    site.answers = [breaking]
    assert posted(site).failed is not None


def test_a_site_that_does_not_answer_is_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier_https, "ANSWER_S", 0.3)
    site.answers = [lambda _handler: time.sleep(3)]
    outcome = posted(site)
    assert outcome.failed == ("p1", "no answer in time")


def test_a_site_that_is_away_takes_nothing() -> None:
    with serving() as site:
        pass
    assert posted(site).failed == ("p1", "it can't be reached")


def test_the_environment_has_no_say(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert posted(site).failed is None


# --- certificates -------------------------------------------------------------------------


def certificate(folder: Path, host: str) -> Path:
    """A certificate of its own authority, with its key, for a host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an invented authority")])
    now = datetime.datetime.now(datetime.UTC)
    alternatives: list[x509.GeneralName] = (
        [x509.IPAddress(ipaddress.ip_address(host))] if host[0].isdigit() else [x509.DNSName(host)]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def test_a_certificate_is_verified_and_for_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = certificate(tmp_path, "127.0.0.1"), certificate(tmp_path, "other.example.org")
    distrusted = ("p1", "its certificate is not to be trusted")
    for path, trusted, failed in (
        (right, right, None),
        (right, None, distrusted),
        (right, wrong, distrusted),
        (wrong, wrong, distrusted),
    ):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        with serving(context) as site:
            # What the environment trusts is not asked.
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
            monkeypatch.setenv("SSL_CERT_FILE", str(path))
            assert posted(site, relay_ca_file=trusted).failed == failed


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://b.example.org", "https://b.example.org/relay/v1/packages"),
        ("https://b.example.org/", "https://b.example.org/relay/v1/packages"),
        ("https://b.example.org/x", "https://b.example.org/x/relay/v1/packages"),
        ("https://b.example.org/relay/v1/packages", "https://b.example.org/relay/v1/packages"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/relay/v1/packages"),
        ("http://localhost:8000", "http://localhost:8000/relay/v1/packages"),
        ("http://b.example.org", None),
        ("http://localhost.example.org", None),
        ("ftp://b.example.org", None),
        ("file:///etc/passwd", None),
        ("https://", None),
        ("https://b.example.org?x=1", None),
        ("https://[::1", None),
        ("", None),
    ],
)
def test_only_addresses_that_can_be_trusted_are_posted_to(url: str, expected: str | None) -> None:
    assert endpoint(url) == expected
    if expected is None:
        assert posted(Site(url)).failed == ("p1", "its address is not one of https")


def test_an_instance_without_a_broker_has_https_all_the_same(site: Site) -> None:
    embedded = Settings()
    assert embedded.embedded
    web = carrier_of(embedded, Destination("beta", "https", site.url))
    assert isinstance(web, WebCarrier)
    web.close()
    amqp, outcome = carrier_of(embedded, Destination("beta", "amqp")), Outcome()
    assert isinstance(amqp, NoBroker)
    amqp.hand_over(PARCELS, outcome)
    assert outcome.failed is not None and outcome.failed[0] == "p1"
