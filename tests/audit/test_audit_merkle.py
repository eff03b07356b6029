from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from audit import merkle
from audit.merkle import (
    EMPTY_ROOT,
    Edge,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from domain import merkle as hashing

ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""The leaves of the reference implementation's tests of RFC 6962 (Certificate Transparency, transparency-dev)."""

ROOTS = [
    bytes.fromhex(root)
    for root in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
"""Its roots, by the number of leaves."""

A, B, C = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
)
D, E, F = (
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
)
G, H, J = (
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
)

INCLUSION = [(0, 1, []), (0, 8, [A, B, C]), (5, 8, [D, E, F]), (2, 3, [G]), (1, 5, [H, B, D])]
"""Leaf, tree size, audit path."""

CONSISTENCY = [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [J, E, F]), (2, 5, [B, D])]
"""Old size, new size, proof."""

OTHER = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")

SIZES = st.integers(1, 200)
quick = settings(deadline=None, max_examples=200)


def leaves(count: int, salt: str = "") -> list[bytes]:
    """Return the hashes of so many distinct leaves."""
    return [leaf_hash(f"{salt}{number}".encode()) for number in range(count)]


def by_definition(hashes: list[bytes]) -> bytes:
    """Return the root as RFC 6962, section 2.1 defines it, by recursion."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = 1
    while middle * 2 < len(hashes):
        middle *= 2
    both = by_definition(hashes[:middle]) + by_definition(hashes[middle:])
    return hashlib.sha256(b"\x01" + both).digest()


def sides(index: int, size: int) -> list[str]:
    """Return on which side of a leaf's path each node of its proof stands, from the root downwards."""
    if size == 1:
        return []
    middle = 1
    while middle * 2 < size:
        middle *= 2
    if index < middle:
        return ["right", *sides(index, middle)]
    return ["left", *sides(index - middle, size - middle)]


def flipped(data: bytes, bit: int) -> bytes:
    """Return bytes with one bit changed."""
    at, shift = divmod(bit % (8 * len(data)), 8)
    return data[:at] + bytes([data[at] ^ 1 << shift]) + data[at + 1 :]


# -- the reference implementation's vectors -------------------------------------------------------------------


