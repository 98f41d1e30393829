"""Undoes what writers do to hide a word: invisible characters, look-alike letters, digits for letters, spaces in words.

A word that the training texts know stays as it is. Any other is changed only into one that they know, apart from words
that mix alphabets: "mp3", "4th" and names stay what they are.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FILE = "words.json"
LONGEST_SPELLING = 20  # single letters in a row that may be one word
INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
# Spelling in Persian and Indic scripts, and what holds an emoji together; nothing beside Latin, Greek, Cyrillic letters
JOINERS = re.compile("[\u200c\u200d]+")
LAST_PLAIN = "\u058f"  # up to here: Latin, Greek, Cyrillic and Armenian
WORD = re.compile(r"\w+")
WORD_WITH_SIGNS = re.compile(r"[\w@$!]+")
QUANTITY = re.compile(r"\d+[^\W\d_]{1,2}")  # 4th, 10s, 5mg
LETTER = re.compile(r"[^\W\d_]")
# Letters of Cyrillic, Armenian, Greek and phonetic alphabets that most fonts draw like a Latin one
LOOK_ALIKES = str.maketrans(
    "аАвВсСԁеЕһНіІјЈкКӏмМոоОрРԛѕЅтТυѵѡԝхХуУүҮαΑΒεΕΖηΗιΙκΚΜνΝοΟρΡτΤΥχΧγϲɑɡǀ",
    "aAbBcCdeEhHiIjJkKlmMnoOpPqsStTuvwwxXyYyYaABeEZnHiIkKMvNoOpPtTYxXycagl",
)
# What digits and signs stand for; a stroke is either of two letters
LEET = [str.maketrans("0345789@$1!", f"oeastbgas{one}{one}") for one in "il"]
LEET_CHARACTERS = frozenset("01345789@$!")


@dataclass(frozen=True)
class Deobfuscator:
    """Gives hidden words back, by the words that it knows."""

    words: frozenset[str]
    """In lower case."""

    def __call__(self, text: str) -> str:
        """The text with its hidden words as they are usually written."""
        text = without_joiners(INVISIBLE.sub("", text))
        if not text.isascii():
            text = WORD.sub(lambda match: self._in_one_alphabet(match.group()), text)
        text = WORD_WITH_SIGNS.sub(lambda match: self._in_letters(match.group()), text)
        return self._without_gaps(text)

    def knows(self, word: str) -> bool:
        """Whether the training texts had the word, in whatever case."""
        return word.lower() in self.words

    def _in_one_alphabet(self, word: str) -> str:
        if word.isascii() or self.knows(word):
            return word
        latin = unicodedata.normalize("NFKC", word).translate(LOOK_ALIKES)
        mixed = len({letter.isascii() for letter in word if letter.isalpha()}) == 2
        hidden = len(word) > 1 and self.knows(latin)
        return latin if mixed or hidden else word

    def _in_letters(self, word: str) -> str:
        if LEET_CHARACTERS.isdisjoint(word) or not any(map(str.isalpha, word)):
            return word
        if QUANTITY.fullmatch(word) or self.knows(word):
            return word
        spoken = word.rstrip("!")  # at the end, they exclaim
        for table in LEET:
            letters = spoken.translate(table)
            if letters != spoken and self.knows(letters):
                return letters + word[len(spoken) :]
        return word

    def _without_gaps(self, text: str) -> str:
        pieces = re.split(r"(\s+)", text)
        words, gaps = pieces[::2], [*pieces[1::2], ""]
        letters = letters_from_here(words)
        result, place = [], 0
        while place < len(words):
            count = self._parts_of_one_word(words, place, letters[place])
            result += ["".join(words[place : place + count]), gaps[place + count - 1]]
            place += count
        return "".join(result)

    def _parts_of_one_word(self, words: list[str], place: int, letters: int) -> int:
        """How many words from `place` on, of which so many are single letters, are one known word in parts; else 1."""
        if letters > 2 and (count := self._spelt_letters(words[place : place + letters])) > 2:
            return count

        second = WORD.match(words[place + 1]) if place + 1 < len(words) else None
        first = word_at_end(words[place]) if second else ""
        if not first or not second or not self.knows(first + second.group()):
            return 1
        return 1 if self.knows(first) and self.knows(second.group()) else 2

    def _spelt_letters(self, letters: list[str]) -> int:
        """How many of some letters, from the first one on, are the longest known word; 0 where none is."""
        longest, spelt = 0, ""
        for count, letter in enumerate(letters, 1):
            spelt += letter.lower()
            if spelt in self.words:
                longest = count
            if spelt not in self._beginnings:
                break
        return longest

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        """What words that may be spelt letter by letter begin with: a search ends where none goes on."""
        return frozenset(
            word[:length] for word in self.words if len(word) <= LONGEST_SPELLING for length in range(1, len(word) + 1)
        )


def letters_from_here(words: list[str]) -> list[int]:
    """For each word how many single letters follow each other from there on, at most LONGEST_SPELLING."""
    counts = [0] * (len(words) + 1)
    for place in range(len(words) - 1, -1, -1):
        word = words[place]
        if len(word) == 1 and LETTER.match(word):
            counts[place] = min(counts[place + 1] + 1, LONGEST_SPELLING)
    return counts


def without_joiners(text: str) -> str:
    """The text without joiners beside plain letters: there they hide a word, elsewhere scripts and emoji need them.

    Each run is looked at once; a pattern that looks ahead would begin anew at each joiner of a run.
    """

    def kept(run: re.Match[str]) -> str:
        before, behind = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
        plain = ("" < before <= LAST_PLAIN) or ("" < behind <= LAST_PLAIN)
        return "" if plain else run.group()

    return JOINERS.sub(kept, text)


def word_at_end(text: str) -> str:
    """The letters, digits and underscores that a text ends with.

    A pattern would begin anew at each of them: the time would grow with the square of their number.
    """
    start = len(text)
    while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    return text[start:]


def save(deobfuscator: Deobfuscator, directory: Path) -> None:
    """Write words.json into an existing directory."""
    content = json.dumps({"words": sorted(deobfuscator.words)}, ensure_ascii=False)
    (directory / FILE).write_text(content, encoding="utf-8")


def load(directory: Path) -> Deobfuscator | None:
    """The deobfuscator of a model directory; None where the model was trained without."""
    path = directory / FILE
    if not path.is_file():
        return None
    return Deobfuscator(frozenset(json.loads(path.read_text(encoding="utf-8"))["words"]))
