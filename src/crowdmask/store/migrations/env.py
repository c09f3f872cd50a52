"""Called by alembic to run the steps on the connection that `run.upgrade` gives it."""

from __future__ import annotations

from alembic import context

from crowdmask.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes columns by copying tables
)
with context.begin_transaction():
    context.run_migrations()
