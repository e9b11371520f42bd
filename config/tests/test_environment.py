"""Environment variables are read strictly: what is not understood stops the start."""

import ipaddress
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment as env

Environment = pytest.MonkeyPatch
STRONG = "kV3mQ9xT7bN1cL5zR8wY2dF6hJ0pS4gA"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: Environment) -> None:
    for name in ("THING", "THING_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("word", ["1", "true", "True", "TRUE", "yes", "on", " true "])
def test_these_words_are_true(monkeypatch: Environment, word: str) -> None:
    monkeypatch.setenv("THING", word)
    assert env.boolean("THING", default=False) is True


@pytest.mark.parametrize("word", ["0", "false", "False", "FALSE", "no", "off"])
def test_these_words_are_false(monkeypatch: Environment, word: str) -> None:
    monkeypatch.setenv("THING", word)
    assert env.boolean("THING", default=True) is False


@pytest.mark.parametrize("word", ["maybe", "2", "t", "None", "-1", "truee"])
def test_no_other_word_is_a_truth_value(monkeypatch: Environment, word: str) -> None:
    monkeypatch.setenv("THING", word)
    with pytest.raises(ImproperlyConfigured, match="THING must be true or false"):
        env.boolean("THING", default=True)


@pytest.mark.parametrize("default", [True, False])
def test_an_empty_value_counts_as_not_set(monkeypatch: Environment, default: bool) -> None:
    monkeypatch.setenv("THING", "")
    assert env.boolean("THING", default=default) is default
    assert env.text("THING", "otherwise") == "otherwise"
    assert env.integer("THING", default=5, minimum=1, maximum=9) == 5


@pytest.mark.parametrize("value", ["1", "9", " 5 ", "05"])
def test_a_whole_number_in_its_range_is_read(monkeypatch: Environment, value: str) -> None:
    monkeypatch.setenv("THING", value)
    assert env.integer("THING", default=2, minimum=1, maximum=9) == int(value)


@pytest.mark.parametrize("value", ["0", "10", "-1", "+5", "5.0", "1_0", "٥", "five", "0x5", "5 s", "5e0"])
def test_any_other_number_is_refused(monkeypatch: Environment, value: str) -> None:
    monkeypatch.setenv("THING", value)
    with pytest.raises(ImproperlyConfigured, match="THING must be a whole number from 1 to 9"):
        env.integer("THING", default=2, minimum=1, maximum=9)


def test_a_list_is_split_at_commas_and_blanks_are_dropped(monkeypatch: Environment) -> None:
    monkeypatch.setenv("THING", " a, b ,,c ")
    assert env.words("THING") == ["a", "b", "c"]


def test_proxies_are_addresses_networks_or_a_unix_socket(monkeypatch: Environment) -> None:
    monkeypatch.setenv("THING", "10.0.0.0/8, 192.0.2.1, 2001:db8::/32")
    networks = [ipaddress.ip_network(network) for network in ("10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32")]
    assert env.proxies("THING") == (networks, False)
    monkeypatch.setenv("THING", "unix, 10.0.0.0/8")
    assert env.proxies("THING") == (networks[:1], True)


@pytest.mark.parametrize("value", ["proxy.example", "10.0.0.0/33", "10.0.0.1/8", "*", "10.0.0.0/8;10.1.0.0/16"])
def test_anything_else_is_no_proxy(monkeypatch: Environment, value: str) -> None:
    monkeypatch.setenv("THING", value)
    with pytest.raises(ImproperlyConfigured, match="THING"):
        env.proxies("THING")


def test_a_choice_is_one_of_those_offered(monkeypatch: Environment) -> None:
    assert env.choice("THING", ["a", "b"], default="b") == "b"
    monkeypatch.setenv("THING", "a")
    assert env.choice("THING", ["a", "b"], default="b") == "a"
    monkeypatch.setenv("THING", "c")
    with pytest.raises(ImproperlyConfigured, match="THING must be one of a, b"):
        env.choice("THING", ["a", "b"], default="b")


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_can_hold_the_value(monkeypatch: Environment, tmp_path: Path, ending: str) -> None:
    file = tmp_path / "thing"
    file.write_bytes(f" of the file {ending}".encode())
    monkeypatch.setenv("THING_FILE", str(file))
    assert env.text("THING") == " of the file "


def test_every_kind_of_value_can_come_from_a_file(monkeypatch: Environment, tmp_path: Path) -> None:
    file = tmp_path / "thing"
    monkeypatch.setenv("THING_FILE", str(file))
    file.write_text("true\n")
    assert env.boolean("THING", default=False) is True
    file.write_text("7\n")
    assert env.integer("THING", default=1, minimum=1, maximum=9) == 7
    file.write_text(f"{STRONG}\n")
    assert env.secret("THING", debug=False) == STRONG


def test_the_value_and_the_file_together_are_refused(monkeypatch: Environment, tmp_path: Path) -> None:
    (tmp_path / "thing").write_text("x")
    monkeypatch.setenv("THING", "y")
    monkeypatch.setenv("THING_FILE", str(tmp_path / "thing"))
    with pytest.raises(ImproperlyConfigured, match="Set either THING or THING_FILE, not both"):
        env.text("THING")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"], ids=["missing", "empty", "blank", "not UTF-8"])
def test_a_file_that_holds_no_value_is_refused(monkeypatch: Environment, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "thing"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("THING_FILE", str(file))
    with pytest.raises(ImproperlyConfigured, match="THING_FILE names"):
        env.text("THING", "a default does not help")


def test_what_must_be_set_says_so() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Set THING \(or THING_FILE\)"):
        env.text("THING")


@pytest.mark.parametrize(
    "value",
    [
        "short",
        STRONG[:31],
        "a" * 64,
        "abcabc" * 10,
        "django-insecure-" + STRONG,
        "change-me-" + STRONG,
        "CHANGEME" + STRONG,
        "insecure" + STRONG,
        env.DEVELOPMENT_SECRET + "SECRET_KEY",
    ],
)
def test_a_weak_secret_is_refused_in_production_without_being_shown(monkeypatch: Environment, value: str) -> None:
    monkeypatch.setenv("THING", value)
    with pytest.raises(ImproperlyConfigured, match="THING is too weak") as refusal:
        env.secret("THING", debug=False)
    assert value not in str(refusal.value)
    assert env.secret("THING", debug=True) == value


def test_a_missing_secret_is_refused_in_production_and_stood_in_for_in_development() -> None:
    with pytest.raises(ImproperlyConfigured, match="Set THING"):
        env.secret("THING", debug=False)
    assert env.secret("THING", debug=True) != env.secret("OTHER_THING", debug=True)


def test_an_env_file_is_read_and_the_real_environment_wins(monkeypatch: Environment, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('THING="of the file # no comment" # a comment\nOTHER_THING=also\n')
    monkeypatch.delenv("ENV_FILE", raising=False)
    monkeypatch.setenv("OTHER_THING", "of the environment")
    env.load_env_file(tmp_path)
    assert env.text("THING") == "of the file # no comment"
    assert env.text("OTHER_THING") == "of the environment"
