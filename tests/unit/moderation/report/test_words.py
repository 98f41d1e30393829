from moderation.report.words import evasion_name, interval, number, plain, share, signed, signed_interval


def test_what_is_not_known_is_a_dash_or_said():
    nothing = dict.fromkeys(("difference", "low", "high", "p_worse", "p_better"))
    assert (number(None), share(None), signed(None)) == ("–", "–", "–")
    assert interval({"low": None, "high": None}) == signed_interval(nothing) == "not known"


def test_numbers_have_their_digits_and_differences_their_sign():
    assert (number(0.12345), number(0.12345, 1), share(0.126), signed(0.01)) == ("0.123", "0.1", "13%", "+0.010")
    assert interval({"low": 0.4, "high": 0.6}) == "0.400 to 0.600"


def test_names_are_those_of_the_vocabulary_or_words():
    assert evasion_name("leetspeak") == "Digits for letters"
    assert evasion_name("new_kind") == plain("new_kind") == "new kind"
