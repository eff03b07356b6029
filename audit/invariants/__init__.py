"""The invariants of DOMAIN §8.2 as functions over the log: what no sequence of events may ever show (FEATURES A18).

A decider refuses what breaks a rule; these functions ask the record itself whether one was broken, and share no guard
with the deciders. So an error in a decider, a forged event and a log of an older release are all found alike.
"""

from __future__ import annotations

from audit.invariants.catalogue import INVARIANTS, NOT_CHECKABLE
from audit.invariants.check import Checked, CheckReport, check_campaign, check_log
from audit.invariants.log import Log
from audit.invariants.rule import Invariant

__all__ = [
    "INVARIANTS",
    "NOT_CHECKABLE",
    "CheckReport",
    "Checked",
    "Invariant",
    "Log",
    "check_campaign",
    "check_log",
]
