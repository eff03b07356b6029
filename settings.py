"""What a deployment decides: the one place where the project reads its environment variables.

Imports nothing of ours and nothing heavy, so that every process may import it and ``--help`` stays instant.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self, cast, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

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
_SENDER: Final = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_SMTP_PORTS: Final = {"smtp": 25, "smtps": 465}
_SUBMISSION_PORT: Final = 587
_SIGNATURE: Final = re.compile(r"[A-Za-z0-9\u4e00-\u9fff]{2,12}")
_WECOM_URL: Final = "https://qyapi.weixin.qq.com"
_DINGTALK_URL: Final = "https://oapi.dingtalk.com"
_SECOND_PROCESS: Final[Mapping[str, bool | None]] = {"auto": None, "yes": True, "no": False}
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class SettingsError(ValueError):
    """A setting that cannot be used.

    Never repeats the value of a URL that may hold a password.

    Attributes:
        variable: the environment variable or option to change.
        remedy: what to write there instead.
    """

    def __init__(self, variable: str, problem: str, remedy: str) -> None:
        super().__init__(f"{variable} {problem}. {remedy}")
        self.variable = variable
        self.remedy = remedy


class _Fixed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Smtp(_Fixed):
    """The mail server that notices go out through.

    Attributes:
        tls: ``implicit`` (``smtps://``), ``starttls`` (``?starttls=1``, never skipped) or ``none``.
        username, password: to sign in with; the password may come from a file.
        sender: the address that notices come from.
    """

    host: str
    port: int
    tls: Literal["none", "starttls", "implicit"]
    sender: str
    username: str | None = None
    password: str | None = Field(default=None, repr=False)


class SmsGateway(_Fixed):
    """The gateway that text messages go out through.

    Attributes:
        url: ``https``; everything before the paths of docs/notices.md.
        secret: what requests to it, and receipts from it, are signed with.
        signature: as registered with the carriers, without brackets.
    """

    url: str
    secret: bytes = Field(repr=False)
    signature: str


class WecomApplication(_Fixed):
    """The county's application in WeCom.

    Attributes:
        corp_id: of the company as which the bureau is registered.
        agent_id: the application's number.
    """

    url: str
    corp_id: str
    agent_id: int
    secret: str = Field(repr=False)


class WecomRobot(_Fixed):
    """A robot in a WeCom group of staff; whoever knows its key may speak there."""

    url: str
    key: str = Field(repr=False)


class DingtalkRobot(_Fixed):
    """A robot in a DingTalk group of staff; its webhook has a token, and each call is signed with the secret."""

    url: str
    token: str = Field(repr=False)
    secret: str = Field(repr=False)


class Settings(_Fixed):
    """The configuration of one process, fixed from its start to its end.

    Attributes:
        data: data directory (engine's file, ledger, registry, archive); need not exist yet.
        engine_address: ``host:port`` of a Temporal server; ``None`` means the embedded one.
        namespace: Temporal namespace.
        ledger_url: SQLAlchemy URL of the ledger.
        registry_url: SQLAlchemy URL of the registry, never the ledger's own.
        gateway_url: SQLAlchemy URL of the family gateway's codes, a database of its own.
        gateway_key: file of the family gateway's secret; only the gateway's process needs it.
        lang: language of what people read.
        log_level: least severe level that is logged.
        smtp: mail server; ``None`` means that no notice goes by e-mail.
        sms, wecom, wecom_robot, dingtalk_robot: the other providers, each ``None`` where none is set up.
        metrics: ``host:port`` where the worker answers Prometheus; ``None`` means nowhere.
        audit_key: file of the key that signs heads by itself; ``None`` signs none. Best on another disk than the data.
        heads_dir: where each of these heads is written as a file; ``None`` means nowhere.
        heads_mail_to: whom they are mailed to, as the superior bureau; ``None`` means nobody.
        second_process: whether the worker has letters written in a process of its own; ``None`` lets the machine and
            the providers decide.
    """

    data: Path
    engine_address: str | None
    namespace: str
    ledger_url: str = Field(repr=False)
    registry_url: str = Field(repr=False)
    gateway_url: str = Field(default_factory=lambda known: _file_url(known["data"] / "gateway.db"), repr=False)
    gateway_key: Path = Field(default_factory=lambda known: known["data"] / "gateway.key")
    lang: Language
    log_level: LogLevel
    smtp: Smtp | None = Field(default=None, repr=False)
    sms: SmsGateway | None = None
    wecom: WecomApplication | None = None
    wecom_robot: WecomRobot | None = None
    dingtalk_robot: DingtalkRobot | None = None
    metrics: str | None = None
    audit_key: Path | None = None
    heads_dir: Path | None = None
    heads_mail_to: str | None = None
    second_process: bool | None = None

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
        gateway_url = _database(environ, "DIVERSION_GATEWAY_URL", directory / "gateway.db")
        if gateway_url in (ledger_url, registry_url):
            raise SettingsError(
                "DIVERSION_GATEWAY_URL",
                "names the same database as the ledger or the registry",
                "Whoever runs the engine must not hold what families act with: give the gateway its own.",
            )
        return cls(
            data=directory,
            engine_address=_engine_address(environ),
            namespace=_namespace(environ),
            ledger_url=ledger_url,
            registry_url=registry_url,
            gateway_url=gateway_url,
            gateway_key=Path(_value(environ, "DIVERSION_GATEWAY_KEY_FILE") or directory / "gateway.key"),
            lang=_lang(environ, lang),
            log_level=_log_level(environ),
            smtp=_smtp(environ),
            metrics=_metrics(environ),
            sms=_sms(environ),
            wecom=_wecom(environ),
            wecom_robot=_wecom_robot(environ),
            dingtalk_robot=_dingtalk_robot(environ),
            audit_key=_path(environ, "DIVERSION_AUDIT_KEY"),
            heads_dir=_heads_dir(environ),
            heads_mail_to=_heads_mail_to(environ),
            second_process=_second_process(environ),
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


def _metrics(environ: Mapping[str, str]) -> str | None:
    value = _value(environ, "DIVERSION_METRICS")
    if value is None:
        return None
    match = _ADDRESS.fullmatch(value)
    if match is None or not 0 < int(match["port"]) <= _HIGHEST_PORT:
        raise SettingsError(
            "DIVERSION_METRICS",
            f"is {value!r}, which is not host:port",
            "Write for example 127.0.0.1:9464; what answers there has no sign-in.",
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
        return _file_url(default)
    driver, separator, rest = value.partition("://")
    if driver not in _DRIVERS or not separator or not rest.strip("/"):
        raise SettingsError(
            variable,
            "is no database URL that can be used here",
            "Write sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE.",
        )
    return value


def _file_url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file.as_posix()}"


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


def _second_process(environ: Mapping[str, str]) -> bool | None:
    value = (_value(environ, "DIVERSION_SECOND_PROCESS") or "auto").lower()
    if value not in _SECOND_PROCESS:
        raise SettingsError(
            "DIVERSION_SECOND_PROCESS", f"is {value!r}", f"Choose one of: {', '.join(_SECOND_PROCESS)}."
        )
    return _SECOND_PROCESS[value]


def _smtp(environ: Mapping[str, str]) -> Smtp | None:
    value = _value(environ, "DIVERSION_SMTP_URL")
    if value is None:
        return None
    usual = "Write smtp://USER:PASSWORD@HOST:PORT?starttls=1 or smtps://USER:PASSWORD@HOST, special characters as %XX."
    try:
        url = urlsplit(value)
        port, query = url.port, dict(parse_qsl(url.query, strict_parsing=True) if url.query else [])
    except ValueError:
        raise SettingsError("DIVERSION_SMTP_URL", "is no URL of a mail server", usual) from None
    known = not query or query in ({"starttls": "0"}, {"starttls": "1"})
    if url.scheme not in _SMTP_PORTS or not url.hostname or url.path.strip("/") or url.fragment or not known:
        raise SettingsError("DIVERSION_SMTP_URL", "is no URL of a mail server", usual)
    starttls = query.get("starttls") == "1"
    if url.scheme == "smtps" and query:
        raise SettingsError("DIVERSION_SMTP_URL", "asks for TLS twice", "Leave ?starttls away: smtps:// is encrypted.")
    username = unquote(url.username) if url.username else None
    password = _smtp_password(environ, unquote(url.password) if url.password else None)
    if username is not None and password is None:
        raise SettingsError(
            "DIVERSION_SMTP_URL", "has a user and no password", "Add it, or DIVERSION_SMTP_PASSWORD_FILE."
        )
    if username is not None and url.scheme == "smtp" and not starttls and url.hostname not in _LOOPBACK:
        raise SettingsError(
            "DIVERSION_SMTP_URL", "would send a password unencrypted", "Add ?starttls=1, or write smtps://."
        )
    return Smtp(
        host=url.hostname,
        port=port or (_SUBMISSION_PORT if starttls else _SMTP_PORTS[url.scheme]),
        tls="implicit" if url.scheme == "smtps" else "starttls" if starttls else "none",
        sender=_smtp_sender(environ),
        username=username,
        password=password,
    )


def _smtp_password(environ: Mapping[str, str], in_url: str | None) -> str | None:
    file = _value(environ, "DIVERSION_SMTP_PASSWORD_FILE")
    if file is None:
        return in_url
    if in_url is not None:
        raise SettingsError(
            "DIVERSION_SMTP_PASSWORD_FILE", "is set, and the URL has a password too", "Keep one of them."
        )
    return _secret(environ, "DIVERSION_SMTP_PASSWORD_FILE")


def _smtp_sender(environ: Mapping[str, str]) -> str:
    value = _value(environ, "DIVERSION_SMTP_FROM")
    if value is None or _SENDER.fullmatch(value) is None:
        raise SettingsError(
            "DIVERSION_SMTP_FROM",
            "is no address" if value else "is not set, and DIVERSION_SMTP_URL is",
            "Write the address that notices come from, as notices@education.example.",
        )
    return value


def _sms(environ: Mapping[str, str]) -> SmsGateway | None:
    names = ("DIVERSION_SMS_URL", "DIVERSION_SMS_SECRET_FILE", "DIVERSION_SMS_SIGNATURE")
    if not _all_or_none(environ, *names):
        return None
    signature = (_value(environ, "DIVERSION_SMS_SIGNATURE") or "").removeprefix("【").removesuffix("】")
    if _SIGNATURE.fullmatch(signature) is None:
        raise SettingsError(
            "DIVERSION_SMS_SIGNATURE",
            "is no signature that carriers register",
            "Write 2 to 12 letters, digits or Chinese characters, as 青山县教体局.",
        )
    secret = _secret(environ, "DIVERSION_SMS_SECRET_FILE").encode()
    return SmsGateway(url=_provider_url(environ, "DIVERSION_SMS_URL", ""), secret=secret, signature=signature)


def _wecom(environ: Mapping[str, str]) -> WecomApplication | None:
    names = ("DIVERSION_WECOM_CORP_ID", "DIVERSION_WECOM_AGENT_ID", "DIVERSION_WECOM_SECRET_FILE")
    if not _all_or_none(environ, *names):
        return None
    corp_id, agent_id = _value(environ, names[0]) or "", _value(environ, names[1]) or ""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", corp_id) is None:
        raise SettingsError(
            names[0], "is no company's id", "Copy it from the management console, as ww1a2b3c4d5e6f7a8b."
        )
    if re.fullmatch(r"[0-9]{1,10}", agent_id) is None:
        raise SettingsError(names[1], "is no application's number", "Copy the AgentId from the console, as 1000002.")
    url = _provider_url(environ, "DIVERSION_WECOM_URL", _WECOM_URL)
    return WecomApplication(url=url, corp_id=corp_id, agent_id=int(agent_id), secret=_secret(environ, names[2]))


def _wecom_robot(environ: Mapping[str, str]) -> WecomRobot | None:
    if not _all_or_none(environ, "DIVERSION_WECOM_ROBOT_KEY_FILE"):
        return None
    url = _provider_url(environ, "DIVERSION_WECOM_ROBOT_URL", _WECOM_URL)
    return WecomRobot(url=url, key=_secret(environ, "DIVERSION_WECOM_ROBOT_KEY_FILE"))


def _dingtalk_robot(environ: Mapping[str, str]) -> DingtalkRobot | None:
    names = ("DIVERSION_DINGTALK_ROBOT_TOKEN_FILE", "DIVERSION_DINGTALK_ROBOT_SECRET_FILE")
    if not _all_or_none(environ, *names):
        return None
    url = _provider_url(environ, "DIVERSION_DINGTALK_ROBOT_URL", _DINGTALK_URL)
    return DingtalkRobot(url=url, token=_secret(environ, names[0]), secret=_secret(environ, names[1]))


def _path(environ: Mapping[str, str], variable: str) -> Path | None:
    """Return a path in full: the worker may run in another directory than whoever has set it."""
    value = _value(environ, variable)
    return None if value is None else Path(value).expanduser().absolute()


def _heads_dir(environ: Mapping[str, str]) -> Path | None:
    directory = _path(environ, "DIVERSION_HEADS_DIR")
    if directory is None:
        return None
    _require_audit_key(environ, "DIVERSION_HEADS_DIR")
    return directory


def _heads_mail_to(environ: Mapping[str, str]) -> str | None:
    address = _value(environ, "DIVERSION_HEADS_MAIL_TO")
    if address is None:
        return None
    _require_audit_key(environ, "DIVERSION_HEADS_MAIL_TO")
    if _SENDER.fullmatch(address) is None:
        raise SettingsError("DIVERSION_HEADS_MAIL_TO", "is no address", "Write one, as records@superior.example.")
    if _value(environ, "DIVERSION_SMTP_URL") is None:
        raise SettingsError("DIVERSION_HEADS_MAIL_TO", "is set, and no mail server is", "Set DIVERSION_SMTP_URL.")
    return address


def _require_audit_key(environ: Mapping[str, str], variable: str) -> None:
    if _value(environ, "DIVERSION_AUDIT_KEY") is None:
        raise SettingsError(
            variable, "is set, and no head is signed by itself", "Set DIVERSION_AUDIT_KEY, the key's file."
        )


def _all_or_none(environ: Mapping[str, str], *variables: str) -> bool:
    """Tell whether a provider is set up.

    Raises:
        SettingsError: only a part of its variables is set.
    """
    missing = [name for name in variables if _value(environ, name) is None]
    if 0 < len(missing) < len(variables):
        others = ", ".join(name for name in variables if name not in missing)
        raise SettingsError(missing[0], f"is not set, and {others} is", "Set all of a provider's variables, or none.")
    return not missing


def _provider_url(environ: Mapping[str, str], variable: str, default: str) -> str:
    value = _value(environ, variable) or default
    usual = "Write https://HOST or https://HOST/PATH, without user, query or fragment."
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        raise SettingsError(variable, "is no URL of a provider", usual) from None
    if (
        url.scheme not in ("http", "https")
        or not url.hostname
        or port == 0
        or "@" in url.netloc
        or set("?#\\ ") & set(value)
    ):
        raise SettingsError(variable, "is no URL of a provider", usual)
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        raise SettingsError(variable, "would send a secret unencrypted", "Write https://; http:// is for this machine.")
    return value.rstrip("/")


def _secret(environ: Mapping[str, str], variable: str) -> str:
    """Return what a file holds: one line, without the spaces around it.

    Raises:
        SettingsError: there is no such file, or nothing of that kind in it; what it holds is not repeated.
    """
    try:
        secret = Path(_value(environ, variable) or "").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        secret = ""
    if not secret or not secret.isprintable():
        usual = "Name a file that this process may read, with the secret alone in one line."
        raise SettingsError(variable, "names no file with a secret", usual)
    return secret
