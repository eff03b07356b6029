"""The one typed façade over running campaigns; every face of the system uses it.

A command returns when the ledger holds what it led to: whoever reads afterwards reads their own writes (section 3).
"""

from client.actors import actor_for, stand_in_for, stream_of
from client.closing import left_open
from client.errors import MismatchError, NotFoundError, NotRecordedError, UnreachableError
from client.facade import CampaignClient, Launched, Recalled, RecalledLabel
from client.reading import work_list
from client.stepping import SteppedSending

__all__ = [
    "CampaignClient",
    "Launched",
    "MismatchError",
    "NotFoundError",
    "NotRecordedError",
    "Recalled",
    "RecalledLabel",
    "SteppedSending",
    "UnreachableError",
    "actor_for",
    "left_open",
    "stand_in_for",
    "stream_of",
    "work_list",
]
