from moderation.fitting.deobfuscation import MAXIMUM_WORDS, fit_deobfuscator

TEXTS = ["you are an idiot and we know it", "go to hell, all of you", "kind people may be late", "4th place for mp3"]


def test_the_most_frequent_words_are_known_whatever_the_order_of_the_texts():
    assert fit_deobfuscator(TEXTS) == fit_deobfuscator(reversed(TEXTS))
    many = [f"word{number}" for number in range(MAXIMUM_WORDS + 10)]
    kept = fit_deobfuscator([*many, "word7 word7", "zebra zebra"]).words
    assert len(kept) == MAXIMUM_WORDS
    assert {"word7", "zebra"} <= kept
