"""Where providers are and how we sign in: encrypted where a secret travels, and never repeated in an error."""

from __future__ import annotations

import pytest

from cli.channels import channels_of
from settings import Settings, SettingsError, Smtp

FROM = {"DIVERSION_SMTP_FROM": "notices@county.example"}


def smtp(url, **more):
    """Return what the environment makes of a URL."""
    return Settings.from_environment({"DIVERSION_SMTP_URL": url, **FROM, **more}).smtp


def test_without_a_url_there_is_no_mail_server():
    """Notices stay in the outbox."""
    assert Settings.from_environment({}).smtp is None
    assert Settings.from_environment({"DIVERSION_SMTP_URL": " "}).smtp is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://127.0.0.1:1025", ("127.0.0.1", 1025, "none", None, None)),
        ("smtp://mail.example", ("mail.example", 25, "none", None, None)),
        ("smtp://u:p%40s@mail.example?starttls=1", ("mail.example", 587, "starttls", "u", "p@s")),
        ("smtps://u:p@mail.example", ("mail.example", 465, "implicit", "u", "p")),
        ("smtp://u:p@localhost:25", ("localhost", 25, "none", "u", "p")),
    ],
)
def test_a_url_says_where_and_how(url, expected):
    """Port and encryption follow from the scheme; special characters are written as %XX."""
    found = smtp(url)
    assert found is not None
    assert (found.host, found.port, found.tls, found.username, found.password) == expected
    assert found.sender == "notices@county.example"


def test_the_password_may_come_from_a_file(tmp_path):
    """As secrets are mounted; its last line break does not count."""
    file = tmp_path / "password"
    file.write_text("secret-word\n")
    found = smtp("smtps://u@mail.example", DIVERSION_SMTP_PASSWORD_FILE=str(file))
    assert found is not None
    assert found.password == "secret-word"


@pytest.mark.parametrize(
    ("url", "more", "variable"),
    [
        ("http://mail.example", {}, "DIVERSION_SMTP_URL"),
        ("smtp://", {}, "DIVERSION_SMTP_URL"),
        ("smtp://mail.example:99999", {}, "DIVERSION_SMTP_URL"),
        ("smtp://mail.example?starttls=maybe", {}, "DIVERSION_SMTP_URL"),
        ("smtps://mail.example?starttls=1", {}, "DIVERSION_SMTP_URL"),
        ("smtp://u:secret-word@mail.example", {}, "DIVERSION_SMTP_URL"),
        ("smtps://u@mail.example", {}, "DIVERSION_SMTP_URL"),
        ("smtps://u:secret-word@mail.example", {"DIVERSION_SMTP_PASSWORD_FILE": "x"}, "DIVERSION_SMTP_PASSWORD_FILE"),
        ("smtps://u@mail.example", {"DIVERSION_SMTP_PASSWORD_FILE": "/nowhere"}, "DIVERSION_SMTP_PASSWORD_FILE"),
        ("smtp://mail.example", {"DIVERSION_SMTP_FROM": ""}, "DIVERSION_SMTP_FROM"),
        ("smtp://mail.example", {"DIVERSION_SMTP_FROM": "a@b.example\r\nBcc: c@d.example"}, "DIVERSION_SMTP_FROM"),
    ],
)
def test_what_cannot_be_used_is_refused_without_being_repeated(url, more, variable):
    """The error names the variable and the remedy, never the value: it may hold a password."""
    with pytest.raises(SettingsError) as caught:
        smtp(url, **more)
    assert caught.value.variable == variable
    assert "secret-word" not in str(caught.value)


def test_a_password_stands_in_no_repr():
    """Settings are shown by `doctor` and in logs."""
    settings = Settings.from_environment({"DIVERSION_SMTP_URL": "smtps://u:secret-word@mail.example", **FROM})
    shown = repr(settings) + repr(Smtp(host="h", port=1, tls="none", sender="a@b.c", password="secret-word"))
    assert "secret-word" not in shown


@pytest.fixture
def secret(tmp_path):
    """Return a function that writes a file with a secret."""

    def written(name, content="secret-word\n"):
        file = tmp_path / name
        file.write_text(content)
        return str(file)

    return written


def all_of(secret):
    """Return an environment with every provider."""
    return {
        "DIVERSION_SMTP_URL": "smtp://mail.example",
        **FROM,
        "DIVERSION_SMS_URL": "https://sms.example/county/",
        "DIVERSION_SMS_SECRET_FILE": secret("sms"),
        "DIVERSION_SMS_SIGNATURE": "【青山县教体局】",
        "DIVERSION_WECOM_CORP_ID": "ww0001",
        "DIVERSION_WECOM_AGENT_ID": "1000002",
        "DIVERSION_WECOM_SECRET_FILE": secret("wecom"),
        "DIVERSION_WECOM_ROBOT_KEY_FILE": secret("robot"),
        "DIVERSION_DINGTALK_ROBOT_TOKEN_FILE": secret("token"),
        "DIVERSION_DINGTALK_ROBOT_SECRET_FILE": secret("sign", "SECabc"),
    }


