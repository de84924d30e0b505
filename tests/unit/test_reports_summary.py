import msgspec

from reports.summary import lines
from scenarios.result import Result, Verdict


def test_five_lines_with_the_figures_of_both_results(simulated: Result, measured: Result) -> None:
    messages, money, risk, server, levels = lines([simulated, measured])
    assert messages.startswith(
        "Messages: 9,807 (9,795 to 9,819) sent, the campaign's first tries within 13 h 18 min; 91.38 %"
    )
    assert "7,402 USD (6,968 to 7,836) earned from 66 (62 to 69) orders, 93.80 USD" in money
    assert "1.51 % (1.44 to 1.58 %) of the accounts banned in 30 sending days" in risk
    assert " of the messages delivered led to an opt-out, " in risk  # a rate of messages, not of customers
    assert "1,000 conversations held at once" in server
    assert "95 % answered within 13.7 ms (predicted 10.4 ms)" in server
    assert levels == (
        "Service levels: 8 of 9 checks met; missed: delivery rate 91.4 % predicted, at least 92 % wanted."
    )


def test_what_was_not_run_is_said(simulated: Result, measured: Result) -> None:
    assert lines([simulated])[3] == "Server: no load test in this run."
    assert lines([measured])[1] == "Money: not simulated in this run."
    assert lines([measured])[2] == "Account risk: not simulated in this run."
    assert lines([measured])[4] == "Service levels: all 4 checks met."


def test_a_result_without_kpis_still_has_five_lines(measured: Result) -> None:
    empty = msgspec.structs.replace(measured, kpis={}, verdicts=[])
    assert lines([empty]) == [
        "Messages: none were counted in this run.",
        "Money: not simulated in this run.",
        "Account risk: not simulated in this run.",
        "Server: the load test measured nothing.",
        "Service levels: none were judged.",
    ]


def test_a_missed_level_whose_kpi_is_gone_is_still_named(measured: Result) -> None:
    verdict = Verdict("error_rate_max", "error_rate", 0.003, False, 0.25, False)
    (*_, levels) = lines([msgspec.structs.replace(measured, kpis={}, verdicts=[verdict])])
    assert levels == (
        "Service levels: 0 of 1 checks met; missed: error rate 0.25 measured, at most 0.003 wanted."
    )
