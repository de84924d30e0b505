"""Opting out: a customer's STOP ends all sends to them, whatever their language (C033)."""

from server.dispatch.content import words_of

CONFIRMATION = "You have been unsubscribed and will get no more messages from us."

# English: the keywords that carriers oblige senders to honour; elsewhere their customary renderings.
KEYWORDS = (
    "stop, stop it, stop this, stop all, stopall, unsubscribe, unsubscribe me, cancel, end, quit, "
    "revoke, opt out, optout, remove me, no more messages, "
    "cancelar, parar, baja, alto, detener, darme de baja, dar de baja, darse de baja, no más mensajes, "  # es
    "pare, sair, remover, descadastrar, não quero mais, "  # pt
    "arrêter, arreter, arrêt, arret, arrêtez, arretez, désabonner, desabonner, me désabonner, "  # fr
    "désinscrire, se désabonner, "
    "stopp, abmelden, abbestellen, austragen, "  # de
    "annulla, disiscrivi, disiscrivimi, ferma, cancellami, "  # it
    "afmelden, uitschrijven, avsluta, avregistrera, avmeld, afmeld, lopeta, "  # nl, sv, no, da, fi
    "wypisz, wypisz mnie, rezygnuję, odhlásit, leiratkozás, dezabonare, "  # pl, cs, hu, ro
    "стоп, отписаться, отпишите меня, отписка, відписатися, "  # ru, uk
    "στοπ, διαγραφή, "  # el
    "dur, durdur, iptal, "  # tr
    "توقف, قف, إيقاف, ايقاف, إلغاء, الغاء, إلغاء الاشتراك, لغو, "  # ar, fa
    "הסר, הסירו אותי, עצור, "  # he
    "बंद, बंद करो, बंद करें, बन्द, रोकें, रोको, বন্ধ, বন্ধ করুন, بند, بند کرو, நிறுத்து, ఆపు, "  # South Asia
    "停止, 退订, 退訂, 取消订阅, 取消訂閱, 停止发送, 拒收, 配信停止, 解除, "  # zh, ja
    "수신거부, 수신 거부, 중지, 그만, "  # ko
    "ยกเลิก, หยุด, dừng, hủy, huỷ, từ chối, berhenti, henti, acha, komesha"  # th, vi, id, ms, sw
)
# What may stand around a keyword without changing what it says.
AROUND = (
    "please, pls, plz, thanks, thank you, thx, now, ok, okay, hi, hello, sorry, just, me, "
    "sending, messaging, texting, messages, texts, these, all, your, my, from, list, to, "
    "por favor, porfavor, gracias, obrigado, obrigada, ya, s il vous plaît, sil vous plaît, sil vous plait, "
    "svp, stp, merci, bitte, danke, per favore, grazie, alstublieft, aub, proszę, tack, пожалуйста, спасибо, "
    "lütfen, من فضلك, رجاء, שלום, בבקשה, कृपया, प्लीज, धन्यवाद, 请, 請, 谢谢, お願いします, してください, "
    "tolong, terima kasih, ครับ, ค่ะ, xin, 제발, 부탁해요, tafadhali"
)


def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(words_of(phrase)) for phrase in text.split(","))


_KEYWORDS = _phrases(KEYWORDS)
_AROUND = _phrases(AROUND)
_WORDS = frozenset(word for phrase in _KEYWORDS | _AROUND for word in phrase)
_LONGEST = max(len(phrase) for phrase in _KEYWORDS | _AROUND)


def is_opt_out(text: str) -> bool:
    """Whether a message is a wish to hear no more.

    It is when it holds a stop keyword and nothing else but words that leave its meaning alone:
    "Stop please" is, "bus stop" and "don't stop the music" are not.
    """
    words = tuple(words_of(text))
    return _WORDS.issuperset(words) and _reads_as_stop(words)


def _reads_as_stop(words: tuple[str, ...]) -> bool:
    """Whether words can be cut into keywords, at least one, and phrases of AROUND."""
    # plain[i], stopped[i]: the first i words can be read without, and with, a keyword among them
    plain = [True] + [False] * len(words)
    stopped = [False] * (len(words) + 1)
    for end in range(1, len(words) + 1):
        for start in range(max(0, end - _LONGEST), end):
            phrase = words[start:end]
            if phrase in _KEYWORDS:
                stopped[end] |= plain[start] or stopped[start]
            if phrase in _AROUND:
                plain[end] |= plain[start]
                stopped[end] |= stopped[start]
    return stopped[-1]
