import gzip
import json
import os
import random
import re
import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.data.section import BadRows, DataConfig
from moderation.data import prepare as preparation
from moderation.data.prepare import prepare
from moderation.job.container import Cluster
from moderation.rows.shards import MARKER, main, read_shards, write_shard

CONFIG = DataConfig(
    labels_field="labels",
    minimum_positives=2,
    bad_rows=BadRows(**dict.fromkeys(vars(BadRows()), "drop")),
)
LABELS = (["x"], ["y"], [], ["x", "y"], ["z"], ["y", "z"])


def sentence(chance, words=12):
    return " ".join("".join(chance.choices("abcdefghijklmnoprstuvw", k=6)) for _ in range(words))


def records(chance, count, prefix):
    return [
        {"id": f"{prefix}-{number}", "text": sentence(chance), "labels": chance.choice(LABELS)}
        for number in range(count)
    ]


def write_jsonl(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_csv(path, rows):
    lines = [f"{row['id']},{row['text']},{'|'.join(row['labels'])}\n" for row in rows]
    path.write_text("id,text,labels\n" + "".join(lines))


@pytest.fixture
def raw(tmp_path):
    """Files of every kind, with rows that are the same, nearly the same or broken in several of them."""
    chance = random.Random(3)  # noqa: S311
    parts = [records(chance, 60, name) for name in "abcdef"]
    directory = tmp_path / "raw"
    # as strings, `a-b.jsonl` comes before `a/b.jsonl`; as paths, behind it
    empty = [{"text": " ", "labels": []}] * 13
    write_jsonl(directory / "a-b.jsonl", [*empty[:6], *parts[0]])
    near = [row | {"id": f"near-{row['id']}", "text": f"{row['text']}, well!"} for row in parts[0][:25]]
    same = [row | {"id": f"A-{number}", "labels": []} for number, row in enumerate(parts[2][:14])]
    write_jsonl(directory / "a" / "b.jsonl.gz", [*parts[1], "{broken", *near, *same, *empty[:5]])
    write_csv(
        directory / "c.csv", [*parts[2], *(row | {"text": "other words " + row["text"]} for row in parts[0][5:18])]
    )
    pq.write_table(pa.Table.from_pylist([*parts[3], *parts[1][:12]]), directory / "d.parquet")
    write_jsonl(directory / "e.jsonl", [*empty, *parts[4]])
    unnamed = [{"text": row["text"], "labels": ["w"]} for row in parts[4][:3]]
    write_jsonl(directory / "f.jsonl", ["[]", *parts[5], *unnamed, *unnamed, *({"labels": []} for _ in range(5))])
    write_jsonl(directory / "z" / "_left.jsonl", ["{"])
    return directory


def shares(raw, tmp_path, count):
    """The files of each of `count` instances, as ShardedByS3Key deals them out."""
    keys = sorted(path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file())
    for index in range(count):
        for key in keys[index::count]:
            target = tmp_path / "shares" / str(index) / key
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(raw / key, target)
    return [tmp_path / "shares" / str(index) for index in range(count)]


def read_by(raw, tmp_path, count, config=CONFIG):
    """Let `count` instances read the files; the directory of their shards."""
    hosts = tuple(f"algo-{number + 1}" for number in range(count))
    for host, share in zip(hosts, shares(raw, tmp_path, count), strict=True):
        write_shard(config, share, tmp_path / "shards", Cluster(host, hosts))
    return tmp_path / "shards"


def contents(directory):
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_shards_of_any_number_of_instances_make_the_dataset_of_one(raw, tmp_path, count):
    prepare(CONFIG, raw, tmp_path / "one")
    prepare(CONFIG, read_shards(read_by(raw, tmp_path, count), CONFIG), tmp_path / "merged")
    assert contents(tmp_path / "merged") == contents(tmp_path / "one")
    report = json.loads((tmp_path / "merged" / "data_report.json").read_text())
    dropped = {kind: found["count"] for kind, found in report["dropped"].items()}
    # the comparison says something only where rows of several files meet
    assert dropped == {"broken_row": 2, "duplicate_id": 25, "duplicate_text": 20, "empty_text": 24, "missing_field": 5}
    assert report["near_duplicates"]["clusters"] >= 15
    assert report["rows_read"] == sum(report["rows"].values()) + sum(dropped.values())


def test_they_do_so_without_near_duplicates_and_after_an_earlier_dataset(raw, tmp_path):
    write_jsonl(tmp_path / "old" / "a.jsonl", records(random.Random(3), 60, "a"))  # noqa: S311
    for name, config in (("off", replace(CONFIG, near_duplicates=None)), ("grown", CONFIG)):
        before = tmp_path / f"{name}-before"
        prepare(config, tmp_path / "old", before)
        prepare(config, raw, tmp_path / f"{name}-one", before)
        shards = read_shards(read_by(raw, tmp_path / name, 2, config), config)
        prepare(config, shards, tmp_path / f"{name}-merged", before)
        assert contents(tmp_path / f"{name}-merged") == contents(tmp_path / f"{name}-one")


def test_many_rows_of_many_batches_are_merged_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr("moderation.rows.spool.FLUSH_ROWS", 7)
    monkeypatch.setattr("moderation.rows.near_duplicates.SIGNATURE_BATCH", 5)
    chance = random.Random(4)  # noqa: S311
    for number in range(12):
        write_jsonl(tmp_path / "raw" / f"{number}.jsonl", records(chance, chance.randint(0, 40), str(number)))
    prepare(CONFIG, tmp_path / "raw", tmp_path / "one")
    prepare(CONFIG, read_shards(read_by(tmp_path / "raw", tmp_path, 5), CONFIG), tmp_path / "merged")
    assert contents(tmp_path / "merged") == contents(tmp_path / "one")


def test_a_bad_row_stops_its_instance_with_the_message_of_one_and_leaves_no_shard(raw, tmp_path):
    config = replace(CONFIG, bad_rows=replace(CONFIG.bad_rows, broken_row="stop"))
    with pytest.raises(ValueError, match=r"a/b\.jsonl\.gz, row 61: found broken JSON") as alone:
        prepare(config, raw, tmp_path / "one")
    first, second = shares(raw, tmp_path, 2)
    hosts = ("algo-1", "algo-2")
    write_shard(config, first, tmp_path / "shards", Cluster("algo-1", hosts))
    with pytest.raises(ValueError, match=re.escape(str(alone.value))):
        write_shard(config, second, tmp_path / "shards", Cluster("algo-2", hosts))
    assert [path.name for path in (tmp_path / "shards").iterdir()] == ["algo-1"]


def test_a_duplicate_across_shards_stops_with_the_message_of_one(raw, tmp_path):
    config = replace(CONFIG, bad_rows=replace(CONFIG.bad_rows, duplicate_id="stop"))
    with pytest.raises(ValueError, match=r"found the id .* of a-b.jsonl, row") as alone:
        prepare(config, raw, tmp_path / "one")
    shards = read_shards(read_by(raw, tmp_path, 3, config), config)
    with pytest.raises(ValueError, match=re.escape(str(alone.value))):
        prepare(config, shards, tmp_path / "merged")


def test_instances_without_a_data_file_make_the_demonstration_set(tmp_path):
    write_jsonl(tmp_path / "raw" / ".hidden", [])
    prepare(CONFIG, tmp_path / "raw", tmp_path / "one")
    prepare(CONFIG, read_shards(read_by(tmp_path / "raw", tmp_path, 2), CONFIG), tmp_path / "merged")
    assert contents(tmp_path / "merged") == contents(tmp_path / "one")
    assert [path.name for path in (tmp_path / "shards" / "algo-2").iterdir()] == [MARKER]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda shards: (shards / "algo-2" / MARKER).unlink(), "found no readable shard.json in algo-2"),
        (lambda shards: shutil.rmtree(shards / "algo-2"), "found the shards algo-1, expected those of algo-1, algo-2"),
        (lambda shards: shutil.rmtree(shards) or shards.mkdir(), "found no shard in shards"),
        (
            lambda shards: (shards / "algo-1" / "spool" / "rows.npz").unlink(),
            "found algo-1/spool/rows.npz absent or changed",
        ),
        (
            lambda shards: os.truncate(shards / "algo-2" / "spool" / "signatures" / "signatures.bin", 128),
            "found algo-2/spool/signatures/signatures.bin absent or changed",
        ),
    ],
)
def test_a_shard_that_is_not_whole_is_refused(raw, tmp_path, damage, said):
    shards = read_by(raw, tmp_path, 2)
    read_shards(shards, CONFIG)
    damage(shards)
    with pytest.raises(ValueError, match=said):
        read_shards(shards, CONFIG)


