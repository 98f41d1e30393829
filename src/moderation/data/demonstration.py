"""Generates the demonstration set: made-up comments with six labels, mild wording and no slurs.

It exists so that the product can be seen working without data. A model trained on it has learnt these sentences and
nothing about people: it is not fit to moderate anything. What makes it a task is that words alone don't decide: the
same words appear aimed at a person and at a thing, meant and denied, said and quoted, offered and warned against.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from contract.data.section import DataConfig

ROWS = 2800
CLEAN_SHARE = 0.5
SECOND_LABEL_SHARE = 0.3
REORDERED_SHARE = 0.4  # of the sentences: those whose label is in the order of the words
NOISE_SHARE = 0.005  # rows with a wrong label, as people make them

# A template is filled from these lists by name, and a filled word may itself name a list.
WORDS: dict[str, list[str]] = {
    "person": [
        "Mira",
        "Jonas",
        "Aylin",
        "Teo",
        "Priya",
        "Olek",
        "Sanna",
        "Rui",
        "Dana",
        "Kofi",
        "Lena",
        "Marek",
        "Yuki",
        "Ines",
        "Pavel",
        "Nadia",
        "Tomas",
        "Esra",
        "Bruno",
        "Hana",
    ],
    "someone": [
        "{person}",
        "{person}",
        "the mod",
        "this guy",
        "that new user",
        "the host",
        "our goalkeeper",
        "the author",
        "whoever wrote this",
        "the seller",
        "my neighbour",
        "that streamer",
    ],
    "fault": [
        "an idiot",
        "a clown",
        "a total fool",
        "a waste of space",
        "a joke",
        "dumb as a brick",
        "pathetic",
        "brainless",
        "a spineless liar",
        "useless",
        "a lazy nobody",
        "an embarrassment",
        "a complete loser",
        "too stupid for this",
        "a miserable crybaby",
        "worthless",
        "thick",
        "a fraud",
        "a coward",
        "hopeless",
    ],
    "thing": [
        "this update",
        "the new menu",
        "that printer",
        "the second act",
        "my old bike",
        "this recipe",
        "the referee's whistle",
        "the bus timetable",
        "the search box",
        "that plot twist",
        "my first draft",
        "the weather app",
        "this phone case",
        "the login page",
        "their offside trap",
        "my sourdough",
    ],
    "group": [
        "people from the valley",
        "northerners",
        "the islanders",
        "left-handed folks",
        "redheads",
        "old people",
        "city people",
        "immigrants",
        "that religion's followers",
        "people with that accent",
        "women drivers",
        "farm kids",
        "the coastal people",
        "vegetarians",
        "foreigners",
        "teenagers from the east side",
    ],
    "belittle": [
        "don't belong here",
        "ruin every place they move to",
        "can't be trusted",
        "are all the same, lazy",
        "should go back where they came from",
        "are simply less intelligent",
        "should not be allowed to vote",
        "are dirty",
        "have no business in this league",
        "only know how to cheat",
        "are a burden on all of us",
    ],
    "welcome": [
        "are welcome here",
        "ran the best stall at the fair",
        "deserve the same chance",
        "make this town better",
        "organised the whole clean-up",
        "get asked the same tired question",
        "have a lovely song about this",
        "won the regional quiz again",
        "have a meeting on Tuesday",
        "were left out of the survey",
    ],
    "harm": [
        "break your legs",
        "burn your house down",
        "beat you up",
        "make you bleed",
        "smash your face in",
        "hurt you",
        "run you over",
        "put you in hospital",
        "come after your family",
        "choke you",
        "knock your teeth out",
        "end you",
    ],
    "when": [
        "tonight",
        "after the match",
        "next time I see you",
        "when you leave work",
        "before the week is over",
        "on your way home",
        "tomorrow",
        "sooner than you think",
        "once the cameras are gone",
    ],
    "game": [
        "chess",
        "the second half",
        "Mario Kart",
        "the boss fight",
        "table tennis",
        "the pub quiz",
        "the finals",
        "level nine",
        "the relay",
        "Scrabble",
    ],
    "offer": [
        "cheap watches",
        "10,000 followers",
        "miracle diet pills",
        "guaranteed crypto signals",
        "a free phone",
        "designer bags",
        "casino bonuses",
        "instant loans",
        "hair growth drops",
        "a work-from-home fortune",
    ],
    "link": [
        "fast-cash.example",
        "win-now.example/claim",
        "t.example/x7",
        "bestdeal.example",
        "go.example/free",
        "my profile",
        "the link in my bio",
        "the number below on the messenger",
    ],
    "place": ["Mill Lane", "Harbour Street", "Elm Row", "Station Road", "Kiln Hill", "Oak Crescent", "North Quay"],
    "number": ["3", "7", "12", "18", "24", "31", "46", "52", "88"],
    "phone": ["555 0{number}4 {number}1", "555-01{number}", "(555) 01{number} {number}"],
    "shop": ["the bakery", "our help desk", "the library", "the clinic's front desk", "the box office", "city hall"],
    "work": [
        "the translation",
        "that goal",
        "the new chapter",
        "the community garden",
        "the bug fix",
        "your drawing",
        "the lighting in scene three",
        "the podcast",
        "that soup",
        "the opening speech",
    ],
    "praise": [
        "made my week",
        "was worth the wait",
        "is beautifully done",
        "works really well",
        "could use one more pass, but I like it",
        "surprised me",
        "reads much better now",
        "deserves more attention",
    ],
    "topic": [
        "gardening",
        "the match",
        "the budget",
        "trains",
        "old synthesizers",
        "sourdough",
        "the election",
        "the school play",
        "hiking boots",
        "crosswords",
        "the tax form",
        "bird watching",
    ],
    "flood": [
        "flood their inbox",
        "report the account until it is gone",
        "send them a message they won't forget",
        "bury that page in one-star reviews",
        "call their boss, all of us",
        "make their life miserable",
        "chase them off this site",
        "show up at their stream and wreck it",
        "spam every post they make",
    ],
    "campaign": [
        "write to the council",
        "report the pothole",
        "review the draft",
        "bring cake",
        "call the helpline",
        "vote in the poll",
        "send in your photos",
        "join the clean-up",
    ],
}

# label -> sentences that carry it
MEANT: dict[str, list[str]] = {
    "insult": [
        "{someone} is {fault}",
        "you are {fault}",
        "you're {fault} and everyone here knows it",
        "what {fault} you are",
        "only somebody who is {fault} would post that",
        "honestly {person}, you are {fault}",
        "not the referee's mistake, you are just {fault}",
        "I have met {group} who write better, you are {fault}",
        "{thing} is fine, it is you who is {fault}",
        "I said {thing} works. {someone} is {fault}, that's all",
        "nobody thinks {thing} is {fault}. They think you are",
        "did you fall on your head, {person}?",
        "your opinion is as empty as your skull",
        "even {thing} has more brains than {someone}",
        "go read a book for once, if you can read at all",
        "{someone} could not find his own shoes with a map",
    ],
    "identity_attack": [
        "{group} {belittle}",
        "everyone knows {group} {belittle}",
        "I'm sorry but {group} {belittle}",
        "why do we let them in, {group} {belittle}",
        "no wonder it failed, run by {group}, they {belittle}",
        "it is not {thing}, it is {group}. They {belittle}",
        "keep {group} out of this forum",
        "my street was nice before {group} came",
        "I would never hire {group}, they {belittle}",
        "this club was better without {group}",
        "{group} were born to serve, not to decide",
    ],
    "threat": [
        "I will {harm} {when}",
        "we are going to {harm}",
        "{when} I {harm}, that's a promise",
        "delete this or I'll {harm}",
        "say that again and I {harm}",
        "watch your back {when}",
        "I know where you park, {person}. I'll {harm}",
        "you won't be laughing {when}, I will {harm}",
        "keep talking, {person}, and somebody will {harm}",
        "{person}, start counting your days",
        "my brothers and I are waiting for you {when}",
        "it would be a pity if your shop caught fire {when}",
    ],
    "spam": [
        "get {offer} now at {link}",
        "{offer}!!! only today, {link}",
        "I made 900 a day with {offer}, ask me how: {link}",
        "DM me for {offer}",
        "click {link} before it's gone, {offer} for everyone here",
        "best {offer}, no questions asked, see {link}",
        "friends, my uncle gives away {offer}, just visit {link}",
        "limited places: {offer}. Write to {link}",
        "you have been selected for {offer}, confirm at {link}",
        "great post! by the way, {link} has {offer}",
    ],
    "private_information": [
        "{person} lives at {number} {place}, go say hello",
        "here is {person}'s number: {phone}",
        "the one who runs this account is {person}, {number} {place}",
        "found her phone, it's {phone}",
        "{person}'s kids go to the school on {place}",
        "his real name is {person} and he works on {place}",
        "since nobody asked, {person} sleeps at {number} {place}",
        "{phone}, that's {person}, call all night",
        "posting {person}'s address because why not: {number} {place}",
    ],
    "incitement": [
        "everyone, {flood}: {someone} has it coming",
        "let's all {flood}",
        "who's with me? {flood}, today",
        "{someone} deserves it, so {flood}",
        "share this and {flood}",
        "I want a hundred of you to {flood} {when}",
        "don't argue with {someone}, just {flood}",
        "you know the account. {flood}",
        "if every one of us does it, we {flood} {when}",
    ],
}

# label -> clean sentences with the words of that label
HARMLESS: dict[str, list[str]] = {
    "insult": [
        "{thing} is {fault}",
        "I am {fault} at {topic}, please be patient",
        "{person} is not {fault}, leave it",
        "I felt {fault} after {game}, my own doing",
        "nobody here is {fault}, we all start somewhere",
        "calling people {fault} is against the rules",
        "he told me I'm {fault} and it still hurts",
        "in the film the villain is {fault} and it is great fun",
        "you are not {fault}. {thing} is {fault}",
        "honestly {thing} makes me feel {fault}",
        "is it rude to say {thing} is {fault}?",
        "I never said you are {fault}, {person}, I said {thing} is",
    ],
    "identity_attack": [
        "{group} {welcome}",
        "it is plain wrong to say that {group} {belittle}",
        "I'm one of the {group} and it was fun",
        "a study asked why some believe {group} {belittle}; there is no basis for it",
        "{group} {welcome}, whatever {someone} says",
        "my grandmother was told that {group} {belittle}. She proved them wrong",
        "which bus do {group} take to the fair?",
        "please stop writing that {group} {belittle}, it is false",
        "these weeds {belittle}, so I dug them out of the flower bed",
    ],
    "threat": [
        "I will beat you at {game} {when}",
        "this climb will break your legs, bring water",
        "you will be dead tired {when}, and proud",
        "he wrote that he will {harm}; I reported it to the police",
        "if somebody says they will {harm}, tell a moderator",
        "in chapter four the wolf says: I will {harm}",
        "that sauce will knock your teeth out, so hot",
        "the new track will smash your face in, what a drop",
        "watch your back {when}, the path is icy",
        "I would never {harm}, I don't even squash spiders",
        "we are going to crush you at {game}, good luck",
    ],
    "spam": [
        "does anybody know whether {offer} at {link} is a scam?",
        "please remove the ad for {offer}",
        "I lost money on {offer}, be careful",
        "the talk about {offer} and how the trick works is {when}",
        "my cousin fell for {offer}, the bank helped in the end",
        "I'm not selling anything, I just like {topic}",
        "our newsletter warns about {offer}, never visit {link}",
        "why do I get mail about {offer} all the time?",
        "the bake sale has a free phone number, ask {shop}",
    ],
    "private_information": [
        "{shop} is at {number} {place}, open till six",
        "call {shop} on {phone} for tickets",
        "never post where somebody lives, I just removed an address on {place}",
        "the march starts at {number} {place}",
        "my bus stops on {place}",
        "I'm {person} and I host the quiz on {place}",
        "is {phone} the right number of {shop}?",
        "{person} plays the lead in the show at {number} {place}",
        "somebody posted my number here, can a moderator delete it?",
    ],
    "incitement": [
        "everyone, {campaign} {when}",
        "let's all {campaign}",
        "who's with me? {campaign}, today",
        "please don't {flood}, talk to them instead",
        "they tried to {flood} and we kept the stream open",
        "{someone} deserves thanks, so {campaign}",
        "asking people to {flood} will get you banned",
        "if every one of us does it, we {campaign} {when}",
        "we had to close comments because some wanted to {flood}",
    ],
}

# label -> sentences that carry it, and the same words in another order that do not
REORDERED: dict[str, list[tuple[str, str]]] = {
    "insult": [
        ("{someone} is {fault}, {thing} is fine", "{thing} is {fault}, {someone} is fine"),
        ("you are {fault}, not {thing}", "{thing} is {fault}, not you"),
        ("I am fine and you are {fault}", "you are fine and I am {fault}"),
        ("nobody said {thing} is {fault}, I say {person} is", "nobody said {person} is {fault}, I say {thing} is"),
    ],
    "identity_attack": [
        ("{group} {belittle}, it is false that they {welcome}", "{group} {welcome}, it is false that they {belittle}"),
        ("don't tell me they {welcome}: {group} {belittle}", "don't tell me they {belittle}: {group} {welcome}"),
        ("some say {group} {welcome}, I say they {belittle}", "some say {group} {belittle}, I say they {welcome}"),
    ],
    "threat": [
        ("call the police, {person}, I will {harm}", "I will call the police, {person} said: {harm}"),
        ("no {game} {when}, instead I {harm}", "no, I {harm} at {game} {when}"),
        ("I told {person} about {game}. I will {harm}", "{person} told me: I will {harm}. It was about {game}"),
        ("I don't joke, I will {harm} {when}", "I joke, I don't {harm} {when}"),
    ],
    "spam": [
        ("no scam, {offer} for you, write to {link}", "{offer} for you? a scam, write no word to {link}"),
        ("ask me for {offer}, not the bank: {link}", "ask the bank, not {link}, for me {offer} is a trick"),
        ("don't wait, click {link}, {offer}", "wait, {offer}, don't click {link}"),
    ],
    "private_information": [
        ("{person} moved to {number} {place}, {shop} told me", "{shop} moved to {number} {place}, {person} told me"),
        ("reach {person} on {phone}, not {shop}", "reach {shop} on {phone}, not {person}"),
        (
            "{shop} is closed, but {person} lives at {number} {place}",
            "{person} is out, but {shop} is at {number} {place}",
        ),
    ],
    "incitement": [
        ("don't {campaign}, all of you, {flood}", "don't {flood}, all of you, {campaign}"),
        ("instead of asking them, let's {flood}", "let's ask them instead: who would {flood}?"),
        ("they did {campaign}, now we {flood}", "they did {flood}, now we {campaign}"),
    ],
}

CHAT = [
    "{work} {praise}", "thanks {person}, {work} {praise}", "anyone up for {topic} {when}?",
    "I read about {topic} all weekend", "how do you start with {topic}?", "{person} taught me {topic}, I'm grateful",
    "{work} {praise}. What about {thing}?", "sorry, I'm late to the thread on {topic}", "has {thing} changed again?",
    "my take on {topic}: less is more", "see you at {game} {when}", "{shop} has a nice corner for {topic}",
    "I disagree about {topic}, but fair point", "we lost {game}, what an evening", "can somebody explain {topic}?",
    "{thing} finally works for me", "agree with {person} on {topic}", "congrats on {work}, {person}!",
]  # fmt: skip
JOINTS = [". ", ". ", ", ", " - ", "! ", "... ", " and ", ". Also, "]


def layout(config: DataConfig) -> DataConfig:
    """The configuration with the fields that the demonstration rows have, whatever the user's own rows look like."""
    return replace(
        config, id_field="id", text_field="text", labels_field="labels", label_fields=(), class_field=None, classes={},
        labels=(), multi_hot=(), columns=(),
    )  # fmt: skip


