import pytest

from scenarios.loading import load
from server.dispatch.consent import CONFIRMATION, is_opt_out

STOPS = (
    "STOP",
    "stop.",
    "  Stop!! ",
    "Stop please",
    "please stop",
    "Please stop sending me messages, thanks",
    "stop stop STOP",
    "StopAll",
    "Unsubscribe",
    "opt-out",
    "opt out please",
    "remove me from your list",
    "quit",
    "ＳＴＯＰ",
    "baja",
    "Cancelar, por favor",
    "PARAR",
    "sair",
    "arrêter",
    "ARRETEZ svp",
    "désabonner s'il vous plaît",
    "Abmelden bitte",
    "Stopp!",
    "afmelden aub",
    "annulla",
    "стоп",
    "Отписаться, пожалуйста",
    "iptal lütfen",
    "إلغاء الاشتراك",
    "توقف من فضلك",
    "הסר",
    "बंद",
    "कृपया बंद करें",
    "বন্ধ",
    "停止",
    "退订",
    "请停止",
    "配信停止お願いします",
    "수신거부",
    "ยกเลิกครับ",
    "hủy",
    "berhenti",
)
OTHERS = (
    "don't stop the music",
    "bus stop",
    "where does the bus stop",
    "stop by tomorrow",
    "nonstop",
    "cancel my order",
    "I want to cancel my order",
    "when does the sale end",
    "please",
    "thanks",
    "all messages",
    "",
    "...",
    "停车场在哪里",
    "बंद गोभी",
    "order",
    "hello",
)


@pytest.mark.parametrize("text", STOPS)
def test_a_stop_word_alone_or_with_a_polite_one_opts_out(text: str) -> None:
    assert is_opt_out(text)


@pytest.mark.parametrize("text", OTHERS)
def test_a_stop_word_among_other_words_does_not(text: str) -> None:
    assert not is_opt_out(text)


def test_the_confirmation_is_no_opt_out_itself() -> None:
    assert CONFIRMATION
    assert not is_opt_out(CONFIRMATION)


def test_in_the_shipped_scenario_exactly_the_stop_turns_opt_out() -> None:
    for script in load("bulk_send").scenario.conversations.scripts:
        for turn in script.turns:
            for says in turn.says:
                assert is_opt_out(says) == (turn.expect == "opted_out"), says
