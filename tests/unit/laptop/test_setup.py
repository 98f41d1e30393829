import pytest

from laptop import setup
from laptop.setup import PROVIDER, PROVIDER_VERSION, choose_provider_source, find_mirror, write_makefile_fragment
from release.toolchain import install
from release.toolchain.install import MissingTool


def test_an_unpacked_and_a_packed_mirror_are_found_and_another_version_is_not(tmp_path):
    provider = PROVIDER
    (tmp_path / "old" / provider / "5.99.0" / install.this_platform()).mkdir(parents=True)
    (tmp_path / "unpacked" / provider / PROVIDER_VERSION / install.this_platform()).mkdir(parents=True)
    (tmp_path / "packed" / provider).mkdir(parents=True)
    archive = f"terraform-provider-aws_{PROVIDER_VERSION}_{install.this_platform()}.zip"
    (tmp_path / "packed" / provider / archive).touch()
    assert find_mirror([tmp_path / "old"]) is None
    assert find_mirror([tmp_path / "old", tmp_path / "unpacked"]) == tmp_path / "unpacked"
    assert find_mirror([tmp_path / "packed"]) == tmp_path / "packed"


def test_without_registry_and_mirror_the_error_says_how_to_make_one(monkeypatch):
    monkeypatch.setattr(setup, "registry_is_reachable", lambda: False)
    monkeypatch.setattr(setup, "mirror_roots", lambda: [])
    with pytest.raises(MissingTool, match="terraform providers mirror"):
        choose_provider_source()


def test_the_registry_is_preferred_to_a_mirror(monkeypatch, tmp_path):
    monkeypatch.setattr(setup, "registry_is_reachable", lambda: True)
    monkeypatch.setattr(setup, "mirror_roots", lambda: [tmp_path])
    assert choose_provider_source() is None


@pytest.mark.parametrize("mirror", [None, "mirror"])
def test_make_learns_where_the_provider_comes_from(tmp_path, mirror):
    fragment = tmp_path / "toolchain.mk"
    write_makefile_fragment(fragment, mirror and tmp_path / mirror, tmp_path / "cache")
    expected = f"TF_CLI_ARGS_init := -plugin-dir={tmp_path / 'mirror'}" if mirror else "TF_PLUGIN_CACHE_DIR := "
    assert expected in fragment.read_text()
