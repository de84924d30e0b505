"""A list of any length as one parameter, so that a statement is made and compiled once."""

from typing import Any

from sqlalchemy import JSON, Select, bindparam, func, select


def values(name: str) -> Select[Any]:
    """What `column.in_` takes: the numbers or texts of the list that is given as parameter `name`."""
    return select(func.json_each(bindparam(name, type_=JSON)).table_valued("value").c.value)
