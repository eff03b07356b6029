"""The settings of heads that sign themselves."""

from pathlib import Path

import pytest

from cli.ways_out import providers
from settings import Settings, SettingsError

KEY = {"DIVERSION_AUDIT_KEY": "/secret/audit.key"}
SMTP = {"DIVERSION_SMTP_URL": "smtp://localhost:8025", "DIVERSION_SMTP_FROM": "notices@education.example"}
OUTSIDE = {"DIVERSION_HEADS_DIR": "/share/heads", "DIVERSION_HEADS_MAIL_TO": "records@superior.example"}


def test_each_setting_ends_in_its_field_and_goes_to_the_worker(monkeypatch, tmp_path):
    """Paths in full: the worker runs in another directory than whoever has set them."""
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({**KEY, **SMTP, **OUTSIDE})
    assert (settings.audit_key, settings.heads_dir) == (Path("/secret/audit.key"), Path("/share/heads"))
    assert settings.heads_mail_to == "records@superior.example"
    assert Settings.from_environment({"DIVERSION_AUDIT_KEY": "own.key"}).audit_key == tmp_path / "own.key"
    nothing = Settings.from_environment({})
    assert (nothing.audit_key, nothing.heads_dir, nothing.heads_mail_to) == (None, None, None)
    assert providers({**KEY, **OUTSIDE, "DIVERSION_DATA": "x"}) == {**KEY, **OUTSIDE}


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"DIVERSION_HEADS_DIR": "/share"}, "DIVERSION_HEADS_DIR"),
        ({**SMTP, "DIVERSION_HEADS_MAIL_TO": "records@superior.example"}, "DIVERSION_HEADS_MAIL_TO"),
        ({**KEY, "DIVERSION_HEADS_MAIL_TO": "records@superior.example"}, "DIVERSION_HEADS_MAIL_TO"),
        ({**KEY, **SMTP, "DIVERSION_HEADS_MAIL_TO": "nobody\r\nBcc: x@y.example"}, "DIVERSION_HEADS_MAIL_TO"),
    ],
    ids=["no key for the directory", "no key for the mail", "no mail server", "no address"],
)
def test_a_place_outside_that_no_head_would_reach_is_refused(environ, variable):
    """Rather now than by a silence that nobody notices."""
    with pytest.raises(SettingsError) as error:
        Settings.from_environment(environ)
    assert error.value.variable == variable
