"""A real RTSP server for the tests: `/usr/bin/python3 rtsp_server.py PORT [OPTIONS]`.

It serves rtsp://127.0.0.1:PORT/test, prints "ready" once it listens, and ends when killed. It needs
GStreamer's RTSP server and its Python bindings, which live with the system's Python.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

SIZE = "width=160,height=120"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("port")
    options.add_argument("--user")
    options.add_argument("--password")
    options.add_argument("--still", action="store_true", help="send one picture again and again")
    options.add_argument("--udp-only", action="store_true", help="answer 461 to who asks for TCP")
    options.add_argument("--picture", help="send this PNG again and again")
    given = options.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(given.port)
    # A picture of noise: whatever a camera sees, and the hardest to encode alike each time.
    picture = f"videotestsrc is-live=true pattern=ball ! video/x-raw,{SIZE}"
    if given.still:
        picture = f"videotestsrc pattern=snow num-buffers=1 ! video/x-raw,{SIZE} ! imagefreeze is-live=true"
    elif given.picture:
        picture = f"filesrc location={given.picture} ! pngdec ! imagefreeze is-live=true"
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( {picture} ! videoconvert ! video/x-raw,format=I420,framerate=15/1 ! x264enc tune=zerolatency "
        "speed-preset=ultrafast key-int-max=15 threads=1 ! rtph264pay name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    if given.udp_only:
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    if given.user:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(given.user, given.password), token)
        server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/test", factory)
    if server.attach(None) == 0:
        sys.exit(f"port {given.port} is in use")
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