def test_the_roots_are_those_of_the_reference_implementation():
    """All sizes from 0 to 8, by both ways to a root."""
    hashes = [leaf_hash(entry) for entry in ENTRIES]
    tree, edge = Tree(hashes), Edge()
    assert [tree.root(size) for size in range(9)] == ROOTS
    assert edge.root() == ROOTS[0]
    for entry, root in zip(hashes, ROOTS[1:], strict=True):
        edge.append(entry)
        assert edge.root() == root
    assert ROOTS[0] == EMPTY_ROOT


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_the_inclusion_proofs_are_those_of_the_reference_implementation(index, size, path):
    """Made and verified; and every corruption that the reference tests try is refused."""
    hashes = [leaf_hash(entry) for entry in ENTRIES]
    leaf, root, proof = hashes[index], ROOTS[size], [bytes.fromhex(node) for node in path]
    assert Tree(hashes).inclusion_proof(index, size) == proof
    assert verify_inclusion(leaf, index, size, proof, root)
    for place in (index - 1, index + 1, index ^ 2):
        assert not verify_inclusion(leaf, place, size, proof, root)
    for wrong in (size * 2, size // 2, 0, -1):
        assert not verify_inclusion(leaf, index, wrong, proof, root)
    for wrong in (EMPTY_ROOT, OTHER, b"", root[:-1], root + b"\x00"):
        assert not verify_inclusion(leaf, index, size, proof, wrong)
    for wrong in (EMPTY_ROOT, OTHER, b"", b"WrongLeaf"):
        assert not verify_inclusion(wrong, index, size, proof, root)
    for wrong in ([*proof, b""], [*proof, root], [b"", *proof], [root, *proof]):
        assert not verify_inclusion(leaf, index, size, wrong, root)
    for number in range(len(proof)):
        assert not verify_inclusion(leaf, index, size, proof[:number] + proof[number + 1 :], root)
        assert not verify_inclusion(leaf, index, size, [*proof[:number], OTHER, *proof[number:]], root)


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCY)
def test_the_consistency_proofs_are_those_of_the_reference_implementation(old, new, path):
    """Made and verified; and every corruption that the reference tests try is refused."""
    proof = [bytes.fromhex(node) for node in path]
    before, after = ROOTS[old], ROOTS[new]
    assert Tree(leaf_hash(entry) for entry in ENTRIES).consistency_proof(old, new) == proof
    assert verify_consistency(old, new, before, after, proof)
    for wrong in ([*proof, b""], [*proof, before], [*proof, after], [b"", *proof], [before, *proof], [after, *proof]):
        assert not verify_consistency(old, new, before, after, wrong)
    if not proof:
        return
    for size in (old - 1, old + 1, old ^ 2):
        assert not verify_consistency(size, new, before, after, proof)
    for size in (new * 2, new // 2):
        assert not verify_consistency(old, size, before, after, proof)
    for wrong in (b"WrongRoot", OTHER):
        assert not verify_consistency(old, new, wrong, after, proof)
        assert not verify_consistency(old, new, before, wrong, proof)
    assert not verify_consistency(old, new, after, before, proof)
    for wrong in ([], proof[:-1], proof[1:], [proof[0], *proof]):
        assert not verify_consistency(old, new, before, after, wrong)


@pytest.mark.parametrize(
    ("old", "new", "before", "after", "proof", "holds"),
    [
        (0, 0, EMPTY_ROOT, EMPTY_ROOT, [], True),
        (0, 0, OTHER, OTHER, [], False),
        (0, 5, EMPTY_ROOT, OTHER, [], True),
        (0, 5, OTHER, OTHER, [], False),
        (0, 5, EMPTY_ROOT, OTHER, [OTHER], False),
        (5, 5, OTHER, OTHER, [], True),
        (5, 5, OTHER, EMPTY_ROOT, [], False),
        (5, 5, OTHER, OTHER, [OTHER], False),
        (2, 1, OTHER, OTHER, [], False),
        (-1, 1, OTHER, OTHER, [], False),
        (1, 2, OTHER, OTHER, [], False),
    ],
)
def test_the_ends_of_consistency(old, new, before, after, proof, holds):
    """Nothing but the empty tree is consistent with all, equal sizes need equal roots, and time does not run back."""
    assert verify_consistency(old, new, before, after, proof) is holds


# -- properties -----------------------------------------------------------------------------------------------


@quick
@given(st.integers(0, 200), st.lists(st.integers(0, 60), max_size=6))
def test_each_way_to_a_root_gives_the_definitions(count, steps):
    """However the leaves come, one by one or in parts."""
    hashes = leaves(count)
    tree, edge, at = Tree(), Edge(), 0
    for step in [*steps, count]:
        tree.extend(hashes[at : at + step])
        at = min(at + step, count)
        assert tree.size == at
        assert tree.root() == by_definition(hashes[:at])
    for leaf in hashes:
        edge.append(leaf)
    assert edge.root() == tree.root() == Tree(hashes).root()
    assert (edge.size, edge.peaks) == (tree.edge().size, tree.edge().peaks)


@quick
@given(st.integers(0, 200), st.integers(0, 80))
def test_an_edge_that_was_kept_goes_on_as_if_it_had_seen_every_leaf(before, more):
    """What is kept beside a head is enough for the next one."""
    hashes = leaves(before + more)
    kept = Tree(hashes[:before]).edge()
    edge = Edge(kept.size, kept.peaks)
    assert edge.root() == by_definition(hashes[:before])
    for leaf in hashes[before:]:
        edge.append(leaf)
    assert edge.root() == by_definition(hashes)


def test_every_inclusion_proof_of_every_small_tree_verifies_and_proves_no_other_place():
    """All leaves of all trees of up to 40 leaves, each against all places."""
    hashes = leaves(40)
    tree = Tree(hashes)
    for size in range(1, 41):
        root = tree.root(size)
        for index in range(size):
            proof = tree.inclusion_proof(index, size)
            assert len(proof) <= (size - 1).bit_length()
            found = [place for place in range(size) if verify_inclusion(hashes[index], place, size, proof, root)]
            assert found == [index]


@quick
@given(SIZES, st.data())
def test_any_changed_bit_of_leaf_proof_or_root_fails(size, data):
    """The whole proof is bound, to the last bit."""
    index = data.draw(st.integers(0, size - 1))
    bit = data.draw(st.integers(0, 255))
    hashes = leaves(size)
    tree = Tree(hashes)
    leaf, root, proof = hashes[index], tree.root(), tree.inclusion_proof(index)
    assert verify_inclusion(leaf, index, size, proof, root)
    assert not verify_inclusion(flipped(leaf, bit), index, size, proof, root)
    assert not verify_inclusion(leaf, index, size, proof, flipped(root, bit))
    for number, node in enumerate(proof):
        changed = [*proof[:number], flipped(node, bit), *proof[number + 1 :]]
        assert not verify_inclusion(leaf, index, size, changed, root)


@quick
@given(SIZES, st.data())
def test_a_changed_index_fails_and_a_changed_size_wherever_it_changes_the_path(size, data):
    """RFC 9162's check cannot tell two sizes that give the leaf one path: the signed head binds size to root."""
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-5, 400))
    hashes = leaves(size)
    tree = Tree(hashes)
    proof, root = tree.inclusion_proof(index), tree.root()
    assume(other != index)
    assert not verify_inclusion(hashes[index], other, size, proof, root)
    assume(other != size)
    same_path = other > index and sides(index, other) == sides(index, size)
    assert verify_inclusion(hashes[index], index, other, proof, root) is same_path


