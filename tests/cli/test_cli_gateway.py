"""`gateway serve` before it serves: what is missing is said, and nothing is made anew that letters depend on."""

import asyncio
import socket

import pytest
from cli_in_process import command_line

from gateway.codes import Gateway
from gateway.keys import load_shared_secret


@pytest.fixture
def run(monkeypatch, capsys):
    """The command line."""
    return command_line(monkeypatch, capsys)


@pytest.fixture
def data(tmp_path):
    """A data directory from which letters went out."""

    async def make():
        await (await Gateway.open(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", tmp_path / "gateway.key")).close()

    asyncio.run(make())
    return tmp_path


def test_a_directory_without_letters_serves_nobody(run, tmp_path):
    """A new gateway would know no code."""
    told = run("gateway", "serve", "--port", "0", "--data", tmp_path, "--json")
    assert (told.code, told.json["error"]["code"]) == (4, "NO_CODES_HERE")
    assert not (tmp_path / "gateway.db").exists()


def test_a_short_secret_is_no_secret(run, data):
    """Whoever wrote it by hand is told how long it must be; the file stays as it is."""
    secret = data / "own.key"
    secret.write_text("password\n")
    told = run("gateway", "serve", "--port", "0", "--secret-file", secret, "--data", data, "--json")
    assert (told.code, told.json["error"]["code"]) == (2, "SECRET_TOO_SHORT")
    assert secret.read_text() == "password\n"


def test_a_port_that_somebody_has_is_named(run, data):
    """With what to do about it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = run("gateway", "serve", "--port", port, "--data", data, "--json")
    assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (6, "PORT_UNAVAILABLE", str(port))


@pytest.mark.parametrize("command", [("gateway", "serve"), ("up",)])
@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_there_cannot_be_is_wrong_usage(run, data, command, port):
    """Said before anything is opened."""
    told = run(*command, f"--port={port}", "--data", data, "--json")
    assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (2, "PORT_INVALID", "--port")


def test_one_provider_has_one_secret_for_all_ways(run, data, monkeypatch):
    """Where text messages go out, the secret of that way is taken and none is made; a file that is named goes first."""
    own, named = data / "provider.key", data / "named.key"
    monkeypatch.setenv("DIVERSION_SMS_URL", "https://sms.county.invalid")
    monkeypatch.setenv("DIVERSION_SMS_SIGNATURE", "青山县教体局")
    monkeypatch.setenv("DIVERSION_SMS_SECRET_FILE", str(own))
    own.write_text("too short\n")
    serve = ("gateway", "serve", "--data", data, "--json", "--port")
    told = run(*serve, "0").json["error"]
    assert (told["code"], told["place"]) == ("SECRET_TOO_SHORT", "DIVERSION_SMS_SECRET_FILE")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(*serve, port, "--secret-file", named).json["error"]["code"] == "PORT_UNAVAILABLE"
        assert named.exists()
        own.write_text("0123456789abcdef" * 4)
        assert run(*serve, port).json["error"]["code"] == "PORT_UNAVAILABLE"
    assert not (data / "sms.key").exists()


def test_the_shared_secret_is_made_once_and_is_its_owners(tmp_path):
    """Text that can be handed to the provider; white space at the ends does not belong to it."""
    place = tmp_path / "sms.key"
    secret = load_shared_secret(place)
    assert load_shared_secret(place) == secret
    assert (len(secret), place.stat().st_mode & 0o077) == (64, 0)
    place.write_bytes(b"  " + secret + b"\r\n")
    assert load_shared_secret(place) == secret
