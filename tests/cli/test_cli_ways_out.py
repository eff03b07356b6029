"""The channels of an installation on its faces: which there are, whether they can be reached, what waits in them."""

from contextlib import asynccontextmanager
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console, Group

from cli.channels import channels_of
from cli.doctor import _channels
from cli.status_channels import channels_data, channels_shown
from cli.ways_out import providers, ways_out
from domain.notices import BY_PEOPLE, CHANNELS
from domain.time import instant
from ledger.handover import Backlog
from notices.channels import ChannelAwayError
from settings import Settings, SettingsError

NOW = instant("2025-03-10T09:00:00+08:00")


@pytest.fixture
def everything(tmp_path):
    """The environment of an installation with every provider."""
    secret = tmp_path / "secret"
    secret.write_text("not-a-real-secret")
    secret.chmod(0o600)
    files = ("SMS_SECRET", "WECOM_SECRET", "WECOM_ROBOT_KEY", "DINGTALK_ROBOT_TOKEN", "DINGTALK_ROBOT_SECRET")
    return {
        "DIVERSION_SMTP_URL": "smtp://localhost:8025",
        "DIVERSION_SMTP_FROM": "notices@education.example",
        "DIVERSION_SMS_URL": "https://sms.example",
        "DIVERSION_SMS_SIGNATURE": "青山教育",
        "DIVERSION_WECOM_CORP_ID": "ww0000000000000000",
        "DIVERSION_WECOM_AGENT_ID": "1000002",
        **{f"DIVERSION_{name}_FILE": str(secret) for name in files},
        "DIVERSION_METRICS": "127.0.0.1:9464",
        "DIVERSION_LANG": "en",
    }


def test_every_provider_with_settings_has_a_dispatcher_and_with_it_people_do(everything, tmp_path):
    """What the faces start is what the worker has channels for, with calls and letters; without a provider nothing."""
    settings = Settings.from_environment(everything, data=tmp_path)
    assert set(ways_out(settings)) == {*channels_of(settings), *BY_PEOPLE} == set(CHANNELS)
    only_mail = {name: value for name, value in everything.items() if "SMTP" in name}
    assert ways_out(Settings.from_environment(only_mail, data=tmp_path)) == ("email", *BY_PEOPLE)
    assert ways_out(Settings.from_environment({}, data=tmp_path)) == ()


def test_the_worker_gets_what_it_needs_to_send_and_nothing_else(everything):
    """`up` hands on the providers' settings; everything else of a worker's environment is its house's."""
    handed = providers({**everything, "DIVERSION_LEDGER_URL": "x", "HOME": "/"})
    assert handed == {name: value for name, value in everything.items() if name != "DIVERSION_LANG"}


@pytest.mark.parametrize("value", ["9464", "localhost:", "localhost:0", "http://localhost:9464", "localhost:99999"])
def test_where_the_worker_is_measured_is_a_host_and_a_port(value, tmp_path):
    """Anything else is said before the worker starts."""
    with pytest.raises(SettingsError, match="DIVERSION_METRICS"):
        Settings.from_environment({"DIVERSION_METRICS": value}, data=tmp_path)
    assert Settings.from_environment({"DIVERSION_METRICS": "localhost:9464"}, data=tmp_path).metrics == "localhost:9464"


class Provider:
    """A provider that is there, or away with a code."""

    def __init__(self, code=None):
        self.code = code

    @asynccontextmanager
    async def session(self):
        """Connect."""
        if self.code is not None:
            raise ChannelAwayError(self.code)
        yield self


async def test_a_doctor_names_the_providers_that_cannot_be_reached():
    """One that is away makes the check fail, and says which; none at all is no fault and wants settings."""
    none = await _channels({})
    assert (none.ok, "docs/notices.md" in none.remedy) == (True, True)
    fine = await _channels({"email": Provider()})
    assert (fine.ok, fine.detail) == (True, "email: OK")
    bad = await _channels({"email": Provider(), "sms": Provider("SMS_SIGNATURE_REFUSED")})
    assert (bad.ok, bad.detail) == (False, "email: OK, sms: SMS_SIGNATURE_REFUSED")
    assert "sms" in bad.remedy
    assert "email" not in bad.remedy


def backlog(channel, **figures):
    """Return one channel's figures."""
    none = dict.fromkeys(("waiting", "held", "listed", "in_flight", "dead", "unknown", "segments"), 0)
    return Backlog(**{"channel": channel, "oldest_due_at": None, **none, **figures})


def printed(*shown):
    """Return what a person reads."""
    console = Console(file=StringIO(), width=200)
    console.print(Group(*shown))
    return console.file.getvalue()


def test_status_tells_what_waits_how_long_and_what_is_shut():
    """A channel in which nothing waits has no line; the oldest waits since it was due."""
    rows = [
        backlog("", waiting=2),
        backlog("email", waiting=3, dead=1, oldest_due_at=NOW - timedelta(minutes=90)),
        backlog("sms"),
        backlog("phone", listed=4),
    ]
    data = channels_data(rows, NOW)
    assert set(data) == {"unrouted", "email", "sms", "phone"}
    assert data["email"]["lag_seconds"] == 5400
    assert data["email"]["oldest_due_at"] == "2025-03-10T07:30:00.000+08:00"
    assert (data["phone"]["listed"], data["phone"]["lag_seconds"]) == (4, None)
    kill = {"scope_kind": "channel", "scope": "sms", "reason": "TWICE_SENT", "since": "2025-03-10T08:00:00+08:00"}
    text = printed(*channels_shown(data, [kill]))
    assert "1:30:00" in text
    assert "TWICE_SENT" in text
    assert len([line for line in text.splitlines() if line.startswith("│")]) == 3
    assert channels_shown(channels_data([backlog("email")], NOW), []) == []


def test_nothing_is_late_by_our_clock_in_a_stepped_campaign():
    """Its notices are due in a year of its own."""
    data = channels_data([backlog("email", waiting=1, oldest_due_at=NOW - timedelta(days=400))], None)
    assert data["email"]["lag_seconds"] is None
