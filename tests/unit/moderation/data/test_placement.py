import json
import random
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from helpers.samples import random_sentence, split_of, write_rows

from contract.data.section import DataConfig
from moderation.data.placement import settle
from moderation.data.prepare import prepare
from moderation.data.splitting import FREE

CONFIG = DataConfig(labels_field="labels", minimum_positives=2)


def test_near_duplicates_share_a_split(tmp_path):
    chance = random.Random(5)  # noqa: S311
    texts = [random_sentence(chance) for _ in range(100)]
    copies = [f"{text}, {random_sentence(chance, 1)}!" for text in texts]
    prepare(CONFIG, write_rows(tmp_path / "raw", texts + copies), tmp_path / "out")
    split = split_of(tmp_path / "out")
    assert all(split[text] == split[copy] for text, copy in zip(texts, copies, strict=True))
    found = json.loads((tmp_path / "out" / "data_report.json").read_text())["near_duplicates"]
    assert found == {"similarity": 0.8, "clusters": 100, "rows": 200, "largest_cluster": 2, "loosened_rows": 0}


def test_near_duplicates_may_be_left_alone(tmp_path):
    chance = random.Random(5)  # noqa: S311
    texts = [random_sentence(chance) for _ in range(100)]
    copies = [f"{text}!" for text in texts]
    source = write_rows(tmp_path / "raw", texts + copies)
    prepare(replace(CONFIG, near_duplicates=None), source, tmp_path / "out")
    split = split_of(tmp_path / "out")
    assert any(split[text] != split[copy] for text, copy in zip(texts, copies, strict=True))


def test_a_new_text_between_two_splits_is_left_out_and_counted(tmp_path):
    chance = random.Random(8)  # noqa: S311
    old = [random_sentence(chance, 40) for _ in range(120)]
    prepare(CONFIG, write_rows(tmp_path / "old", old), tmp_path / "first")
    split = split_of(tmp_path / "first")
    # two old texts that share three quarters, in different splits, and one that lies between them
    one, other = old[0], next(text for text in old if split[text] != split[old[0]])
    shared, ends = random_sentence(chance, 40), [random_sentence(chance, 5), random_sentence(chance, 5)]
    table = {one: f"{shared} {ends[0]}", other: f"{shared} {ends[1]}"}
    for part in ("train", "validation", "test"):
        path = tmp_path / "first" / part / "part-00000.parquet"
        rows = pq.read_table(path)
        texts = [table.get(text, text) for text in rows["text"].to_pylist()]
        pq.write_table(rows.set_column(1, "text", pa.array(texts)), path)
    new = [table.get(text, text) for text in old] + [f"{shared} {ends[0]} {ends[1]}"]
    config = replace(CONFIG, near_duplicates=0.85)
    manifest = json.loads((tmp_path / "first" / "manifest.json").read_text())
    manifest["split"]["near_duplicates"] = 0.85
    (tmp_path / "first" / "manifest.json").write_text(json.dumps(manifest))
    prepare(config, write_rows(tmp_path / "new", new), tmp_path / "second", tmp_path / "first")
    after = split_of(tmp_path / "second")
    assert new[-1] not in after
    assert {after[text] for text in table.values()} == {split[one], split[other]}
    report = json.loads((tmp_path / "second" / "data_report.json").read_text())
    assert report["dropped"]["between_splits"]["count"] == 1
    assert report["rows_read"] == sum(report["rows"].values()) + 1


def test_a_cluster_takes_the_split_of_its_earlier_rows_unless_they_are_in_two():
    clusters = np.array([0, 0, 1, 1, 1, 2])
    earlier = np.array([FREE, 2, 0, 1, FREE, FREE], np.int8)
    splits, bridging = settle(clusters, earlier)
    assert splits[:2].tolist() == [2, 2]
    assert splits[5] == FREE
    assert bridging.tolist() == [False, False, False, False, True, False]
