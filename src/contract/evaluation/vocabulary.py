"""What is shown to people under what name: one thing has one name on every page."""

from contract.evaluation.document import LabelMetricName, MetricName, SliceKind, System

SYSTEM_NAMES: dict[System, str] = {
    "candidate": "Candidate",
    "champion": "Live model",
    "baseline": "TF-IDF baseline",
    "frozen_encoder": "Frozen encoder",
}
SYSTEMS_IN_SENTENCES: dict[System, str] = {
    "candidate": "the candidate",
    "champion": "the live model",
    "baseline": "the TF-IDF baseline",
    "frozen_encoder": "the frozen encoder",
}
METRIC_NAMES: dict[MetricName, str] = {
    "macro_average_precision": "Macro average precision",
    "macro_auroc": "Macro AUROC",
    "macro_f1": "Macro F1",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "micro_average_precision": "Micro average precision",
    "micro_f1": "Micro F1",
    "false_positives_per_1000_clean": "False positives per 1,000 clean texts",
    "expected_calibration_error": "Expected calibration error",
}
LABEL_METRIC_NAMES: dict[LabelMetricName, str] = {
    "average_precision": "Average precision",
    "auroc": "AUROC",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "threshold": "Review threshold",
    "expected_calibration_error": "Expected calibration error",
}
SLICE_NAMES: dict[SliceKind, str] = {
    "length": "By length",
    "language": "By language",
    "identity": "Texts that name a group",
}
SLICE_METRIC_NAMES = {
    "macro_average_precision": METRIC_NAMES["macro_average_precision"],
    "macro_f1": METRIC_NAMES["macro_f1"],
    "subgroup_auc": "Subgroup AUC",
    "bpsn_auc": "BPSN AUC",
    "bnsp_auc": "BNSP AUC",
}
EVASION_NAMES = {
    "leetspeak": "Digits for letters",
    "homoglyphs": "Look-alike letters",
    "zero_width": "Invisible characters",
    "spacing": "Spaces in words",
    "case": "Random case",
}
