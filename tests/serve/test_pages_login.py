"""The page's login, and a server that goes away and comes back, in a browser without a screen."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import uvicorn
from argon2 import PasswordHasher

from crowdmask.serve.app import Parts, create_app
from crowdmask.serve.detecting import Workers
from crowdmask.serve.http_settings import HttpSettings

from ..alerts.conftest import wait_for
from ..web.browser import browsing, find_browser
from .conftest import Running

LIVE = "document.getElementById('status').textContent === 'Live'"
ASKED = "!document.getElementById('login').hidden && document.activeElement.id === 'name'"
PASSWORD = "a long password"


@contextmanager
def serving(running: Running, workers: Workers, port: int, **settings: object) -> Iterator[int]:
    """Serve the running site once more, at a port (0: a free one)."""
    http = HttpSettings.model_validate(settings)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        app = create_app(Parts(lambda: http, workers, running.service))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        wait_for(lambda: server.started, 20)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(20)


def test_login_and_a_server_that_comes_back(running: Running, workers: Workers, tmp_path: Path) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    user = {"name": "anna", "password_hash": PasswordHasher(1, 8, 1).hash(PASSWORD)}
    with browsing(tmp_path / "browser") as page:
        with serving(running, workers, 0, users=[user]) as port:
            page.open(f"http://127.0.0.1:{port}")
            page.wait(ASKED)
            for password in ("wrong", PASSWORD):
                page.run("document.getElementById('name').value = 'anna'")
                page.run(f"document.getElementById('password').value = '{password}'")
                page.run("document.getElementById('password').focus()")
                page.press("Enter", 13)
                if password == "wrong":
                    page.wait("document.getElementById('login-problem').textContent.includes('wrong')")
            page.wait(LIVE)
            page.run("document.getElementById('logout').click()")
            page.wait(ASKED)
        with serving(running, workers, port):
            page.open(f"http://127.0.0.1:{port}")
            page.wait(LIVE)
        page.wait(f"!({LIVE})")
        with serving(running, workers, port):
            page.wait(LIVE)
            page.wait("document.querySelector('#cameras img').naturalWidth > 0")
