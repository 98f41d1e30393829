"""Generates the demonstration set: made-up comments with six labels, mild wording and no slurs.

It exists so that the product can be seen working without data. A model trained on it has learnt these sentences and
nothing about people: it is not fit to moderate anything. What makes it a task is that words alone don't decide: the
same words appear aimed at a person and at a thing, meant and denied, said and quoted, offered and warned against.
"""

import functools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contract.data.section import DataConfig

ROWS = 2800
CLEAN_SHARE = 0.5
SECOND_LABEL_SHARE = 0.3
REORDERED_SHARE = 0.4  # of the sentences: those whose label is in the order of the words
NOISE_SHARE = 0.005  # rows with a wrong label, as people make them
MATERIAL = Path(__file__).with_name("demonstration.json")
LABEL_WEIGHTS = [6, 4, 3, 4, 2, 3]  # how often each label comes first, in the order of the material


@dataclass(frozen=True)
class Material:
    """The words and sentences of demonstration.json.

    A template is filled from `words` by name, and a filled word may itself name a list.
    """

    words: dict[str, list[str]]
    meant: dict[str, list[str]]
    """Label to sentences that carry it."""
    harmless: dict[str, list[str]]
    """Label to clean sentences with the words of that label."""
    reordered: dict[str, list[list[str]]]
    """Label to pairs: a sentence that carries it, and the same words in another order that do not."""
    chat: list[str]
    """Sentences without any label's words."""
    joints: list[str]
    """What stands between two sentences."""


@functools.cache
def material() -> Material:
    """Read once, where it is needed."""
    return Material(**json.loads(MATERIAL.read_text(encoding="utf-8")))


def layout(config: DataConfig) -> DataConfig:
    """The configuration with the fields that the demonstration rows have, whatever the user's own rows look like."""
    listed = replace(
        config,
        label_fields=(),
        class_field=None,
        classes={},
        labels=(),
        multi_hot=(),
        columns=(),
        labels_field="labels",
    )
    return replace(listed, id_field="id", text_field="text")


def generate(seed: int, rows: int = ROWS, chats: int = 0) -> Iterator[dict[str, Any]]:
    """Records with `id`, `text` and `labels`; the same seed gives the same records.

    chats: harmless sentences that every record gets besides; with 3 of them a million records are hardly ever equal.
    """
    chance = random.Random(seed)  # noqa: S311 - sentences, not secrets
    names, chat = list(material().meant), material().chat
    for number in range(rows):
        labels = _labels(chance)
        sentences = [_sentence(label, True, chance) for label in labels]
        if chance.random() < (0.25 if labels else 0.7):
            sentences.append(_sentence(chance.choice(names), False, chance))
        if not sentences or chance.random() < 0.45:
            sentences.append(_fill(chance.choice(chat), chance))
        sentences += [_fill(chance.choice(chat), chance) for _ in range(chats)]
        chance.shuffle(sentences)

        if chance.random() < NOISE_SHARE:
            labels = labels[1:] if labels else [chance.choice(names)]
        yield {"id": f"demo-{number:05d}", "text": _typed(sentences, chance), "labels": sorted(labels)}


def _labels(chance: random.Random) -> list[str]:
    if chance.random() < CLEAN_SHARE:
        return []
    names = list(material().meant)
    first = chance.choices(names, weights=LABEL_WEIGHTS)[0]
    if chance.random() >= SECOND_LABEL_SHARE:
        return [first]
    # insults come with threats and attacks, calls to pile on with somebody's address
    partner = {"threat": "insult", "identity_attack": "insult", "incitement": "private_information"}.get(first)
    second = partner if partner and chance.random() < 0.6 else chance.choice([name for name in names if name != first])
    return [first, second]


def _sentence(label: str, is_meant: bool, chance: random.Random) -> str:
    """A sentence that carries the label, or a harmless one with the label's words."""
    if chance.random() < REORDERED_SHARE:
        return _fill(chance.choice(material().reordered[label])[0 if is_meant else 1], chance)
    return _fill(chance.choice((material().meant if is_meant else material().harmless)[label]), chance)


def _fill(template: str, chance: random.Random) -> str:
    words = material().words
    while "{" in template:
        start = template.index("{")
        end = template.index("}", start)
        template = template[:start] + chance.choice(words[template[start + 1 : end]]) + template[end + 1 :]
    return template


def _typed(sentences: list[str], chance: random.Random) -> str:
    """Join sentences and type them the way people do: case, punctuation, a slip of the finger."""
    text = sentences[0]
    for sentence in sentences[1:]:
        text += chance.choice(material().joints) + sentence

    style = chance.random()
    if style < 0.45:
        text = text[0].upper() + text[1:]
    elif style < 0.5:
        text = text.upper()

    if chance.random() < 0.4:
        text += chance.choice([".", "!", "!!", "...", " :)", "?"])
    if chance.random() < 0.2:
        place = chance.randrange(len(text) - 1)
        text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    return text
