"""Real receivers: a web server, a mail server with TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from aiosmtpd.smtp import AuthResult, LoginPassword

from crowdmask.store.alert_records import Alert
from crowdmask.store.alerts import AlertStore
from crowdmask.store.engine import open_engine

RAISED = Alert(
    id="6f1c1b1e-0000-4000-8000-000000000001",
    rule="share",
    kind="share_below",
    camera="door",
    zone="A",
    state="raised",
    raised_utc=datetime(2026, 11, 27, 12, tzinfo=UTC),
    recovered_utc=None,
    message="60% wear a mask",
    values={"share": 0.6},
)


def free_port() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "alerts.db"


@pytest.fixture
def store(database: Path) -> Iterator[AlertStore]:
    engine = open_engine(database)
    yield AlertStore(engine)
    engine.dispose()


@dataclass
class Receiver:
    """A web server that keeps what it gets, and answers as it is told."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    hangs: threading.Event | None = None
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            state.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if state.hangs is not None:
                state.hangs.wait(30)
                return
            status, headers = state.answers.pop(0) if state.answers else (204, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}/hook?token=hunter2"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    if state.hangs is not None:
        state.hangs.set()
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True)
class Authority:
    """A certificate for 127.0.0.1 and who signed it."""

    ca_file: Path
    certificate: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("certificates")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    ca.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(
        str(folder / "server.pem")
    )
    return Authority(folder / "ca.pem", folder / "server.pem")


@dataclass
class MailServer:
    """A mail server that keeps what it gets."""

    port: int
    got: list[Message]


@pytest.fixture
def mail_server(authority: Authority) -> Iterator[Callable[[str], MailServer]]:
    """Return a function that starts a mail server with that security, for the user ada."""
    running: list[Controller] = []

    def start(security: str) -> MailServer:
        got: list[Message] = []

        class Keep(MessageHandler):
            def handle_message(self, message: Message) -> None:
                got.append(message)

        def sign_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
            good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ada", b"hunter2")
            return AuthResult(success=good, handled=False)

        if security == "tls":
            options: dict[str, Any] = {"ssl_context": authority.context(), "auth_require_tls": False}
        else:
            options = {"tls_context": authority.context(), "require_starttls": True}
        controller = Controller(
            Keep(), "127.0.0.1", port=free_port(), authenticator=sign_in, auth_required=True, **options
        )
        controller.start()
        running.append(controller)
        return MailServer(controller.port, got)

    yield start
    for controller in running:
        controller.stop()
