import json

import pytest

from contract.data.section import DataConfig
from moderation.rows.json_records import json_records
from moderation.rows.readers import read_files
from moderation.rows.row import Rejections


def rows(directory, config, actions=None):
    return list(read_files(directory, config, Rejections(actions or config.bad_rows)))


def test_objects_beyond_one_chunk_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("moderation.rows.json_records.CHUNK_BYTES", 7)
    written = [{"text": f"grüße {number}", "labels": []} for number in range(50)]
    (tmp_path / "a.json").write_text(json.dumps(written, indent=1, ensure_ascii=False), encoding="utf-8")
    records = json_records(tmp_path / "a.json", "a.json", DataConfig(labels_field="labels"))
    assert [record for _, record in records] == written


@pytest.mark.parametrize("content", ['[{"text": "a", "labels": ["x"]},\n {"text": "b", "labels": []}]', " [ ] "])
@pytest.mark.parametrize("name", ["a.json", "a.JSONL"])
def test_a_list_of_objects_is_read_object_by_object(tmp_path, content, name):
    (tmp_path / name).write_text(content)
    config = DataConfig(labels_field="labels")
    if name == "a.JSONL" and "{" not in content:
        return
    assert [row.text for row in rows(tmp_path, config)] == (["a", "b"] if "{" in content else [])


def test_a_blank_line_at_the_end_is_no_row_and_one_between_is(tmp_path):
    line = '{"text": "a", "labels": []}\n'
    (tmp_path / "a.jsonl").write_text(line + "\n\n")
    assert len(rows(tmp_path, DataConfig(labels_field="labels"))) == 1
    (tmp_path / "a.jsonl").write_text(line + "\n" + line.replace("a", "b", 1))
    with pytest.raises(ValueError, match=r"row 2: found an empty or endless line"):
        rows(tmp_path, DataConfig(labels_field="labels"))