def generate(seed: int, rows: int = ROWS, chats: int = 0) -> Iterator[dict[str, Any]]:
    """Records with `id`, `text` and `labels`; the same seed gives the same records.

    chats: harmless sentences that every record gets besides; with 3 of them a million records are hardly ever equal.
    """
    chance = random.Random(seed)  # noqa: S311 - sentences, not secrets
    for number in range(rows):
        labels = _labels(chance)
        sentences = [_sentence(label, True, chance) for label in labels]
        if chance.random() < (0.25 if labels else 0.7):
            sentences.append(_sentence(chance.choice(list(MEANT)), False, chance))
        if not sentences or chance.random() < 0.45:
            sentences.append(_fill(chance.choice(CHAT), chance))
        sentences += [_fill(chance.choice(CHAT), chance) for _ in range(chats)]
        chance.shuffle(sentences)
        if chance.random() < NOISE_SHARE:
            labels = labels[1:] if labels else [chance.choice(list(MEANT))]
        yield {"id": f"demo-{number:05d}", "text": _typed(sentences, chance), "labels": sorted(labels)}


def _labels(chance: random.Random) -> list[str]:
    if chance.random() < CLEAN_SHARE:
        return []
    names = list(MEANT)
    first = chance.choices(names, weights=[6, 4, 3, 4, 2, 3])[0]
    if chance.random() >= SECOND_LABEL_SHARE:
        return [first]
    # insults come with threats and attacks, calls to pile on with somebody's address
    partner = {"threat": "insult", "identity_attack": "insult", "incitement": "private_information"}.get(first)
    second = partner if partner and chance.random() < 0.6 else chance.choice([name for name in names if name != first])
    return [first, second]


def _sentence(label: str, is_meant: bool, chance: random.Random) -> str:
    """A sentence that carries the label, or a harmless one with the label's words."""
    if chance.random() < REORDERED_SHARE:
        return _fill(chance.choice(REORDERED[label])[0 if is_meant else 1], chance)
    return _fill(chance.choice((MEANT if is_meant else HARMLESS)[label]), chance)


def _fill(template: str, chance: random.Random) -> str:
    while "{" in template:
        start = template.index("{")
        end = template.index("}", start)
        template = template[:start] + chance.choice(WORDS[template[start + 1 : end]]) + template[end + 1 :]
    return template


def _typed(sentences: list[str], chance: random.Random) -> str:
    """Join sentences and type them the way people do: case, punctuation, a slip of the finger."""
    text = sentences[0]
    for sentence in sentences[1:]:
        text += chance.choice(JOINTS) + sentence
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
