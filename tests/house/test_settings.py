import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from settings import Settings, SettingsError


def test_without_any_variable_everything_is_local_and_chinese():
    """An empty environment gives the embedded engine, files under var/ and the county's language."""
    settings = Settings.from_environment({})
    assert settings.data == Path("var")
    assert settings.engine_address is None
    assert settings.namespace == "default"
    assert settings.ledger_url == "sqlite+aiosqlite:///var/ledger.db"
    assert settings.registry_url == "sqlite+aiosqlite:///var/registry.db"
    assert (settings.lang, settings.log_level) == ("zh", "INFO")


def test_every_variable_is_honoured():
    """Each documented variable ends in its field."""
    settings = Settings.from_environment(
        {
            "DIVERSION_DATA": "/srv/county",
            "DIVERSION_ENGINE": "temporal:7233",
            "DIVERSION_NAMESPACE": "county-36.1",
            "DIVERSION_LEDGER_URL": "postgresql+asyncpg://diversion:word@postgres/ledger",
            "DIVERSION_REGISTRY_URL": "postgresql+asyncpg://diversion:word@postgres/registry",
            "DIVERSION_LANG": "en",
            "DIVERSION_LOG_LEVEL": "debug",
            "DIVERSION_SECOND_PROCESS": "No",
        }
    )
    assert settings == Settings(
        data=Path("/srv/county"),
        engine_address="temporal:7233",
        namespace="county-36.1",
        ledger_url="postgresql+asyncpg://diversion:word@postgres/ledger",
        registry_url="postgresql+asyncpg://diversion:word@postgres/registry",
        lang="en",
        log_level="DEBUG",
        second_process=False,
    )


def test_an_option_wins_over_its_variable(tmp_path):
    """`--data` and `--lang` are nearer to the person than the environment."""
    environ = {"DIVERSION_DATA": "elsewhere", "DIVERSION_LANG": "zh"}
    settings = Settings.from_environment(environ, data=tmp_path, lang="en")
    assert (settings.data, settings.lang) == (tmp_path, "en")
    assert settings.ledger_url == f"sqlite+aiosqlite:///{tmp_path}/ledger.db"


def test_an_absolute_data_directory_keeps_its_leading_slash():
    """SQLAlchemy needs four slashes for an absolute file; three would be relative to the working directory."""
    url = Settings.from_environment({"DIVERSION_DATA": "/srv/county"}).ledger_url
    assert url == "sqlite+aiosqlite:////srv/county/ledger.db"


def test_a_variable_set_to_nothing_is_not_set():
    """Compose files pass unset variables on as empty ones."""
    names = ("DATA", "ENGINE", "NAMESPACE", "LEDGER_URL", "REGISTRY_URL", "LANG", "LOG_LEVEL")
    assert Settings.from_environment({f"DIVERSION_{name}": " " for name in names}) == Settings.from_environment({})


@pytest.mark.parametrize(
    ("locale", "lang"),
    [
        ("zh_CN.UTF-8", "zh"),
        ("zh", "zh"),
        ("en_GB.UTF-8", "en"),
        ("en", "en"),
        ("en@quot", "en"),
        ("C.UTF-8", "zh"),
        ("POSIX", "zh"),
        ("", "zh"),
        ("de_DE", "zh"),
        ("english", "zh"),
    ],
)
def test_the_language_follows_the_machine_where_it_is_spoken(locale, lang):
    """LANG chooses zh or en; any other locale gets the county's language and is no error."""
    assert Settings.from_environment({"LANG": locale}).lang == lang


@pytest.mark.parametrize("address", ["localhost:7233", "10.0.0.7:1", "[::1]:65535", "temporal-frontend.county:7233"])
def test_an_engine_address_is_host_and_port(address):
    """Names, IPv4 and bracketed IPv6 are taken as they are."""
    assert Settings.from_environment({"DIVERSION_ENGINE": address}).engine_address == address


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DIVERSION_ENGINE", "localhost"),
        ("DIVERSION_ENGINE", "localhost:0"),
        ("DIVERSION_ENGINE", "localhost:65536"),
        ("DIVERSION_ENGINE", "http://localhost:7233"),
        ("DIVERSION_ENGINE", ":7233"),
        ("DIVERSION_ENGINE", "::1:7233"),
        ("DIVERSION_ENGINE", "localhost:7233/x"),
        ("DIVERSION_ENGINE", "localhost:\N{FULLWIDTH DIGIT SEVEN}233"),
        ("DIVERSION_NAMESPACE", "县"),
        ("DIVERSION_NAMESPACE", "two words"),
        ("DIVERSION_LEDGER_URL", "ledger.db"),
        ("DIVERSION_LEDGER_URL", "sqlite:///ledger.db"),
        ("DIVERSION_LEDGER_URL", "sqlite+aiosqlite://"),
        ("DIVERSION_REGISTRY_URL", "postgresql://somebody@host/registry"),
        ("DIVERSION_LANG", "fr"),
        ("DIVERSION_LOG_LEVEL", "LOUD"),
        ("DIVERSION_SECOND_PROCESS", "2"),
        ("DIVERSION_DATA", "what?"),
        ("DIVERSION_DATA", "~nobody-has-this-name/var"),
    ],
)
def test_a_bad_value_names_the_variable_and_the_remedy(variable, value):
    """What cannot be used is refused at the start, in a sentence for the person who set it."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({variable: value})
    assert isinstance(caught.value, ValueError)
    assert caught.value.variable == variable
    assert str(caught.value).startswith(f"{variable} ")
    assert caught.value.remedy
    assert str(caught.value).endswith(caught.value.remedy)


def test_a_bad_option_is_named_as_the_option(tmp_path):
    """Who typed `--lang` or `--data` is not sent to look for a variable."""
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SettingsError, match=r"^--lang "):
        Settings.from_environment({}, lang="fr")
    with pytest.raises(SettingsError, match=r"^--data .* not a directory"):
        Settings.from_environment({}, data=file)


def test_ledger_and_registry_never_share_a_database():
    """The only store with personal data stays apart from the one that is kept for ever."""
    url = "postgresql+asyncpg://diversion:word@postgres/one"
    with pytest.raises(SettingsError, match="same database"):
        Settings.from_environment({"DIVERSION_LEDGER_URL": url, "DIVERSION_REGISTRY_URL": url})


def test_a_password_appears_in_no_message():
    """A database URL may hold a password: neither an error nor a printed Settings shows it."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"DIVERSION_LEDGER_URL": "postgresql://diversion:s3cret@host/ledger"})
    assert "s3cret" not in str(caught.value)
    fine = Settings.from_environment({"DIVERSION_LEDGER_URL": "postgresql+asyncpg://diversion:s3cret@host/ledger"})
    assert "s3cret" not in f"{fine!r} {fine}"


def test_settings_do_not_change():
    """A process keeps the settings it was started with."""
    settings = Settings.from_environment({})
    with pytest.raises(ValidationError):
        settings.lang = "en"


def test_importing_the_settings_loads_nothing_heavy():
    """`--help` must not pay for the engine or the database."""
    code = (
        "import sys, settings; "
        "print(sorted({'temporalio', 'sqlalchemy', 'structlog', 'cyclopts', 'domain'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
