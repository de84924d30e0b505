"""Which messages are a batch's: those in the range of ids that it notes, where no index says it."""

from sqlalchemy import ColumnElement, and_, select

from server.store.tables import batches, messages

# Between the two tables. The batch's own id, put so that no database looks batches up by it for every message
# there is: a message that is gone may have left its id to one of another batch.
IN_ITS_BATCH: ColumnElement[bool] = and_(
    messages.c.id.between(batches.c.first_message_id, batches.c.last_message_id),
    messages.c.batch_id == batches.c.id.concat(""),
)


def of_batch(batch_id: str) -> ColumnElement[bool]:
    """Of messages: whether they are this batch's."""
    this = batches.c.id == batch_id
    first = select(batches.c.first_message_id).where(this).scalar_subquery()
    last = select(batches.c.last_message_id).where(this).scalar_subquery()
    return and_(messages.c.id.between(first, last), messages.c.batch_id == batch_id)
