from helpers.reports import EVEN, with_champion

from moderation.report.elements import nothing, present, section, table


def test_pieces_are_put_together():
    assert table(["A"], ["<td>1</td>"]).count("<tr>") == 2
    assert section("T", "N", "<p>B</p>") == '<h2>T</h2><p class="note">N</p><p>B</p>'
    assert "None." in nothing("None.")


def test_only_systems_that_were_evaluated_are_shown(evaluation):
    assert list(present(evaluation)) == ["candidate", "baseline"]
    assert list(present(with_champion(evaluation, EVEN))) == ["candidate", "champion", "baseline"]
