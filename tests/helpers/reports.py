"""An evaluation.json as the report is tested with: one label with figures, one of which nothing is known."""

import copy

BETTER = {"difference": 0.1, "low": 0.05, "high": 0.2, "p_worse": 1.0, "p_better": 0.001}
WORSE = {"difference": -0.1, "low": -0.2, "high": -0.05, "p_worse": 0.001, "p_better": 1.0}
EVEN = {"difference": 0.01, "low": -0.1, "high": 0.1, "p_worse": 1.0, "p_better": 0.9}
UNKNOWN = dict.fromkeys(("difference", "low", "high", "p_worse", "p_better"))
RANGE, NO_RANGE = {"low": 0.4, "high": 0.6}, {"low": None, "high": None}


def system(value):
    names = ("average_precision", "auroc", "precision", "recall", "f1", "threshold", "expected_calibration_error")
    label = {
        "positives": 40,
        **dict.fromkeys(names, value),
        "intervals": dict.fromkeys(("average_precision", "auroc", "f1"), RANGE),
    }
    nothing = {
        "positives": 0,
        **dict.fromkeys(names),
        "threshold": 0.5,
        "intervals": dict.fromkeys(("average_precision", "auroc", "f1"), NO_RANGE),
    }
    macros = ("macro_average_precision", "macro_auroc", "macro_f1")
    others = ("macro_precision", "macro_recall", "micro_average_precision", "micro_f1", "expected_calibration_error")
    return {
        "metrics": {**dict.fromkeys((*macros, *others), value), "false_positives_per_1000_clean": 20.0},
        "intervals": dict.fromkeys(macros, RANGE),
        "labels": {"insult": label, "<b>": nothing},
    }


def comparison(macro, insult=EVEN):
    return {
        "macro_average_precision": macro,
        "labels": {"insult": insult, "<b>": UNKNOWN},
        "flips": {"insult": 0.125, "<b>": 0.0},
    }


def part(rate=0.02, rows=50):
    return {
        "rows": rows,
        "positives": 8,
        "macro_average_precision": 0.5,
        "macro_f1": None,
        "false_positive_rate": rate,
        **dict.fromkeys(("subgroup_auc", "bpsn_auc", "bnsp_auc"), 0.875),
    }


def evaluation():
    """Of a first model: the baseline alone is there to compare with."""
    return {
        "schema_version": 3,
        "dataset_version": "0123456789abcdef",
        "rows": {"validation": 480, "test": 1640},
        "labels": ["insult", "<b>"],
        "policy_id": "p-0123456789ab",
        "candidate": system(0.512),
        "champion": None,
        "baseline": system(0.423),
        "frozen_encoder": None,
        "champion_left_out": None,
        "labels_dropped": [],
        "comparison": {"champion": None, "baseline": comparison(BETTER), "frozen_encoder": None},
        "curves": {
            "insult": {"precision_recall": [[0.5, 1.0, 0.9], [1.0, 0.5, 0.1]], "reliability": [[0.1, 0.2, 30]]},
            "<b>": {"precision_recall": [], "reliability": []},
        },
        "confusion": {
            "insult": dict.fromkeys(("true_positives", "false_positives", "false_negatives", "true_negatives"), 1234),
            "<b>": dict.fromkeys(("true_positives", "false_positives", "false_negatives", "true_negatives"), 0),
        },
        "slices": {
            "candidate": {
                "length": {"over 1000 characters": part()},
                "language": {"en": part()},
                "identity": {"muslim": part(), "deaf": part(rows=3)},
            },
            "champion": None,
        },
        "behaviour": {"candidate": {"insult_denied": {"cases": 4, "passed": 3, "share": 0.75}}, "champion": None},
        "evasion": {
            "candidate": {"case": {"rows": 40, "recall_clean": 0.5, "recall_evaded": 0.5, "kept": 1.0}},
            "champion": None,
        },
        "latency": {
            "candidate": {"p50_milliseconds": 12.0, "p95_milliseconds": 34.0, "texts_per_second": 56.0},
            "champion": None,
        },
        "worst_mistakes": [{"id": "row-7", "label": "insult", "truth": 0, "score": 0.987}],
        "seconds": {"model": 9.0, "baselines": 3.0, "metrics": 1.0},
    }


def with_champion(first, macro, insult=EVEN):
    found = copy.deepcopy(first) | {"champion": system(0.4)}
    found["comparison"]["champion"] = comparison(macro, insult)
    for name in ("slices", "behaviour", "evasion", "latency"):
        found[name]["champion"] = found[name]["candidate"]
    return found
