"""What stands in the paths of routes."""

from starlette.convertors import IntegerConvertor


class NumberConvertor(IntegerConvertor):
    """In place of Starlette's `int`, which fails on thousands of digits: no path has a number so long."""

    regex = "[0-9]{1,64}"
