"""Drives Chromium without a screen, by its own protocol."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 25.0


def find_browser() -> str | None:
    """Return the path of an installed browser; None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def serving(folder: Path, headers: Mapping[str, str] | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder.

    Args:
        headers: sent with each file.
    Yields:
        The address, and the paths that were asked for so far.
    """
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Page:
    """One tab of a browser.

    Attributes:
        events: what the browser told.
        address: of the page, where it has a server.
        asked: the paths that the server was asked for.
    """

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self.address = ""
        self.asked: list[str] = []

    @property
    def at(self) -> tuple[str, int]:
        """Host and port at which the browser is spoken to."""
        host, port = self._socket.remote_address[:2]
        return str(host), int(port)

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol; what the browser tells meanwhile goes to `events`."""
        return self.call_all([(method, params)])[0]

    def call_all(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Any]:
        """Call methods without waiting between them: a slow page must not make a tap a long one."""
        names = {}
        for method, params in calls:
            self._number += 1
            names[self._number] = method
            self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        results = {}
        while len(results) < len(names):
            message = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if message.get("id") in names:
                assert "error" not in message, (names[message["id"]], message["error"])
                results[message["id"]] = message["result"]
            elif "method" in message:
                self.events.append(message)
        return [results[number] for number in names]

    def run(self, script: str) -> Any:
        """Evaluate an expression; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, (script, answer["exceptionDetails"])
        return answer["result"].get("value")

    def open(self, address: str) -> None:
        """Load a page."""
        self.call("Page.navigate", url=address)

    def wait(self, condition: str, patience_s: float = PATIENCE_S) -> Any:
        """Wait until an expression is true, and return its value."""
        end = time.monotonic() + patience_s
        value = None
        while time.monotonic() < end:
            value = self.run(f"(() => {{ try {{ return {condition} }} catch {{ return null }} }})()")
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"never true: {condition}; the page says: {self.text('body')}")

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        return str(self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    def choose_files(self, selector: str, paths: Sequence[Path]) -> None:
        """Choose files as a user does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def press(self, key: str, code: int) -> None:
        """Press a key."""
        text = "\r" if key == "Enter" else ""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text
            )


@contextmanager
def browsing(profile: Path, *options: str) -> Iterator[Page]:
    """Start a browser with one empty tab.

    Args:
        profile: a folder of its own.
    """
    from websockets.sync.client import connect

    path = find_browser()
    assert path is not None
    common = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run"]
    running = subprocess.Popen(
        [path, *common, f"--user-data-dir={profile}", *options, "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(_address(profile / "DevToolsActivePort"), max_size=None) as socket:
            page = Page(socket)
            for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
                page.call(f"{domain}.enable")
            yield page
    finally:
        running.terminate()
        running.wait(20)


@contextmanager
def tab(page: Page, address: str) -> Iterator[Page]:
    """Open another tab of the same browser in a window of its own, where it is not hidden."""
    from websockets.sync.client import connect

    target = page.call("Target.createTarget", url=address, newWindow=True)["targetId"]
    host, port = page.at
    with connect(f"ws://{host}:{port}/devtools/page/{target}", max_size=None) as socket:
        made = Page(socket)
        for domain in ("Page", "Runtime", "Network", "Log"):
            made.call(f"{domain}.enable")
        yield made
        made.call("Page.close")


def _address(file: Path) -> str:
    """Return where the browser's first tab is spoken to, once the browser has written it."""
    from urllib.request import urlopen

    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        lines = file.read_text().splitlines() if file.is_file() else []
        if len(lines) == 2:
            with urlopen(f"http://127.0.0.1:{lines[0]}/json", timeout=10) as answer:
                tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
            if tabs:
                return str(tabs[0]["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise AssertionError("the browser did not start")