def test_a_node_does_not_pass_for_a_leaf():
    """The prefixes tell them apart: the two children of a root are no leaf of a tree of one."""
    left, right = leaves(2)
    root = Tree([left, right]).root()
    assert root == node_hash(left, right)
    assert not verify_inclusion(leaf_hash(left + right), 0, 1, [], root)


def test_a_proof_that_climbs_past_the_head_is_refused():
    """Nodes above the root hash to something, and a head that was made up to fit them is no head of that size."""
    tree, above = Tree(leaves(8)), leaf_hash(b"above")
    leaf, proof = leaves(8)[5], tree.inclusion_proof(5)
    assert not verify_inclusion(leaf, 5, 8, [*proof, above], node_hash(above, tree.root()))
    assert not verify_inclusion(leaf, 0, 1, [above], node_hash(above, leaf))
    old, new, path = tree.root(6), tree.root(), tree.consistency_proof(6)
    assert verify_consistency(6, 8, old, new, path)
    assert not verify_consistency(6, 8, node_hash(above, old), node_hash(above, new), [*path, above])


def test_a_byte_does_not_move_from_one_node_to_the_next():
    """The bytes that are hashed stay the same, the nodes do not: a hash has 32 bytes."""
    left, right = leaves(2)
    root = node_hash(left, right)
    assert verify_inclusion(left, 0, 2, [right], root)
    assert not verify_inclusion(left[:-1], 0, 2, [left[-1:] + right], root)
    assert verify_consistency(1, 2, left, root, [right])
    assert not verify_consistency(1, 2, left[:-1], root, [left[-1:] + right])


def test_there_is_a_consistency_proof_between_all_sizes():
    """All pairs up to 64 leaves; each proof serves no other earlier size with its root."""
    tree = Tree(leaves(64))
    roots = [tree.root(size) for size in range(65)]
    for new in range(65):
        for old in range(new + 1):
            proof = tree.consistency_proof(old, new)
            assert verify_consistency(old, new, roots[old], roots[new], proof)
            others = [size for size in range(1, new) if size != old]
            if 0 < old < new:
                assert not any(verify_consistency(size, new, roots[size], roots[new], proof) for size in others)


@quick
@given(SIZES, st.data())
def test_any_changed_bit_of_a_consistency_proof_or_its_roots_fails(new, data):
    """Neither head can be replaced, nor any node between them."""
    old = data.draw(st.integers(1, new))
    bit = data.draw(st.integers(0, 255))
    tree = Tree(leaves(new))
    before, after, proof = tree.root(old), tree.root(), tree.consistency_proof(old)
    assert verify_consistency(old, new, before, after, proof)
    assert not verify_consistency(old, new, flipped(before, bit), after, proof)
    assert not verify_consistency(old, new, before, flipped(after, bit), proof)
    for number, node in enumerate(proof):
        changed = [*proof[:number], flipped(node, bit), *proof[number + 1 :]]
        assert not verify_consistency(old, new, before, after, changed)


@quick
@given(st.integers(1, 60), st.integers(0, 60), st.data())
def test_a_forked_tree_has_no_consistency_proof(old, more, data):
    """One leaf below the old head was changed: no proof that either tree gives joins the old head to the new tree."""
    new, at = old + more, data.draw(st.integers(0, old - 1))
    honest = leaves(new)
    forged = [*honest[:at], leaf_hash(b"another"), *honest[at + 1 :]]
    head, fork = Tree(honest), Tree(forged)
    for size in range(1, new + 1):
        for tree in (head, fork):
            proof = tree.consistency_proof(min(size, old), max(size, old))
            assert not verify_consistency(old, new, head.root(old), fork.root(), proof)


# -- wrong questions ------------------------------------------------------------------------------------------


def test_no_proof_is_made_of_what_the_tree_never_held():
    """A caller's mistake is an error at once, and adds nothing."""
    tree = Tree(leaves(5))
    for call in (
        lambda: tree.root(6),
        lambda: tree.root(-1),
        lambda: tree.inclusion_proof(5),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.inclusion_proof(0, 6),
        lambda: tree.inclusion_proof(0, 0),
        lambda: tree.consistency_proof(4, 3),
        lambda: tree.consistency_proof(-1, 3),
        lambda: tree.consistency_proof(4, 6),
        lambda: tree.extend([leaf_hash(b""), b"short"]),
        lambda: Edge().append(b"short"),
        lambda: Edge(-1),
        lambda: Edge(3, tree.edge().peaks[:1]),
        lambda: Edge(1, [b"short"]),
    ):
        with pytest.raises(ValueError, match=r"tree|leaf"):
            call()
    assert tree.size == 5


@pytest.mark.parametrize(("module", "more"), [(hashing, set()), (merkle, {"domain.merkle"})], ids=["hash", "proofs"])
def test_it_needs_nothing_but_the_standard_library(module, more):
    """Whoever checks by hand needs no more: the modules import hashlib, typing and one another."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert froms | names == {"__future__", "hashlib", "collections.abc", "typing"} | more
