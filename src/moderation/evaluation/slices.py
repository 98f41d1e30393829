"""Figures for parts of the test rows, by length, by language, by the group a text names: where a model does worse."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from contract.evaluation.document import LEAST_POSITIVES, LEAST_ROWS, IdentityAucs, Slice
from moderation.metrics.scored import Scored
from moderation.metrics.scores import any_label, auroc, average_precision, decisions, false_positive_share, mean

LENGTHS = (50, 200, 1000)  # characters: upper ends of the length slices
# Shorter texts give a language detector too little: with 40 letters, over 99 % of three English sets were told right
LEAST_LETTERS = 40
# Words that name a group and say nothing about it, after the identity columns of Civil Comments (Borkan et al. 2019)
IDENTITY_TERMS = {
    "male": ("man", "men", "male", "males"),
    "female": ("woman", "women", "female", "females"),
    "transgender": ("transgender", "trans"),
    "heterosexual": ("heterosexual", "heterosexuals", "straight"),
    "gay or lesbian": ("gay", "gays", "lesbian", "lesbians", "homosexual", "homosexuals"),
    "bisexual": ("bisexual", "bisexuals"),
    "lgbtq": ("lgbt", "lgbtq", "queer"),
    "christian": ("christian", "christians", "catholic", "catholics", "protestant", "protestants"),
    "jewish": ("jew", "jews", "jewish"),
    "muslim": ("muslim", "muslims", "islam", "islamic"),
    "hindu": ("hindu", "hindus"),
    "buddhist": ("buddhist", "buddhists"),
    "atheist": ("atheist", "atheists"),
    "black": ("black", "blacks", "african", "africans", "african american"),
    "white": ("white", "whites", "caucasian", "european", "europeans"),
    "asian": ("asian", "asians", "chinese", "japanese", "indian", "indians"),
    "latino": ("latino", "latinos", "latina", "latinas", "hispanic", "mexican", "mexicans"),
    "middle eastern": ("arab", "arabs", "arabic", "middle eastern"),
    "immigrant": ("immigrant", "immigrants", "migrant", "migrants", "refugee", "refugees"),
    "disability": ("disabled", "disability", "blind", "deaf", "wheelchair"),
    "mental illness": ("mental illness", "mentally ill", "depressed", "autistic", "schizophrenia", "bipolar"),
    "older": ("elderly", "old people", "old person", "senior", "seniors"),
    "younger": ("teenager", "teenagers", "young people", "young person", "millennial", "millennials"),
}


def members(texts: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """Kind to slice to whether each text (rows) belongs to it; depends on the texts alone."""
    return {"length": by_length(texts), "language": by_language(texts), "identity": by_identity(texts)}


def by_length(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Every text in one slice, by its characters."""
    lengths = np.array([len(text) for text in texts])
    ends = (0, *LENGTHS)
    names = {
        f"{low + 1} to {high} characters": (lengths > low) & (lengths <= high)
        for low, high in zip(ends, LENGTHS, strict=False)
    }
    return {**names, f"over {LENGTHS[-1]} characters": lengths > LENGTHS[-1]}


def by_language(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Every text in one slice: a language code, `other` for languages with few rows, `unclear` for short texts."""
    identifier = _language_identifier()
    codes = np.array(
        [identifier.classify(text)[0] if sum(map(str.isalpha, text)) >= LEAST_LETTERS else "unclear" for text in texts],
        dtype=object,
    )
    languages, counts = np.unique(codes.astype(str), return_counts=True)
    common = [
        str(code) for code, count in zip(languages, counts, strict=True) if count >= LEAST_ROWS or code == "unclear"
    ]
    common.sort(key=lambda code: (code == "unclear", -int((codes == code).sum()), code))
    slices = {code: codes == code for code in common}
    rest = ~np.isin(codes, common)
    return {**slices, "other": rest} if rest.any() else slices


@cache
def _language_identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


def by_identity(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Texts that name a group by one of its IDENTITY_TERMS, as whole words; a text may be in many slices or in none."""
    patterns = {
        group: re.compile(rf"\b(?:{'|'.join(map(re.escape, terms))})\b", re.IGNORECASE)
        for group, terms in IDENTITY_TERMS.items()
    }
    named = {
        group: np.array([bool(pattern.search(text)) for text in texts], dtype=bool)
        for group, pattern in patterns.items()
    }
    return {group: inside for group, inside in named.items() if inside.any()}


def slice_scores(
    slices: dict[str, dict[str, np.ndarray]], truth: np.ndarray, scored: Scored
) -> dict[str, dict[str, Slice]]:
    """Kind to slice to its figures.

    truth (rows, the system's labels) of 1, 0 and NaN where not annotated; scored: its answers on the same rows.
    """
    flags = scored.flags
    positive = any_label(truth)
    highest = np.where(np.isnan(truth), 0, scored.probs).max(axis=1)  # what nobody annotated says nothing about a row

    result: dict[str, dict[str, Slice]] = {}
    for kind, members_by_name in slices.items():
        result[kind] = {}
        for name, inside in members_by_name.items():
            figures = _figures(truth[inside], scored.probs[inside], flags[inside])
            if kind == "identity":
                aucs = identity_aucs(positive, highest, inside)
                figures = {**figures, **aucs}
            result[kind][name] = figures
    return result


def _figures(truth: np.ndarray, probs: np.ndarray, flags: np.ndarray) -> Slice:
    precisions, f1 = [], []
    if len(truth) >= LEAST_ROWS:
        for index in range(truth.shape[1]):
            annotated = ~np.isnan(truth[:, index])
            answers = truth[annotated, index]
            if answers.sum() >= LEAST_POSITIVES:
                precisions.append(average_precision(answers, probs[annotated, index]))
                f1.append(decisions(answers, flags[annotated, index]).f1)

    return {
        "rows": len(truth),
        "positives": int((any_label(truth) == 1).sum()),
        "macro_average_precision": mean(precisions),
        "macro_f1": mean(f1),
        "false_positive_rate": false_positive_share(truth, flags, LEAST_ROWS),
    }


def identity_aucs(positive: np.ndarray, highest: np.ndarray, inside: np.ndarray) -> IdentityAucs:
    """The three AUCs of Borkan et al. (2019) for one group; low values show the group's texts ranked unfairly.

    positive (rows): 1, 0 or NaN for any label; highest (rows): the highest score of any label; inside (rows): whether
    a text names the group. subgroup_auc ranks the group's own rows; bpsn_auc its clean rows against positive rows that
    don't name it: low where naming the group alone raises scores; bnsp_auc its positive rows against clean rows that
    don't name it: low where the group's abuse is overlooked.
    """

    def area(positives: np.ndarray, negatives: np.ndarray) -> float | None:
        if min(positives.sum(), negatives.sum()) < LEAST_POSITIVES or inside.sum() < LEAST_ROWS:
            return None
        rows = positives | negatives
        return auroc(positives[rows].astype(np.float64), highest[rows])

    bad, clean = positive == 1, positive == 0
    return {
        "subgroup_auc": area(bad & inside, clean & inside),
        "bpsn_auc": area(bad & ~inside, clean & inside),
        "bnsp_auc": area(bad & inside, clean & ~inside),
    }
