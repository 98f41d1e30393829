from helpers.evaluations import WORSE, comparison, evaluation

from release.decision.gate import Decision, Rule
from release.stages.approval import Verdict, exports, most_flips, report_url, worst_label


def test_the_approval_has_room_for_the_longest_values():
    rules = tuple(Rule(f"r{index}", 1.0, 0.5, False, "x" * 100 + ".") for index in range(9))
    whole = evaluation()
    label = "l" * 60
    whole["comparison"]["champion"]["labels"] = {label: WORSE | {"difference": -0.1, "low": -0.2, "high": -0.05}}
    whole["comparison"]["champion"]["flips"] = {label: 1.0}
    whole["candidate"]["metrics"]["macro_f1"] = None
    exported = exports(Verdict(Decision(rules), "arn", None, whole, "https://report", ""))
    assert len(exported["GATE_SUMMARY"]) == 280
    assert exported["MACRO_AVERAGE_PRECISION"] == "0.6000"
    assert exported["MACRO_F1"] == "none"
    assert exported["AGAINST_CHAMPION"] == "+0.030 (-0.010 to +0.070)"
    # terraform/tests/pipeline.tftest.hcl reckons with these
    assert len(exported["AGAINST_CHAMPION"]) <= 26
    assert len(exported["WORST_LABEL"]) <= 57
    assert len(exported["MOST_FLIPS"]) <= 37
    assert len(exported["POLICY_ID"]) <= 14


def test_the_approval_names_the_label_that_lost_most_and_the_one_that_flips_most():
    compared = comparison()
    compared["labels"]["threat"] = WORSE | {"difference": -0.04, "low": -0.09, "high": 0.01}
    compared["labels"]["rare"] = dict.fromkeys(WORSE)
    assert worst_label(compared["labels"]) == "threat -0.040 (-0.090 to +0.010)"
    assert most_flips({"insult": 0.031, "threat": 0.004, "rare": None}) == "insult 3.1%"


def test_a_first_run_has_nothing_to_compare_in_the_approval():
    exported = exports(Verdict(Decision(()), "arn", None, evaluation(champion=False), "https://report", ""))
    names = (
        "CHAMPION_PACKAGE_ARN",
        "CHAMPION_MACRO_AVERAGE_PRECISION",
        "AGAINST_CHAMPION",
        "WORST_LABEL",
        "MOST_FLIPS",
    )
    assert {exported[name] for name in names} == {"none"}
    assert exported["FALSE_POSITIVES_PER_1000_CLEAN"] == "20.0"


def test_the_report_opens_in_the_console():
    assert report_url("bucket", "evaluation/a job/report.html", "eu-west-1") == (
        "https://eu-west-1.console.aws.amazon.com/s3/object/bucket?region=eu-west-1"
        "&prefix=evaluation/a%20job/report.html"
    )
