"""What alembic runs: the migrations of a connection that the caller gave, in the caller's transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
