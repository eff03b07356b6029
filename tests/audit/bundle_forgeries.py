"""What a forger does to the events of a bundle, one at a time: each way that the tamper tables try with every type.

A forgery takes the events' lines, the event's place among them, and the event, and changes the lines.
"""

from __future__ import annotations

import gzip
import json

from bundle_maker import Workshop, line_of, rehashed

from audit.bundle.writer import proofs
from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.merkle import Tree
from audit.verifier import verify_bundle as vb


def flip_a_byte(lines, at, event):
    """One bit in the middle of the line."""
    line = bytearray(lines[at])
    line[line.index(b'"data":') + 9] ^= 1
    lines[at] = bytes(line)


def change_and_rehash_the_row(lines, at, event):
    """Another reason, and a hash that fits it."""
    lines[at] = line_of(rehashed(event | {"data": event["data"] | {"forged": 1}}))


def rehash_the_tail(lines, at, event):
    """Another content, and every hash after it anew: the chain holds."""
    change_and_rehash_the_row(lines, at, event)
    chain_anew(lines, at)


def chain_anew(lines, at):
    """Hash the rest of an event's stream anew."""
    last = json.loads(lines[at])
    for number in range(at + 1, len(lines)):
        later = json.loads(lines[number])
        if later["stream"] == last["stream"]:
            last = rehashed(later, last["hash"])
            lines[number] = line_of(last)


def change_the_clock(lines, at, event):
    """Another hour of the record, hashed anew to the end."""
    lines[at] = line_of(rehashed(event | {"recorded_at": event["recorded_at"].replace("+08:00", "+08:01")}))


def change_the_hour_it_happened(lines, at, event):
    """Another hour, and nothing else."""
    lines[at] = line_of(event | {"occurred_at": event["occurred_at"].replace("+08:00", "+08:01")})


def drop(lines, at, event):
    """One event less."""
    del lines[at]


def swap(lines, at, event):
    """Two neighbours in each other's place."""
    other = at + 1 if at + 1 < len(lines) else at - 1
    lines[at], lines[other] = lines[other], lines[at]


def repeat(lines, at, event):
    """One event twice."""
    lines.insert(at, lines[at])


def insert(lines, at, event):
    """One event more, chained to the one before; those after it stay as they are."""
    more = event | {"version": event["version"] + 1}
    lines.insert(at + 1, line_of(rehashed(more, event["hash"])))


def cut_the_tail(lines, at, event):
    """A stream that ends before the event."""
    lines[at:] = [line for line in lines[at:] if json.loads(line)["stream"] != event["stream"]]


def fork(lines, at, event):
    """A second event of the same version beside the first."""
    lines.insert(at + 1, line_of(rehashed(event | {"data": event["data"] | {"forged": 1}})))


def write_it_otherwise(lines, at, event):
    """The same JSON with a space."""
    lines[at] = lines[at].replace(b'"data":', b'"data": ', 1)


OF_EVENTS = (
    flip_a_byte,
    change_and_rehash_the_row,
    rehash_the_tail,
    change_the_clock,
    change_the_hour_it_happened,
    drop,
    swap,
    repeat,
    insert,
    cut_the_tail,
    fork,
    write_it_otherwise,
)


# -- around it ------------------------------------------------------------------------------------------------------


def change_its_history(shop, event):
    """Change what the workflow handed to the ledger, and make the history's digest fit; the event itself stays."""
    index = shop.json(vb.HISTORIES)
    (row,) = (
        row
        for row in index
        if row["workflow_id"] == event["stream"] and row["first_version"] <= event["version"] <= row["last_version"]
    )
    history = json.loads(gzip.decompress(shop.members[row["member"]]))
    (payload,) = history["events"][1]["activityTaskScheduledEventAttributes"]["input"]["payloads"]
    request = json.loads(vb.base64.b64decode(payload["data"]))
    (said,) = (one for one in request["events"] if one["version"] == event["version"])
    said["data"]["forged"] = 1
    payload["data"] = vb.base64.b64encode(json.dumps(request).encode()).decode()
    text = json.dumps(history).encode()
    shop.members[row["member"]] = gzip.compress(text, compresslevel=1, mtime=0)
    row |= {"digest": vb._sha256(text).hexdigest(), "size": len(text)}
    shop.put(vb.HISTORIES, index)


def without_histories(shop):
    """Leave all histories out: what they would say against the events is not there."""
    shop.put(vb.HISTORIES, [])
    shop.members = {name: data for name, data in shop.members.items() if not name.startswith("histories/")}


def signed_anew(shop, signer):
    """Let somebody sign everything: the first key, every head over the events as they are now, and the proofs."""
    sizes = sorted(int(name[len("heads/") : -len(".note")]) for name in shop.members if name.startswith("heads/"))
    tree = Tree(map(vb.leaf_hash, shop.lines))
    shop.members[vb.KEYS] = f"{signer.public}\n".encode()
    for size in sizes:
        point = Checkpoint(shop.origin, size, tree.root(size))
        shop.members[f"heads/{size:012d}.note"] = bytes(sign_checkpoint(point, signer))
    shop.put(vb.PROOFS, proofs(sizes, tree))


def light(path):
    """Return a workshop without what only readers need: thousands of bundles are written."""
    shop = Workshop(path)
    for name in ("schemas.json", "glossary.json"):
        del shop.members[name]
    shop.members[vb.PROGRAM] = b"-"
    return shop


def places_near(lines, at, event, forgery):
    """Return what may be named for an event that was forged: it, its neighbours in the stream, or its line."""
    near = {f"{event['stream']}#{event['version'] + step}" for step in (-1, 0, 1)} | {line_at(at)}
    return near | _beside(lines, at) if forgery is swap else near


def first_said(lines, at, event, forgery):
    """Return what may be said first of an event that has others of its stream behind it: its code and its place.

    It is the event where it no longer fits itself, its history or the number before it, and the one behind it where
    that no longer follows. Where the next line is of another stream, two that were swapped stand in a wrong order, and
    a fork ends its stretch of the stream.
    """
    own, behind = (f"{event['stream']}#{event['version'] + step}" for step in (0, 1))
    said = {
        flip_a_byte: {("EVENT_HASH", own), ("EVENT_FORM", line_at(at))},
        change_and_rehash_the_row: {("EVENT_CHAIN", behind)},
        rehash_the_tail: {("HISTORY_EVENTS", own)},
        change_the_clock: {("EVENT_CHAIN", behind)},
        change_the_hour_it_happened: {("EVENT_HASH", own)},
        drop: {("EVENT_GAP", behind)},
        repeat: {("EVENT_GAP", own)},
        insert: {("EVENT_GAP", behind)},
        cut_the_tail: {("HISTORY_EVENTS", own)},
        write_it_otherwise: {("EVENT_HASH", own)},
    }
    if json.loads(lines[at + 1])["stream"] == event["stream"]:
        said |= {swap: {("EVENT_GAP", behind)}, fork: {("EVENT_CHAIN", behind)}}
    else:
        said |= {swap: {("EVENT_ORDER", name) for name in _beside(lines, at) | {own}}, fork: {("EVENT_GAP", own)}}
    return said[forgery]


def line_at(at):
    """Return how an event is named that cannot be read."""
    return f"{vb.EVENTS} line {at + 1}"


def _beside(lines, at):
    """Return the events beside a place of the list, and those behind them in their streams."""
    beside = [json.loads(lines[number]) for number in (at - 1, at + 1) if 0 <= number < len(lines)]
    return {f"{event['stream']}#{event['version'] + step}" for event in beside for step in (0, 1)}
