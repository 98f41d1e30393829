import random
import time

import pytest

from moderation.evaluation import evasion
from moderation.fitting.deobfuscation import fit_deobfuscator
from moderation.model.deobfuscation import Deobfuscator, load, save

TEXTS = ["you are an idiot and we know it", "go to hell, all of you", "kind people may be late", "4th place for mp3"]


@pytest.fixture(scope="module")
def deobfuscator():
    return fit_deobfuscator(TEXTS)


@pytest.mark.parametrize(
    ("hidden", "text"),
    [
        ("you 1d10t", "you idiot"),
        ("go to he11!", "go to hell!"),
        ("1di0t!!", "idiot!!"),
        ("p3op!e", "people"),
        ("an іdіоt", "an idiot"),  # Cyrillic letters in a Latin word
        ("ｉｄｉｏｔ", "idiot"),  # of full width
        ("an id\u200biot", "an idiot"),
        ("an id\u200c\u200diot\u200d", "an idiot"),
        ("an id iot.", "an idiot."),
        ("(id iot)", "(idiot)"),
        ("i d i o t here", "idiot here"),
        ("You I D I O T", "You IDIOT"),
    ],
)
def test_a_hidden_word_is_given_back(deobfuscator, hidden, text):
    assert deobfuscator(hidden) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4th of 10s",
        "mp3 and ps5 cost 5$",
        "it may be late",  # "maybe" is two known words
        "naïve Müller ılık",
        "привет как дела",
        "α and β",
        "a b c d",
        "an unheard-of  wörd\nand 3 lines\t",
        "می\u200cخواهم",  # Persian spelling
        "क्\u200dष 👩\u200d💻",
        "5 m² of land",
    ],
)
def test_what_hides_nothing_stays_as_it_is(deobfuscator, text):
    assert deobfuscator(text) == text


def test_a_word_that_the_texts_have_is_not_changed(deobfuscator):
    assert fit_deobfuscator([*TEXTS, "1d10t"])("1d10t") == "1d10t"
    assert deobfuscator("1d10t") == "idiot"
    assert deobfuscator("SMSка") == "SMSka"
    assert fit_deobfuscator([*TEXTS, "смска и SMSка"])("SMSка") == "SMSка"


def test_time_grows_with_the_length_of_a_text_not_with_its_square(deobfuscator):
    def seconds(text):
        started = time.process_time()
        deobfuscator(text)
        return time.process_time() - started

    for long in ("a" * 50_000 + "! b", "a " * 25_000, "1" * 49_999 + "a", "а" * 50_000, "@" * 50_000):
        assert seconds(long) < 1, long[:3]


@pytest.mark.parametrize("kind", ["leetspeak", "homoglyphs", "zero_width", "spacing"])
def test_the_evasions_that_the_evaluation_tries_are_mostly_undone(deobfuscator, kind):
    words = [word for text in TEXTS for word in text.split() if word.isalpha() and len(word) > 3]
    chance = random.Random(1)  # noqa: S311
    undone = [deobfuscator(evasion.EVASIONS[kind](word, chance)) == word for word in words for _ in range(20)]
    assert sum(undone) / len(undone) > 0.9


def test_a_model_directory_keeps_it(deobfuscator, tmp_path):
    assert load(tmp_path) is None
    save(deobfuscator, tmp_path)
    assert load(tmp_path) == deobfuscator
    assert load(tmp_path).knows("IDIOT")
    assert Deobfuscator(frozenset())("1d10t") == "1d10t"


PLAIN = "you are a fool and the soup is hot today, see you soon my friend. "
HOSTILE = {
    "joiners": "\u200d" * 20000,
    "joiners after a letter of a script that keeps them": "\u0915" + "\u200d" * 20000 + "\u0915",
    "joiners between letters": "a\u200d" * 10000,
    "single letters": "a b c d " * 2500,
    "one letter again and again": "f " * 10000,
    "beginnings of a known word": "f o o " * 3333,
    "invisible characters": "\u200b" * 20000,
    "digits": "4" * 20000,
    "signs": "@$!" * 6666,
    "one word": "x" * 20000,
    "two alphabets in one word": "a\u0430" * 10000,
    "ligatures that stand for many letters": "\ufdfa" * 1111,
    "points": "a.b" * 6666,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_text_takes_much_longer_than_a_plain_one_of_its_length(kind):
    known = fit_deobfuscator([PLAIN, "fool foolish football a b"])
    plain = (PLAIN * 400)[:20000]

    def seconds(text):
        times = []
        for _ in range(3):
            started = time.process_time()
            known(text)
            times.append(time.process_time() - started)
        return min(times)

    known("f o o l")  # what is made once
    assert seconds(HOSTILE[kind]) < 8 * seconds(plain)
