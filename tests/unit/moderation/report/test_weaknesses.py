from helpers.reports import EVEN, with_champion

from moderation.report.weaknesses import behaviour, evasion, mistakes, slices


def test_a_part_with_few_rows_is_named_and_has_no_figures(evaluation):
    page = slices(evaluation)
    assert "Fewer than 20 rows: deaf." in page
    assert page.count("BPSN AUC") == 2  # the note and the table of groups
    assert "Live model: false positives" not in page
    assert "Live model: false positives" in slices(with_champion(evaluation, EVEN))


def test_behaviour_is_shown_by_group_beside_the_live_model(evaluation):
    assert "<h2>Behaviour</h2>" in behaviour(evaluation)
    assert "3 of 4" in behaviour(evaluation)
    both = with_champion(evaluation, EVEN)
    both["behaviour"]["champion"] = {}
    assert "Live model passes" not in behaviour(both)
    both["behaviour"]["champion"] = {"other": {"cases": 1, "passed": 1, "share": 1.0}}
    assert "<td>–</td>" in behaviour(both)
    evaluation["behaviour"]["candidate"] = {}
    assert "No case fits these labels." in behaviour(evaluation)


def test_evasion_shows_what_is_kept_of_the_recall(evaluation):
    page = evasion(evaluation)
    assert "40 positive test rows" in page
    assert "Random case" in page


def test_mistakes_are_ids_and_texts_only_where_they_are_given(evaluation):
    assert "false positive" in mistakes(evaluation, {})
    assert "<th>Text</th>" not in mistakes(evaluation, {})
    assert "a &lt;text&gt;" in mistakes(evaluation, {"row-7": "a <text>"})
    assert "None." in mistakes({**evaluation, "worst_mistakes": []}, {})
