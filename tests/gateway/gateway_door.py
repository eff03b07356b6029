"""The endpoint for text messages on a free port, what stands behind it in tests, and a provider's client."""

import asyncio
import http.client
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace

from gateway_samples import CAMPAIGN, IN_TIME, PUPIL, SCHOOL, letters, sqlite_url

from domain.signing import SIGNATURE, TIMESTAMP, sign
from domain.time import stamp
from gateway import inbound, sms
from gateway.inbound import Delivered, Family, SmsDesk
from gateway.serving import serving

SECRET = b"shared with the provider, in tests only"
OWN = sms.number_digest(SECRET, "10012345678")
STRANGE = sms.number_digest(SECRET, "10099999999")


class House:
    """The rest of the house, as far as the endpoint asks: it notes what it was given."""

    def __init__(self):
        self.acts, self.traces, self.reports, self.wishes = [], [], [], []
        self.telephones = {PUPIL: [OWN]}
        self.key_refused = self.act_refused = self.report_refused = self.wish_refused = self.fault = None
        self.events = {"withdraw": ("ConsentWithdrawn",)}
        self.slow = 0.0

    async def require_own_key(self, campaign):
        """Know one campaign."""
        assert campaign == CAMPAIGN
        if self.key_refused:
            raise self.key_refused

    async def numbers(self, student, _person):
        """Return a family's numbers."""
        return self.telephones.get(student, [])

    async def families(self, number):
        """Return whose numbers these are."""
        found = [student for student, numbers in self.telephones.items() if number in numbers]
        return [Family(CAMPAIGN, SCHOOL, student, "gdn_" + student[4:]) for student in found]

    async def deliver(self, signed, command_id):
        """Take an act once."""
        await asyncio.sleep(self.slow)
        if self.fault:
            raise self.fault
        self.acts.append((command_id, signed))
        return Delivered(self.act_refused, self.events.get(signed.act, ()))

    async def put_on_record(self, binding, refusal, command_id):
        """Keep a trace."""
        self.traces.append((binding.student, refusal.code, command_id))

    async def report_withdrawal(self, family, command_id):
        """Take a report."""
        self.reports.append((family.student, command_id))
        return self.report_refused

    async def set_optional(self, family, command_id, *, wanted):
        """Take a wish about optional notices."""
        if self.fault:
            raise self.fault
        self.wishes.append((family.student, family.person, wanted, command_id))
        return self.wish_refused


@asynccontextmanager
async def door(folder, opened):
    """Serve a gateway that has sent both families' letters."""
    gateway = await opened(sqlite_url(folder / "gateway.db"))
    house = House()
    clock = SimpleNamespace(now=IN_TIME + timedelta(minutes=1))
    desk = SmsDesk(gateway, house, now=lambda: clock.now)
    endpoint = inbound.route(SECRET, desk, now=lambda: clock.now)
    guardian, pupil = await letters(gateway)
    async with serving([endpoint], 0) as port:

        async def post(body, *, timestamp=None, signature=None, path=inbound.PATH, method="POST"):
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            when = str(int((timestamp or clock.now).timestamp()))
            signed = sign(SECRET, when, raw) if signature is None else signature
            headers = {TIMESTAMP: when, SIGNATURE: signed}
            return await asyncio.to_thread(request, port, method, path, raw, headers)

        async def send(text, message_id="m-1", at=IN_TIME, **more):
            status, told = await post({"message_id": message_id, "text": text, "received_at": stamp(at), **more})
            assert status == 200, told
            return told

        yield SimpleNamespace(
            gateway=gateway, house=house, clock=clock, post=post, send=send, guardian=guardian, pupil=pupil, port=port
        )


def request(port, method, path, raw, headers):
    """Call an endpoint; return the status, and the answer as it was meant."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, raw, headers)
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text[:1] == b"{" else text.decode()
    finally:
        connection.close()


def body(**more):
    """Return a message that would be answered."""
    return {"message_id": "m-1", "text": "TD", "received_at": stamp(IN_TIME), **more}
