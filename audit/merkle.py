"""The Merkle tree of RFC 6962, section 2.1, over SHA-256: roots, proofs and their verification.

Leaves are given by their hashes (`leaf_hash`), 32 bytes each. How a tree is hashed is `domain.merkle`'s: a day of the
ledger's journal is hashed as the events are. The two verifications follow RFC 9162, sections 2.1.3.2 and 2.1.4.2, step
by step: an answer is yes or no, whatever the proof is made of.

Only the standard library is used: an auditor's office PC has nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from domain.merkle import EMPTY_ROOT, HASH_BYTES, Edge, are_hashes, leaf_hash, node_hash

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Edge",
    "Tree",
    "leaf_hash",
    "node_hash",
    "verify_consistency",
    "verify_inclusion",
]

PAIR: Final = 2 * HASH_BYTES

_sha256: Final = hashlib.sha256


class Tree:
    """A tree with its complete nodes stored, 64 bytes for a leaf: every earlier root and every proof in O(log² n).

    Attributes:
        size: how many leaves there are.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        self.extend(leaves)

    @property
    def size(self) -> int:
        """Return how many leaves there are."""
        return len(self._levels[0]) // HASH_BYTES

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaves by their hashes, in order.

        Raises:
            ValueError: one is no hash of 32 bytes; none was added then.
        """
        fresh = list(leaves)
        if any(len(leaf) != HASH_BYTES for leaf in fresh):
            raise ValueError(f"a leaf hash has {HASH_BYTES} bytes")
        self._levels[0] += b"".join(fresh)
        height = 0
        while len(self._levels[height]) >= PAIR:
            if height + 1 == len(self._levels):
                self._levels.append(bytearray())
            level = self._levels[height + 1]
            below = bytes(self._levels[height][2 * len(level) :])  # what has no node above it yet
            pairs = range(0, len(below) - PAIR + 1, PAIR)
            level += b"".join([_sha256(b"\x01" + below[at : at + PAIR]).digest() for at in pairs])
            height += 1

    def root(self, size: int | None = None) -> bytes:
        """Return the root that the tree had when it had `size` leaves; of all of them by default.

        Raises:
            ValueError: it never had that size.
        """
        size = self._known(self.size if size is None else size)
        return self._range(0, size)

    def edge(self) -> Edge:
        """Return the right edge of all leaves, to be kept and gone on from."""
        return Edge(self.size, self._peaks(0, self.size))

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the audit path of a leaf in the tree of `size` leaves, from the leaf upwards (RFC 6962, 2.1.1).

        Raises:
            ValueError: that tree has no such leaf, or never was.
        """
        start, end = 0, self._known(self.size if size is None else size)
        if not 0 <= index < end:
            raise ValueError(f"a tree of {end} leaves has no leaf {index}")
        path: list[bytes] = []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the proof that the tree of `new` leaves begins with the one of `old` leaves (RFC 6962, 2.1.2).

        It is empty where the sizes are equal, and for an empty old tree, with which every tree begins.

        Raises:
            ValueError: the tree never had one of the sizes, or the old one is the larger.
        """
        start, end = 0, self._known(self.size if new is None else new)
        if not 0 <= old <= end:
            raise ValueError(f"no tree of {end} leaves begins with {old}")
        if old == 0:
            return []
        path: list[bytes] = []
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        if start:  # else it is the old root, which the verifier has
            path.append(self._range(start, end))
        return path[::-1]

    def _known(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"the tree has {self.size} leaves and never had {size}")
        return size

    def _node(self, height: int, index: int) -> bytes:
        at = index * HASH_BYTES
        return bytes(self._levels[height][at : at + HASH_BYTES])

    def _range(self, start: int, end: int) -> bytes:
        """Return the root over the leaves from `start` up to `end`; a proof cuts where `start` is aligned to that."""
        return Edge(end - start, self._peaks(start, end)).root()

    def _peaks(self, start: int, end: int) -> list[bytes]:
        peaks: list[bytes] = []
        left = end - start
        while left:
            height = left.bit_length() - 1
            peaks.append(self._node(height, start >> height))
            start += 1 << height
            left -= 1 << height
        return peaks


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a proof shows a leaf at its place in the tree of a head (RFC 9162, 2.1.3.2).

    A proof alone does not say how large the tree is: near the right edge trees of two sizes can give a leaf the same
    path. So size and root must come from one signed head, never from whoever brings the proof.

    Args:
        leaf: the leaf's hash.
        index: its place, from 0.
        size: the head's tree size.
        proof: the audit path, from the leaf upwards.
        root: the head's root.
    """
    if not 0 <= index < size or not are_hashes((leaf, root, *proof)):
        return False
    place, last = index, size - 1
    found = leaf
    for node in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(node, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, node)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether a proof shows that a later head's tree begins with an earlier head's (RFC 9162, 2.1.4.2).

    Trees of the same size are consistent where their roots are equal, and every tree is with the empty one; both take
    the empty proof only. As with inclusion, each size must come from one signed head together with its root.

    Args:
        old: the earlier head's tree size.
        new: the later head's tree size.
        old_root: the earlier head's root.
        new_root: the later head's root.
        proof: the nodes, as `Tree.consistency_proof` gives them.
    """
    if not 0 <= old <= new or not are_hashes((old_root, new_root, *proof)):
        return False
    if old == new:
        return not proof and old_root == new_root and (old > 0 or old_root == EMPTY_ROOT)
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if not proof:
        return False
    path = list(proof)
    if old & (old - 1) == 0:  # the old tree is one complete subtree: its root is the node that the path begins with
        path.insert(0, old_root)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    found_old = found_new = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            found_old, found_new = node_hash(node, found_old), node_hash(node, found_new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found_new = node_hash(found_new, node)
        place, last = place >> 1, last >> 1
    return last == 0 and found_old == old_root and found_new == new_root


def _split(count: int) -> int:
    """Return the largest power of two below `count`, which is at least 2: where RFC 6962 cuts a tree."""
    return 1 << ((count - 1).bit_length() - 1)