def test_every_provider_of_the_settings_is_a_channel(secret):
    """What readers see as the sender is known without asking anybody; nothing is opened."""
    settings = Settings.from_environment(all_of(secret))
    channels = channels_of(settings)
    assert {name: (channel.traits.name, channel.traits.sender) for name, channel in channels.items()} == {
        "wecom": ("wecom", "WeCom 1000002"),
        "sms": ("sms", "【青山县教体局】"),
        "email": ("email", "notices@county.example"),
        "wecom_robot": ("wecom_robot", "WeCom robot"),
        "dingtalk_robot": ("dingtalk_robot", "DingTalk robot"),
    }
    assert settings.sms is not None
    assert (settings.sms.url, settings.sms.secret) == ("https://sms.example/county", b"secret-word")
    assert settings.wecom is not None
    assert (settings.wecom.url, settings.wecom.agent_id) == ("https://qyapi.weixin.qq.com", 1000002)
    assert settings.dingtalk_robot is not None
    assert (settings.dingtalk_robot.url, settings.dingtalk_robot.secret) == ("https://oapi.dingtalk.com", "SECabc")
    assert channels_of(Settings.from_environment({})) == {}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DIVERSION_SMS_URL", "http://sms.example"),
        ("DIVERSION_SMS_URL", "https://user:secret-word@sms.example"),
        ("DIVERSION_SMS_URL", "https://sms.example/?key=secret-word"),
        ("DIVERSION_SMS_URL", "https://sms.example/#secret-word"),
        ("DIVERSION_SMS_URL", "https://sms.example/a b"),
        ("DIVERSION_SMS_URL", "https://sms.example:99999"),
        ("DIVERSION_SMS_URL", "ftp://sms.example"),
        ("DIVERSION_SMS_URL", "sms.example"),
        ("DIVERSION_SMS_URL", ""),
        ("DIVERSION_SMS_SIGNATURE", ""),
        ("DIVERSION_SMS_SIGNATURE", "局"),
        ("DIVERSION_SMS_SIGNATURE", "青山县】教体局"),
        ("DIVERSION_SMS_SECRET_FILE", "/nowhere"),
        ("DIVERSION_SMS_SECRET_FILE", ""),
        ("DIVERSION_WECOM_URL", "http://wecom.example"),
        ("DIVERSION_WECOM_CORP_ID", "ww 1"),
        ("DIVERSION_WECOM_CORP_ID", ""),
        ("DIVERSION_WECOM_AGENT_ID", "one"),
        ("DIVERSION_WECOM_AGENT_ID", "١"),
        ("DIVERSION_WECOM_SECRET_FILE", "/nowhere"),
        ("DIVERSION_WECOM_ROBOT_URL", "http://wecom.example"),
        ("DIVERSION_WECOM_ROBOT_KEY_FILE", "/nowhere"),
        ("DIVERSION_DINGTALK_ROBOT_URL", "http://dingtalk.example"),
        ("DIVERSION_DINGTALK_ROBOT_TOKEN_FILE", ""),
        ("DIVERSION_DINGTALK_ROBOT_SECRET_FILE", ""),
        ("DIVERSION_DINGTALK_ROBOT_SECRET_FILE", "/nowhere"),
    ],
)
def test_a_provider_that_is_set_up_in_part_or_in_the_open_is_refused(secret, variable, value):
    """The error names the variable and the remedy; nothing is sent with half of a provider's settings."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**all_of(secret), variable: value})
    assert caught.value.variable == variable
    assert "secret-word" not in str(caught.value)


def test_a_secret_that_cannot_travel_is_refused(secret):
    """It becomes part of a URL or of a signature: one line, and nothing else."""
    for content in ("", "  \n", "secret-word\nand more", "secret-word\tand more"):
        with pytest.raises(SettingsError) as caught:
            Settings.from_environment({**all_of(secret), "DIVERSION_WECOM_SECRET_FILE": secret("wecom", content)})
        assert caught.value.variable == "DIVERSION_WECOM_SECRET_FILE"
        assert "secret-word" not in str(caught.value)


def test_plain_http_is_for_this_machine_alone(secret):
    """A simulator, or a proxy beside the worker that speaks TLS."""
    for url in ("http://127.0.0.1:8443", "http://localhost", "http://[::1]:1"):
        settings = Settings.from_environment({**all_of(secret), "DIVERSION_SMS_URL": url, "DIVERSION_WECOM_URL": url})
        assert settings.sms is not None
        assert settings.sms.url == url


def test_no_providers_secret_stands_in_a_repr(secret):
    """Settings are shown by `doctor` and in logs."""
    settings = Settings.from_environment(all_of(secret))
    shown = repr(settings) + "".join(map(repr, (settings.sms, settings.wecom, settings.wecom_robot)))
    shown += repr(settings.dingtalk_robot) + repr(channels_of(settings))
    assert "secret-word" not in shown
    assert "SECabc" not in shown
