"""What a data-protection impact assessment asks, answered from the settings, and a sign for the door."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from crowdmask import __version__
from crowdmask.alerts.channel_settings import ChannelSettings
from crowdmask.alerts.settings import EventRule
from crowdmask.hours import Hours
from crowdmask.labels import LABELS, display_name
from crowdmask.serve.cells import CELL_MINUTES, LEAST_PEOPLE
from crowdmask.serve.http_settings import is_loopback
from crowdmask.serve.site import CameraSettings, Site
from crowdmask.store.engine import shown_address
from crowdmask.survey.cells import SHOWN
from crowdmask.survey.rates import NO_FACE, Rates

_WHERE = {
    "mqtt": "an MQTT broker, which every program with its password can read",
    "webhook": "a program of the operator's own",
    "email": "mailboxes of the recipients in the settings",
    "apprise": "the message services in the settings, which may lie with another company",
}


def privacy_report(site: Site, rates: Rates | None, now: datetime | None = None) -> str:
    """Return the report as Markdown.

    It answers what the settings tell. Purpose, legal basis, who is responsible and what a works council
    agreed to are the operator's to write; they are left open, and said to be.

    Args:
        site: the settings in force.
        rates: how often the model errs; None: not measured.
        now: UTC; None: the clock's.
    """
    parts = [
        f"# Data protection: {site.name}",
        f"Written by crowdmask {__version__} on {(now or datetime.now(UTC)):%Y-%m-%d} from the settings in "
        "force. Lines that begin with “To be written” are the operator's.",
        "## Purpose and basis",
        "- To be written: the purpose, the legal basis, the controller and its data-protection officer.\n"
        "- To be written: why counting by eye or less often would not do, and what the works council agreed to.",
        "## What is looked at",
        _cameras(site),
        "## What is done with a picture",
        "- Each picture is searched for faces in the memory of this machine; each face gets one of three labels: "
        f"{', '.join(display_name(label) for label in LABELS)}.\n"
        "- A face that is followed has a number, which lasts while it is in view and means nothing afterwards.\n"
        "- Nobody is identified: no face print, embedding or name is made, and no face is compared with another.\n"
        "- Age, sex, origin, health and mood are not guessed.",
        "## What is kept, where and how long",
        _kept(site),
        "## Who sees what",
        _seen(site),
        "## Who is told",
        _told(site),
        "## How often it is wrong",
        _errors(site, rates),
        "## How it is protected",
        f"- {_reached(site)} Passwords stand in no log, page or error.\n"
        "- Nothing leaves the machine but the messages named above.\n"
        "- To be written: who has access to the machine, how its disk is encrypted and how it is backed up.",
        "## Rights of the people",
        _rights(site),
        "## The sign for the door",
        _sign(site),
    ]
    return "\n\n".join(parts) + "\n"


def _cameras(site: Site) -> str:
    if not site.cameras:
        return "- No camera is set up."
    return "\n".join(f"- {camera.name}: {_camera(site, camera)}." for camera in site.cameras)


def _camera(site: Site, camera: CameraSettings) -> str:
    words = [_hours(camera.active, site.timezone) if camera.active else "at all hours"]
    if camera.zones:
        words.append(f"zones {', '.join(zone.name for zone in camera.zones)}")
    if camera.ignore:
        words.append(f"{len(camera.ignore)} parts of the picture left out")
    if camera.min_face_px:
        words.append(f"faces under {camera.min_face_px:g} pixels left out")
    return "; ".join([*words, "a privacy switch ends it at once"])


def _hours(active: Sequence[Hours], timezone: str) -> str:
    told = [f"{each.start:%H:%M} to {each.end:%H:%M} on {', '.join(each.days)}" for each in active]
    return f"{' and '.join(told)} ({timezone})"


def _kept(site: Site) -> str:
    where = f"Where: {shown_address(site.store.get_secret_value())}."
    keep = site.retention
    if site.mode == "statistics":
        return (
            f"- Counts of {CELL_MINUTES} minutes by camera and zone, of {LEAST_PEOPLE} people or more (or of nobody): "
            f"seconds in view by label, and how many people. Kept for {keep.counts_days} days.\n"
            "- Nothing else: no picture, track, event or alert about a person.\n"
            f"- {where}"
        )
    return (
        "- Counts by the minute, camera and zone: seconds in view by label, and how many people. Kept for "
        f"{keep.counts_days} days.\n"
        "- Events (somebody came, left, put a mask on, took it off, wears none): time, camera, zone, label and the "
        f"number of the track. Kept for {keep.events_days} days.\n"
        "- Of each track and minute: seconds in view by label, how sure the detector was, how wide the face was in "
        f"pixels, zone and the number of the track, for surveys. Kept for {keep.tracks_days} days.\n"
        "- When cameras were down or frozen, as long as counts. Who changed something, for "
        f"{keep.audit_days} days.\n"
        f"- Alerts and what people said of them. Kept for {keep.events_days} days.\n"
        f"- No picture, video, face, embedding or name is kept.\n- {where}"
    )


def _seen(site: Site) -> str:
    live = "- The newest picture of a camera, with all faces blurred, while somebody asks for it; it is not kept."
    if site.mode == "statistics":
        live = "- No picture is shown."
    return f"{live}\n- Counts and alerts: {_who(site)}.\n- To be written: which people these are."


def _who(site: Site) -> str:
    if site.http.is_open:
        return "whoever works on the machine of the service, without a login"
    roles = {each.name: each.role for each in site.http.users} | {t.name: t.role for t in site.http.tokens}
    viewers = [name for name, role in roles.items() if role == "viewer"]
    admins = [name for name, role in roles.items() if role == "admin"]
    return f"viewers ({', '.join(viewers) or 'none'}) and admins ({', '.join(admins) or 'none'}), with a login or token"


def _reached(site: Site) -> str:
    if is_loopback(site.http.host):
        return "The service answers this machine only."
    return (
        f"The service answers other machines, at {site.http.host}, only with a login or token; encryption on the "
        "way (HTTPS) is up to a proxy before it."
    )


def _told(site: Site) -> str:
    if not site.alerts.channels:
        return "- Nobody: there is no channel."
    lines = [f"- {_channel(each)}." for each in site.alerts.channels]
    about = [rule.name for rule in site.alerts.rules if isinstance(rule, EventRule)]
    if about:
        lines.append(f"- Rules about single people: {', '.join(about)}. The others are about all of a place.")
    else:
        lines.append("- No rule is about a single person.")
    return "\n".join(lines)


def _channel(channel: ChannelSettings) -> str:
    return f"{channel.name}: {_WHERE[channel.kind]}"


def _errors(site: Site, rates: Rates | None) -> str:
    if rates is None:
        return f"- The errors of the model {site.model} were not measured. To be written: on your own photos (docs/survey.md)."
    found, missed = rates.from_floor(SHOWN)
    faces = found[:, :NO_FACE].sum(axis=(0, 3, 4))
    lost = missed.sum(axis=(0, 2))
    said_wrong = found[:, NO_FACE].sum() / max(float(found.sum()), 1.0)
    lines = [
        f"- Measured on {rates.photos} photos ({rates.measured_on}), faces from 8 pixels on, single photos:",
        f"- Of all faces that it reports, {said_wrong:.1%} are none.",
    ]
    for index, label in enumerate(LABELS):
        there = float(faces[index].sum())
        wrong = there - float(faces[index, index])
        all_ = there + float(lost[index])
        lines.append(
            f"- {display_name(label)}: {lost[index] / max(all_, 1):.1%} of such faces are missed, "
            f"{wrong / max(there, 1):.1%} of those found get another label."
        )
    return "\n".join([*lines, "- So no decision about a person may rest on it alone."])


def _rights(site: Site) -> str:
    if site.mode == "statistics":
        return (
            "- No row can be led back to a person, so there is nothing to tell, correct or erase by request."
        )
    return (
        "- Nobody can be found by name or face in what is kept. An event can be led back to a person only by somebody "
        "who saw who was there at that time.\n"
        "- To be written: to whom people turn."
    )


def _sign(site: Site) -> str:
    shown = "Nothing about a single person is kept." if site.mode == "statistics" else "No picture is kept."
    return (
        f"> **Cameras count masks here.** {site.name} counts by camera how many people wear a mask. Nobody is recognised. "
        f"{shown} Counts are kept for {site.retention.counts_days} days.\n>\n"
        "> Responsible: ______________________  Questions: ______________________"
    )
