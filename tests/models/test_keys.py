"""Keys are kept on the server and never shown again."""

import json
import os
import stat
import threading

import pytest

from jupyter_agent_ext.errors import BadRequestError, NotFoundError, StoreError
from jupyter_agent_ext.models.keys import KeyStore


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_is_kept_for_its_owner_only(tmp_path):
    path = tmp_path / "data" / "agent" / "keys.json"
    KeyStore(path, {}).set("openai", "sk-1")
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert KeyStore(path, {}).secret("openai") == "sk-1"


def test_only_names_are_listed(tmp_path):
    keys = KeyStore(tmp_path / "keys.json", {"GEMINI_API_KEY": "from-env"})
    keys.set("openai", "sk-secret")
    assert keys.stored() == ["openai"]
    assert keys.sources() == {"openai": "stored", "gemini": "environment"}
    assert "secret" not in repr(keys)
    assert "from-env" not in str(keys.sources())


def test_a_stored_key_wins_over_the_environment(tmp_path):
    keys = KeyStore(tmp_path / "keys.json", {"OPENAI_API_KEY": "env"})
    assert keys.source("openai") == "environment"
    assert keys.secret("openai") is None
    keys.set("openai", "mine")
    assert keys.source("openai") == "stored"
    assert keys.secret("openai") == "mine"


def test_a_deleted_key_is_gone_from_the_file(tmp_path):
    keys = KeyStore(tmp_path / "keys.json", {})
    keys.set("openai", "sk-1")
    keys.set("mistral", "mk-2")
    keys.delete("openai")
    assert "sk-1" not in keys.path.read_text()
    assert keys.stored() == ["mistral"]
    with pytest.raises(NotFoundError):
        keys.delete("openai")


def test_a_provider_that_needs_more_than_a_key_is_not_ready_with_the_key_alone(tmp_path):
    assert KeyStore(tmp_path / "k", {"AZURE_API_KEY": "x"}).source("azure") is None
    both = {"AZURE_API_KEY": "x", "AZURE_API_BASE": "https://example.invalid"}
    assert KeyStore(tmp_path / "k", both).source("azure") == "environment"


@pytest.mark.parametrize("provider", ["", "../x", "Open AI", "a" * 65, "é"])
def test_a_wrong_provider_is_refused(tmp_path, provider):
    with pytest.raises(BadRequestError):
        KeyStore(tmp_path / "keys.json", {}).set(provider, "k")


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "x" * 4097, "schlüssel"])
def test_a_wrong_key_is_refused_and_not_repeated(tmp_path, key):
    with pytest.raises(BadRequestError) as caught:
        KeyStore(tmp_path / "keys.json", {}).set("openai", key)
    assert not key or key not in json.dumps(caught.value.to_json(), ensure_ascii=False)
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize("content", ["{broken sk-secret", '["sk-secret"]', '{"openai": 5}', ""])
def test_a_damaged_file_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_text(content)
    keys = KeyStore(path, {})
    for act in (keys.stored, lambda: keys.set("openai", "k"), lambda: keys.delete("openai")):
        with pytest.raises(StoreError, match="damaged") as caught:
            act()
        assert "sk-secret" not in f"{caught.value.to_json()} {caught.value.__cause__}"
    assert path.read_text() == content


def test_a_file_that_others_could_read_is_made_private(tmp_path, caplog):
    keys = KeyStore(tmp_path / "keys.json", {})
    keys.set("openai", "sk-secret")
    keys.path.chmod(0o644)
    assert keys.stored() == ["openai"]
    assert mode(keys.path) == 0o600
    assert "could be read by others" in caplog.text
    assert "sk-secret" not in caplog.text


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be"):
        KeyStore(tmp_path / "file" / "keys.json", {}).set("openai", "k")


def test_a_failed_write_leaves_the_old_keys_and_no_rubbish(tmp_path):
    keys = KeyStore(tmp_path / "keys.json", {})
    keys.set("openai", "sk-1")
    keys.path.unlink()
    keys.path.mkdir()
    with pytest.raises(StoreError):
        keys.set("mistral", "mk")
    assert os.listdir(tmp_path) == ["keys.json"]


def test_keys_set_at_once_are_all_kept(tmp_path):
    keys = KeyStore(tmp_path / "keys.json", {})
    names = [f"p{n}" for n in range(16)]
    threads = [threading.Thread(target=keys.set, args=(name, f"k-{name}")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys.stored() == sorted(names)