def test_shards_of_other_settings_are_refused(raw, tmp_path):
    shards = read_by(raw, tmp_path, 2)
    with pytest.raises(ValueError, match=r"found algo-1 read with another data.text_field, data.seed"):
        read_shards(shards, replace(CONFIG, seed=14, text_field="comment"))


def test_a_file_that_two_instances_have_read_is_refused(raw, tmp_path):
    for host in ("algo-1", "algo-2"):
        write_shard(CONFIG, raw, tmp_path / "shards", Cluster(host, ("algo-1", "algo-2")))
    with pytest.raises(ValueError, match=r"found a/b.jsonl.gz in algo-1 and algo-2, expected each file in one shard"):
        read_shards(tmp_path / "shards", CONFIG)


def test_a_shard_is_not_written_twice_and_the_hub_is_not_shared_out(raw, tmp_path):
    read_by(raw, tmp_path, 2)
    with pytest.raises(ValueError, match="found algo-2 in shards, expected no shard of this instance yet"):
        write_shard(CONFIG, raw, tmp_path / "shards", Cluster("algo-2", ("algo-1", "algo-2")))
    with pytest.raises(ValueError, match="the Hub is read by one instance"):
        write_shard(replace(CONFIG, source="hub:a/b@c"), raw, tmp_path / "other", Cluster("algo-1", ("algo-1",)))


def test_the_commands_take_the_instance_from_sagemaker_and_the_shards_from_each_other(
    raw, tmp_path, monkeypatch, capsys
):
    config = tmp_path / "moderation.yaml"
    kinds = ", ".join(f"{kind}: drop" for kind in vars(BadRows()))
    config.write_text(f"data: {{labels_field: labels, minimum_positives: 2, bad_rows: {{{kinds}}}}}\n")
    for number, share in enumerate(shares(raw, tmp_path, 2), start=1):
        base = tmp_path / f"ml-{number}"
        (base / "config").mkdir(parents=True)
        resources = {"current_host": f"algo-{number}", "hosts": ["algo-1", "algo-2"]}
        (base / "config" / "resourceconfig.json").write_text(json.dumps(resources))
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
        arguments = ["--config", str(config), "--input", str(share), "--output", str(tmp_path / "shards")]
        assert main(arguments) == 0
    assert main(arguments) == 1
    assert (base / "output" / "message").read_text().startswith("ValueError: --output: found algo-2")
    assert "shard algo-2 of 2: 3 files" in capsys.readouterr().out
    arguments = ["--config", str(config), "--shards", str(tmp_path / "shards"), "--output", str(tmp_path / "merged")]
    assert preparation.main(arguments) == 0
    prepare(CONFIG, raw, tmp_path / "one")
    assert contents(tmp_path / "merged") == contents(tmp_path / "one")
