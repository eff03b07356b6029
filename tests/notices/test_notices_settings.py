"""The mail server's address: encrypted where a password travels, and never repeated in an error."""

from __future__ import annotations

import pytest

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
