"""Run a site until it is asked to end."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import uvicorn

from crowdmask.errors import UsageError
from crowdmask.inference.detector import Detector
from crowdmask.serve.app import Parts, create_app
from crowdmask.serve.auth.audited import Audited
from crowdmask.serve.detecting import Workers
from crowdmask.serve.editing.edits import Edits
from crowdmask.serve.http_settings import HttpSettings
from crowdmask.serve.service import Service
from crowdmask.serve.site import Site, read_site
from crowdmask.serve.watch import SiteFile
from crowdmask.signals import StopOnSignal
from crowdmask.store.store import open_store

_END_S = 2
_LOOK_S = 0.5


def serve(
    site: Site,
    tell: Callable[[str], None],
    path: Path | None = None,
    read: Callable[[Path], Site] = read_site,
) -> None:
    """Run a site until Ctrl-C, a closed terminal or a termination; then everything is finished.

    Args:
        site: its settings.
        tell: gets a line once it answers.
        path: of the site file, whose changes are taken over; None: there is none.
        read: reads it again, with the options of the command line.
    Raises:
        UsageError: the address is in use, or a channel's settings are wrong.
        StoreError: the store cannot be opened.
        ModelError: the model cannot be used.
    """
    listening = _listen(site.http)
    with listening, open_store(site.store.get_secret_value()) as store, StopOnSignal() as signals:
        edits, audited = Edits(path, lambda new: service.change(new)), Audited(store.audit)
        service = Service(edits.begin(site), store, Detector(site.model, shares_cores=True))
        http = site.http
        workers = Workers(
            site.model,
            workers=http.workers,
            waiting=http.waiting,
            max_pixels=round(http.megapixels * 1e6),
        )
        try:
            service.start()
            config = uvicorn.Config(
                create_app(Parts(lambda: service.site.http, workers, service, edits, audit=audited)),
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_END_S,
            )
            server = _Server(config)
            thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="http", daemon=True)
            thread.start()
            host, port = listening.getsockname()[:2]
            tell(f"{site.name} answers at http://{f'[{host}]' if ':' in host else host}:{port}/v1/health")
            file = None if path is None else SiteFile(path, edits.take_over, read)
            while not signals.stop.wait(_LOOK_S) and thread.is_alive():
                if file is not None:
                    file.look()
            service.hub.close()  # connections that follow it would never end
            server.should_exit = True
            thread.join(_END_S)
        finally:
            service.stop()
            workers.close()
            audited.close()


class _Server(uvicorn.Server):
    """Leaves signals to us, since it does not run in the main thread."""

    def install_signal_handlers(self) -> None:
        """Install none."""


def _listen(address: HttpSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        why = (error.strerror or str(error)).lower()
        raise UsageError(f"`port` {address.port} of {address.host} cannot be used: {why}") from error
    return listening
