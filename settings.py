"""What a deployment decides: the one place where the project reads its environment variables.

Imports nothing of ours and nothing heavy, so that every process may import it and ``--help`` stays instant.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field

Language = Literal["zh", "en"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

_LANGUAGES: Final[tuple[str, ...]] = get_args(Language)
_LOG_LEVELS: Final[tuple[str, ...]] = get_args(LogLevel)
_DRIVERS: Final = ("sqlite+aiosqlite", "postgresql+asyncpg")
_HOST: Final = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"(?:{_HOST}):(?P<port>[0-9]{{1,5}})")
_NAMESPACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HIGHEST_PORT: Final = 65535


class SettingsError(ValueError):
    """A setting that cannot be used.

    Never repeats the value of a database URL, which may hold a password.

    Attributes:
        variable: the environment variable or option to change.
        remedy: what to write there instead.
    """

    def __init__(self, variable: str, problem: str, remedy: str) -> None:
        super().__init__(f"{variable} {problem}. {remedy}")
        self.variable = variable
        self.remedy = remedy


class Settings(BaseModel):
    """The configuration of one process, fixed from its start to its end.

    Attributes:
        data: data directory (engine's file, ledger, registry, archive); need not exist yet.
        engine_address: ``host:port`` of a Temporal server; ``None`` means the embedded one.
        namespace: Temporal namespace.
        ledger_url: SQLAlchemy URL of the ledger.
        registry_url: SQLAlchemy URL of the registry, never the ledger's own.
        lang: language of what people read.
        log_level: least severe level that is logged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path
    engine_address: str | None
    namespace: str
    ledger_url: str = Field(repr=False)
    registry_url: str = Field(repr=False)
    lang: Language
    log_level: LogLevel

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, data: Path | None = None, lang: str | None = None) -> Self:
        """Read the settings; a variable that is set and empty counts as not set.

        Args:
            environ: usually ``os.environ``.
            data: the ``--data`` option, which wins over ``DIVERSION_DATA``.
            lang: the ``--lang`` option, which wins over ``DIVERSION_LANG`` and ``LANG``.

        Raises:
            SettingsError: a value cannot be used; names the variable and the remedy.
        """
        directory = _data(environ, data)
        ledger_url = _database(environ, "DIVERSION_LEDGER_URL", directory / "ledger.db")
        registry_url = _database(environ, "DIVERSION_REGISTRY_URL", directory / "registry.db")
        if ledger_url == registry_url:
            raise SettingsError(
                "DIVERSION_REGISTRY_URL",
                "names the same database as DIVERSION_LEDGER_URL",
                "Personal data lives apart from the record, so that a family can be forgotten: give it its own.",
            )
        return cls(
            data=directory,
            engine_address=_engine_address(environ),
            namespace=_namespace(environ),
            ledger_url=ledger_url,
            registry_url=registry_url,
            lang=_lang(environ, lang),
            log_level=_log_level(environ),
        )


def _value(environ: Mapping[str, str], variable: str) -> str | None:
    return environ.get(variable, "").strip() or None


def _data(environ: Mapping[str, str], option: Path | None) -> Path:
    name, given = ("--data", option) if option is not None else ("DIVERSION_DATA", _value(environ, "DIVERSION_DATA"))
    try:
        path = Path(given or "var").expanduser()
    except RuntimeError:
        raise SettingsError(name, f"is {str(given)!r}, which is nobody's home", "Write the path in full.") from None
    if path.exists() and not path.is_dir():
        raise SettingsError(name, f"is {str(path)!r}, which is not a directory", "Name a directory, new or existing.")
    if "?" in str(path):
        raise SettingsError(name, f"is {str(path)!r}", "A database URL cannot hold '?': name a directory without it.")
    return path


def _engine_address(environ: Mapping[str, str]) -> str | None:
    value = _value(environ, "DIVERSION_ENGINE")
    if value is None:
        return None
    match = _ADDRESS.fullmatch(value)
    if match is None or not 0 < int(match["port"]) <= _HIGHEST_PORT:
        raise SettingsError(
            "DIVERSION_ENGINE",
            f"is {value!r}, which is not host:port",
            "Write for example localhost:7233, without http://, or unset it for the embedded engine.",
        )
    return value


def _namespace(environ: Mapping[str, str]) -> str:
    value = _value(environ, "DIVERSION_NAMESPACE") or "default"
    if _NAMESPACE.fullmatch(value) is None:
        raise SettingsError(
            "DIVERSION_NAMESPACE",
            f"is {value!r}",
            "A Temporal namespace has ASCII letters, digits, '.', '_' and '-' only, and starts with a letter or digit.",
        )
    return value


def _database(environ: Mapping[str, str], variable: str, default: Path) -> str:
    value = _value(environ, variable)
    if value is None:
        return f"sqlite+aiosqlite:///{default.as_posix()}"
    driver, separator, rest = value.partition("://")
    if driver not in _DRIVERS or not separator or not rest.strip("/"):
        raise SettingsError(
            variable,
            "is no database URL that can be used here",
            "Write sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE.",
        )
    return value


def _lang(environ: Mapping[str, str], option: str | None) -> Language:
    for name, value in (("--lang", option), ("DIVERSION_LANG", _value(environ, "DIVERSION_LANG"))):
        if value is not None:
            if value not in _LANGUAGES:
                raise SettingsError(name, f"is {value!r}", f"Choose one of: {', '.join(_LANGUAGES)}.")
            return cast("Language", value)
    # LANG belongs to the machine: a language we do not speak (or C) is no mistake, and gets the county's own.
    spoken = re.split(r"[_.@]", environ.get("LANG", ""), maxsplit=1)[0].lower()
    return cast("Language", spoken) if spoken in _LANGUAGES else "zh"


def _log_level(environ: Mapping[str, str]) -> LogLevel:
    value = (_value(environ, "DIVERSION_LOG_LEVEL") or "INFO").upper()
    if value not in _LOG_LEVELS:
        raise SettingsError("DIVERSION_LOG_LEVEL", f"is {value!r}", f"Choose one of: {', '.join(_LOG_LEVELS)}.")
    return cast("LogLevel", value)
