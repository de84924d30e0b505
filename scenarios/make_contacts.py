"""Makes the shipped contact file: `python -m scenarios.make_contacts > scenarios/bulk_send.csv`.

Numbers are from ranges set aside for fiction: North America 555-0100 to 555-0199 in each area code,
London 020 7946 0000 to 0999, France 01 99 00 00 00 to 99 99. 8 % of rows hold a malformed number (C026),
70 % of these with too few digits (T042).
"""

import csv
import random
import sys
from typing import TextIO

ROWS = 10_000
MALFORMED = 800
TOO_FEW_DIGITS = 560
NO_CONSENT = 300
AREA_CODES = {
    "America/New_York": "212 305 404 412 518 561 607 617 646 704 716 718 727 754 770 786 803 813 843 845 856 "
    "860 904 908 910 914 917 919 937 941 954",
    "America/Chicago": "205 210 214 225 251 256 281 309 312 314 316 318 319 320 402 405 409 414 417 469 501 "
    "504 512 515",
    "America/Denver": "303 307 385 406 435 505 575 719 720 801 970",
    "America/Los_Angeles": "206 209 213 253 310 323 360 408 415 424 425 442 503 509 510 530 541 559 562 619 "
    "626 650 661 702 707 714",
}
NAMES = """
Ada Amir Ana Aoife Ben Bola Carla Chen Chloe Dara Dev Elena Emeka Emma Farah Femi Finn Grace Hana Hugo Ines
Isla Ivan Jack Jana Jin Joao Kai Kofi Lara Leo Lin Lucia Maya Mei Mia Milo Nadia Nia Noah Nora Omar Oscar
Paula Priya Quinn Rafa Rosa Rui Sam Sara Sofia Tariq Tom Uma Vera Wei Yara Yusuf Zoe
"""
TAGS = {"bought": 0.45, "prospect": 0.40, "vip": 0.08, "newsletter": 0.55, "cart_abandoned": 0.12}


def valid_numbers() -> list[tuple[str, str]]:
    """Every (number, zone) of the fictional ranges used."""
    american = [
        (f"+1{code}5550{line}", zone)
        for zone, codes in AREA_CODES.items()
        for code in codes.split()
        for line in range(100, 200)
    ]
    london = [(f"+442079460{line:03d}", "Europe/London") for line in range(1000)]
    france = [(f"+3319900{line:04d}", "Europe/Paris") for line in range(1000)]
    return american + london + france


def break_number(number: str, kind: int, draw: random.Random) -> str:
    """A malformed version: 0 too few digits, 1 too many, 2 a letter in it, 3 no such country code."""
    if kind == 0:
        return number[: draw.randint(4, 6)]
    if kind == 1:
        return number + str(draw.randint(1000, 9999))
    if kind == 2:
        return f"{number[:6]}?{number[7:]}"
    return "+999" + number[-8:]


def write(target: TextIO, seed: int = 1) -> None:
    """The contact file, the same bytes for the same seed."""
    draw, names = random.Random(seed), NAMES.split()
    people = draw.sample(valid_numbers(), ROWS)
    order = list(range(ROWS))
    draw.shuffle(order)
    malformed = dict(zip(order[:MALFORMED], [0] * TOO_FEW_DIGITS + [1, 2, 3] * 80, strict=True))
    without_consent = set(order[MALFORMED : MALFORMED + NO_CONSENT])
    out = csv.writer(target, lineterminator="\n")
    out.writerow(("phone", "name", "timezone", "tags", "consent", "voucher"))
    for row, (number, zone) in enumerate(people):
        phone = break_number(number, malformed[row], draw) if row in malformed else number
        name = draw.choice(names) if draw.random() < 0.97 else ""
        tags = ";".join(tag for tag, share in TAGS.items() if draw.random() < share)
        voucher = f"TANK-{draw.randrange(36**6):08X}"
        out.writerow((phone, name, zone, tags, "no" if row in without_consent else "yes", voucher))


if __name__ == "__main__":
    write(sys.stdout)
