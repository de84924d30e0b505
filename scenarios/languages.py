"""The language that customers are taken to read when nobody says: that of their phone's country."""

OTHERWISE = "en"
# calling codes by the language that most people there read; those of all others: OTHERWISE
LANGUAGES = {
    "ar": (20, 212, 213, 216, 218, 962, 964, 965, 966, 967, 968, 970, 971, 973, 974),
    "de": (41, 43, 49),
    "es": (34, 51, 52, 53, 54, 56, 57, 58, 502, 503, 504, 505, 506, 507, 591, 593, 595, 598),
    "fr": (32, 33, 221, 225, 226, 237, 243),
    "id": (62,),
    "it": (39,),
    "ja": (81,),
    "ko": (82,),
    "nl": (31,),
    "pl": (48,),
    "pt": (55, 244, 258, 351),
    "ru": (7,),
    "th": (66,),
    "tr": (90,),
    "vi": (84,),
    "zh": (86, 852, 853, 886),
}
LANGUAGE_OF = {code: language for language, codes in LANGUAGES.items() for code in codes}


def language_of(number: str | None) -> str:
    """The language (ISO 639) of an E.164 number's country. No calling code begins another."""
    digits = (number or "").removeprefix("+")
    codes = (int(digits[:length]) for length in (1, 2, 3) if len(digits) >= length)
    return next((LANGUAGE_OF[code] for code in codes if code in LANGUAGE_OF), OTHERWISE)
