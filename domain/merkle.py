"""The Merkle tree hash of RFC 6962, section 2.1, over SHA-256: leaves, inner nodes, and the root of what was appended.

A leaf's hash begins with the byte 0x00 and an inner node's with 0x01, so that no leaf can pass for a node. Trees that
are kept, proofs and their verification are the audit's (`audit.merkle`); a day of the journal needs its root alone.

Only the standard library is used: an auditor's office PC has nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

HASH_BYTES: Final = 32
"""Length of every leaf hash, node and root."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

_sha256: Final = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return _sha256(b"\x01" + left + right).digest()


def are_hashes(nodes: Iterable[bytes]) -> bool:
    """Tell whether each of these has a hash's length."""
    return all(len(node) == HASH_BYTES for node in nodes)


class Edge:
    """A growing tree's right edge: the roots of its complete subtrees, the largest first. O(log n) memory.

    It gives the root of what was appended so far, and no proofs. Kept beside a head, it lets the next head be made of
    the new leaves alone: that it is the head's own shows in its root.

    Attributes:
        size: how many leaves there are.
    """

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Begin with nothing, or go on from where a tree has come to.

        Raises:
            ValueError: a tree of that size has other than so many complete subtrees, or one is no hash of 32 bytes.
        """
        if size < 0 or len(peaks) != size.bit_count() or not are_hashes(peaks):
            raise ValueError(f"these are not the peaks of a tree of {size} leaves")
        self.size = size
        self._peaks = list(peaks)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Return the roots of the complete subtrees, the largest first: one for each bit that is set in the size."""
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash.

        Raises:
            ValueError: it is no hash of 32 bytes.
        """
        if len(leaf) != HASH_BYTES:
            raise ValueError(f"a leaf hash has {HASH_BYTES} bytes, not {len(leaf)}")
        full = self.size  # each low bit that is set is a complete subtree that the new node completes a larger one with
        peaks = self._peaks
        while full & 1:
            leaf = node_hash(peaks.pop(), leaf)
            full >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        found = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            found = node_hash(peak, found)
        return found
