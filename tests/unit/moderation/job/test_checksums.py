import hashlib

from moderation.job.checksums import directory_sha256, file_sha256


def test_every_file_below_a_directory_has_its_hash_in_the_order_of_the_paths(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"two")
    (tmp_path / "a").write_bytes(b"one")
    expected = {"a": hashlib.sha256(b"one").hexdigest(), "b/c": hashlib.sha256(b"two").hexdigest()}
    assert list(directory_sha256(tmp_path).items()) == list(expected.items())
    assert file_sha256(tmp_path / "a") == expected["a"]
