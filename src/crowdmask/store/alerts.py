"""Alerts in the database, and the outbox of their messages: what is written there will be told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    RowMapping,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from crowdmask.store.alert_records import Alert, Delivery, Judged, Snooze, StoredAlert
from crowdmask.store.alert_tables import alert_messages, alert_snoozes, alerts
from crowdmask.store.columns import UtcDateTime

_MOST_ERROR_CHARS = 500


class AlertStore:
    """Alerts and their messages; for any thread."""

    def __init__(self, engine: Engine) -> None:
        """Use a database whose tables exist.

        Args:
            engine: of SQLite or PostgreSQL.
        """
        self._engine = engine

    def record(self, alert: Alert, now: datetime, channels: Mapping[str, datetime | None]) -> None:
        """Store the start or end of an alert together with its messages, in one transaction.

        Whatever was kept already is not kept twice. The end is told to those who are told of the beginning;
        where that still waits for the end of quiet hours, neither is told any more.

        Args:
            alert: raised or recovered.
            now: UTC.
            channels: names, and until when each message waits; None: it does not.
        """
        with self._engine.begin() as connection:
            self._keep(connection, alert)
            for channel, held_until in channels.items():
                if alert.state == "recovered" and (
                    not self._was_posted(connection, alert.id, "raised", channel)
                    or self._skip_held(connection, alert, channel, now)
                ):
                    continue
                self._post(connection, alert, channel, now, held_until)

    def due(self, channel: str, now: datetime, limit: int = 20) -> list[Delivery]:
        """Return the messages to send now; the end of an alert is sent only after its start.

        Args:
            channel: its name.
            now: UTC.
            limit: at most so many.
        """
        query = (
            select(alert_messages)
            .where(_open(channel), alert_messages.c.due_utc <= now, _first())
            .order_by(alert_messages.c.id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [_delivery(row) for row in connection.execute(query).mappings()]

    def next_due(self, channel: str) -> datetime | None:
        """Return when the next message of a channel is due, UTC; None: no message waits."""
        query = select(func.min(alert_messages.c.due_utc)).where(_open(channel), _first())
        with self._engine.connect() as connection:
            return connection.execute(query).scalar()

    def delivered(self, delivery: Delivery, now: datetime) -> None:
        """Record that a message was delivered."""
        self._done(delivery, now, "delivered", None)

    def gave_up(self, delivery: Delivery, now: datetime, error: str) -> None:
        """Record that a message will not be sent again."""
        self._done(delivery, now, "gave up", error)

    def failed(self, delivery: Delivery, due: datetime, error: str) -> None:
        """Record that an attempt failed.

        Args:
            delivery: which message.
            due: when the next try is.
            error: why, without any secret.
        """
        values = {"attempts": delivery.attempts + 1, "due_utc": due, "last_error": error[:_MOST_ERROR_CHARS]}
        with self._engine.begin() as connection:
            connection.execute(_of(delivery).values(values))

    def alerts(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        only_open: bool = False,
        rule: str | None = None,
        camera: str | None = None,
        limit: int = 100,
    ) -> list[StoredAlert]:
        """Return alerts, the newest first.

        Args:
            start, end: raised from, and before; None: at any time.
            only_open: only those that go on.
            rule, camera: only of these; None: of all.
            limit: at most so many.
        """
        wanted = [
            None if start is None else alerts.c.raised_utc >= start,
            None if end is None else alerts.c.raised_utc < end,
            alerts.c.recovered_utc.is_(None) if only_open else None,
            None if rule is None else alerts.c.rule == rule,
            None if camera is None else alerts.c.camera == camera,
        ]
        query = select(alerts).where(*(each for each in wanted if each is not None))
        query = query.order_by(alerts.c.raised_utc.desc(), alerts.c.id).limit(limit)
        with self._engine.connect() as connection:
            return [_stored(row) for row in connection.execute(query).mappings()]

    def get(self, alert_id: str) -> StoredAlert | None:
        """Return one alert; None: no alert has this id."""
        with self._engine.connect() as connection:
            row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).mappings().first()
        return None if row is None else _stored(row)

    def ended_since(self, start: datetime) -> list[StoredAlert]:
        """Return the alerts that ended at or after a time."""
        query = select(alerts).where(alerts.c.recovered_utc >= start)
        with self._engine.connect() as connection:
            return [_stored(row) for row in connection.execute(query).mappings()]

    def acknowledge(self, alert_id: str, by: str, now: datetime) -> bool:
        """Acknowledge an alert; only the first time counts. False: there is no such alert."""
        values = {
            "acknowledged_utc": func.coalesce(alerts.c.acknowledged_utc, literal(now, UtcDateTime)),
            "acknowledged_by": func.coalesce(alerts.c.acknowledged_by, by),
        }
        return self._change(alert_id, values)

    def mark(self, alert_id: str, wrong: bool | None, by: str, now: datetime) -> bool:
        """Mark an alert as wrong or right; None removes the mark. False: there is no such alert."""
        return self._change(alert_id, {"wrong": wrong, "marked_utc": now, "marked_by": by})

    def snooze(self, snooze: Snooze) -> None:
        """Send no messages of a rule for a camera and zone until a time; the last call counts."""
        key = {"rule": snooze.rule, "camera": snooze.camera, "zone": snooze.zone or ""}
        values = {"until_utc": snooze.until_utc, "snoozed_by": snooze.by}
        with self._engine.begin() as connection:
            change = update(alert_snoozes).where(*_equal(key)).values(values)
            if not connection.execute(change).rowcount:
                connection.execute(insert(alert_snoozes).values({**key, **values}))

    def snoozes(self, now: datetime) -> list[Snooze]:
        """Return the snoozes in force."""
        query = select(alert_snoozes).where(alert_snoozes.c.until_utc > now).order_by(alert_snoozes.c.rule)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings()
            return [
                Snooze(
                    rule=row["rule"], camera=row["camera"], zone=row["zone"] or None,
                    until_utc=row["until_utc"], by=row["snoozed_by"],
                )
                for row in rows
            ]  # fmt: skip

    def judged(self, start: datetime | None = None) -> list[Judged]:
        """Return how many alerts of each rule were marked right or wrong.

        Args:
            start: raised from then on; None: all that are kept.
        """
        query = select(
            alerts.c.rule,
            func.count().label("alerts"),
            func.sum(case((alerts.c.wrong.is_(False), 1), else_=0)).label("right"),
            func.sum(case((alerts.c.wrong.is_(True), 1), else_=0)).label("wrong"),
        )
        if start is not None:
            query = query.where(alerts.c.raised_utc >= start)
        with self._engine.connect() as connection:
            rows = connection.execute(query.group_by(alerts.c.rule).order_by(alerts.c.rule)).mappings()
            return [Judged(**{**row, "right": int(row["right"]), "wrong": int(row["wrong"])}) for row in rows]

    def prune(self, before: datetime) -> int:
        """Delete alerts that ended before a time, with their messages; return their number."""
        old = and_(alerts.c.recovered_utc.is_not(None), alerts.c.recovered_utc < before)
        with self._engine.begin() as connection:
            ids = select(alerts.c.id).where(old)
            connection.execute(delete(alert_messages).where(alert_messages.c.alert_id.in_(ids)))
            connection.execute(delete(alert_snoozes).where(alert_snoozes.c.until_utc < before))
            return connection.execute(delete(alerts).where(old)).rowcount

    def _keep(self, connection: Connection, alert: Alert) -> None:
        if alert.state == "recovered":
            values = {"recovered_utc": alert.recovered_utc, "recovery": alert.message}
            connection.execute(update(alerts).where(alerts.c.id == alert.id).values(values))
            return
        if connection.execute(select(alerts.c.id).where(alerts.c.id == alert.id)).first() is None:
            row = {name: getattr(alert, name) for name in _PLAIN}
            connection.execute(insert(alerts).values(row | {"figures": json.dumps(dict(alert.values))}))

    def _skip_held(self, connection: Connection, alert: Alert, channel: str, now: datetime) -> bool:
        """Leave out the message of a beginning that still waits for the end of quiet hours."""
        held = and_(_open(channel), alert_messages.c.alert_id == alert.id, alert_messages.c.held)
        skip = update(alert_messages).where(held, alert_messages.c.due_utc > now)
        return bool(connection.execute(skip.values(done_utc=now, outcome="skipped")).rowcount)

    def _was_posted(self, connection: Connection, alert_id: str, state: str, channel: str) -> bool:
        key = {"alert_id": alert_id, "state": state, "channel": channel}
        there = select(alert_messages.c.id).where(*(alert_messages.c[name] == key[name] for name in key))
        return connection.execute(there).first() is not None

    def _post(
        self, connection: Connection, alert: Alert, channel: str, now: datetime, held_until: datetime | None
    ) -> None:
        if self._was_posted(connection, alert.id, alert.state, channel):
            return
        key = {"alert_id": alert.id, "state": alert.state, "channel": channel}
        message = {
            "record": json.dumps(alert.to_record()),
            "created_utc": now,
            "due_utc": held_until or now,
            "held": held_until is not None,
            "attempts": 0,
        }
        connection.execute(insert(alert_messages).values(key | message))

    def _done(self, delivery: Delivery, now: datetime, outcome: str, error: str | None) -> None:
        values = {
            "attempts": delivery.attempts + 1,
            "done_utc": now,
            "outcome": outcome,
            "last_error": error and error[:_MOST_ERROR_CHARS],
        }
        with self._engine.begin() as connection:
            connection.execute(_of(delivery).values(values))

    def _change(self, alert_id: str, values: dict[str, Any]) -> bool:
        with self._engine.begin() as connection:
            return bool(
                connection.execute(update(alerts).where(alerts.c.id == alert_id).values(values)).rowcount
            )


_PLAIN = ("id", "rule", "kind", "camera", "zone", "raised_utc", "recovered_utc", "message")


def _open(channel: str) -> Any:
    return and_(alert_messages.c.channel == channel, alert_messages.c.done_utc.is_(None))


def _first() -> Any:
    """Say of a message that none about the same alert waits before it."""
    earlier = alert_messages.alias("earlier")
    return ~exists().where(
        earlier.c.alert_id == alert_messages.c.alert_id,
        earlier.c.channel == alert_messages.c.channel,
        earlier.c.id < alert_messages.c.id,
        earlier.c.done_utc.is_(None),
    )


def _of(delivery: Delivery) -> Any:
    return update(alert_messages).where(alert_messages.c.id == delivery.id)


def _equal(key: Mapping[str, Any]) -> Sequence[Any]:
    return [alert_snoozes.c[name] == value for name, value in key.items()]


def _delivery(row: RowMapping) -> Delivery:
    return Delivery(
        id=row["id"], alert=Alert.from_record(json.loads(row["record"])), channel=row["channel"],
        created_utc=row["created_utc"], attempts=row["attempts"], due_utc=row["due_utc"],
    )  # fmt: skip


def _stored(row: RowMapping) -> StoredAlert:
    ended = row["recovered_utc"]
    plain = {name: row[name] for name in _PLAIN}
    alert = Alert(
        **plain, state="raised" if ended is None else "recovered", values=json.loads(row["figures"])
    )
    return StoredAlert(
        alert=alert, acknowledged_utc=row["acknowledged_utc"], acknowledged_by=row["acknowledged_by"],
        wrong=row["wrong"], marked_utc=row["marked_utc"], marked_by=row["marked_by"],
        recovery=row["recovery"],
    )  # fmt: skip
