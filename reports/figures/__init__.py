"""The figures of a report. Each function takes a run and returns a picture, or why there is none."""

from reports.figures.delays import delays
from reports.figures.funnel import funnel
from reports.figures.load import load
from reports.figures.money import money
from reports.figures.order_values import order_values
from reports.figures.pictures import Absent, Picture
from reports.figures.response_time import response_time
from reports.figures.sends import sends
from reports.figures.survival import survival
from reports.run import Run


def all_of(run: Run) -> list[Picture | Absent]:
    """Every figure in reading order."""
    return [draw(run) for draw in (funnel, sends, response_time, load, money, delays, order_values, survival)]
