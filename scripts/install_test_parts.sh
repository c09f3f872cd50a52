#!/bin/sh
# Install what some tests need beside Python packages, on Debian and its kin; tests skip without it.
#
#     scripts/install_test_parts.sh
#
# - an RTSP server: GStreamer's, with its Python bindings (for the system's Python) and H.264 encoder
# - a browser that plays the annotated videos and opens the web pages
# - an X server without a screen, for the window of the realtime command
# - programs that others' results are compared with: ffmpeg for videos, Node.js for what is read in JavaScript
# - servers that the service talks to: Mosquitto (MQTT) and PostgreSQL. They are only installed: tests start their
#   own, on ports and in folders of their own.
# - an emulator of other processors, for int8 arithmetic without VNNI
#
# Where it may not install, it says in one line what is missing, and ends well: nothing else needs it.
set -u

# videotestsrc is of base, imagefreeze and the RTP packers of good, x264enc of ugly.
wanted="python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good
gstreamer1.0-plugins-ugly"
# Programs, each with the package that brings it; one from elsewhere will do as well.
programs="chromium:chromium Xvfb:xvfb ffmpeg:ffmpeg node:nodejs npm:npm mosquitto:mosquitto psql:postgresql
qemu-x86_64:qemu-user"
# Servers are where only root looks.
PATH="$PATH:/usr/sbin:/sbin"

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "no Debian packages here: for all tests install GStreamer's RTSP server with its Python bindings, Chromium, Xvfb," \
        "FFmpeg, Node.js, Mosquitto and PostgreSQL"
    exit 0
fi

missing=""
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
    [ "$state" = installed ] || missing="$missing $package"
done
for entry in $programs; do
    command -v "${entry%%:*}" >/dev/null 2>&1 || missing="$missing ${entry#*:}"
done
if [ -z "$missing" ]; then
    echo "all parts that tests need are already there"
    exit 0
fi

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "some tests will be skipped: as root, run  apt-get install$missing"
    exit 0
fi

# No questions, and no long wait where the network is closed.
options="-o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60"
install() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get $options "$@" >/dev/null 2>&1
}
if ! { install update && install install --yes --no-install-recommends $missing; }; then
    echo "some tests will be skipped, since apt could not install$missing"
fi
exit 0
