"""Whether the tokenizer knows the words that it is given: a model of unknown tokens reads nothing."""

from typing import Any

from moderation.model.batching import Tokens

WARNED_SHARE = 0.1
"""Share of unknown tokens above which the log warns: an encoder's own language has well below 1 %."""
REFUSED_SHARE = 0.95
"""Share above which nothing is known, and training stops."""
WAY_OUT = "choose a base model that was trained on this language, for example a multilingual one (base_model.source)"


def unknown_share(tokenizer: Any, tokens: Tokens) -> float:
    """Share of the tokens, special ones aside, that stand for what the tokenizer does not know; 0 without such a token.

    A text that leaves no token at all counts as one unknown token.
    """
    unknown = tokenizer.unk_token_id
    if unknown is None:
        return 0.0

    special = set(tokenizer.all_special_ids) - {unknown}
    known_count = unknown_count = 0
    for ids in tokens.ids:
        words = [token for token in ids if token not in special]
        missing = words.count(unknown) if words else 1
        unknown_count += missing
        known_count += len(words) - missing if words else 0
    return unknown_count / max(1, known_count + unknown_count)


def check_share(share: float) -> str | None:
    """The warning for a share of unknown tokens, or None.

    Raises ValueError where nothing is known.
    """
    if share > REFUSED_SHARE:
        raise ValueError(f"the tokenizer does not know {share:.0%} of the tokens of the train texts: {WAY_OUT}")
    if share > WARNED_SHARE:
        return f"warning: {share:.0%} of the tokens of the train texts are unknown to the tokenizer: {WAY_OUT}"
    return None
