"""What is wrong with a signed note, a head, a key or a change of keys; said for the person who has to act on it."""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "NOTE_TOO_LARGE": (
        "签名文本超过一兆字节，不予读取。请确认取的是正确的文件。",
        "The signed text is larger than a megabyte and is not read: check that it is the right file.",
    ),
    "NOTE_NOT_TEXT": (
        "签名文本不是 UTF-8，或含有换行以外的控制字符。请按原样重新取得，不要经过会改动换行的软件。",
        "The signed text is no UTF-8 or has control characters besides line feeds: get it again, unchanged.",
    ),
    "NOTE_UNSIGNED": (
        "文本后没有签名部分，或末尾被截断，因此不能采信。请重新取得完整的文件。",
        "No signatures follow the text, or its end is cut off, so it proves nothing: get the whole file.",
    ),
    "NOTE_SIGNATURE_LINE": (
        "签名行应为“— 名称 base64”，此行不是。请重新取得未经改动的文件。",
        "A signature line is `— name base64`, and this one is not: get the file again, unchanged.",
    ),
    "NOTE_TOO_MANY_SIGNATURES": (
        "签名超过一百个，不予核验。请只保留需要的签名行。",
        "There are more than a hundred signatures, and none is checked: keep the lines that are needed.",
    ),
    "NOTE_SIGNED_ALREADY": (
        "该密钥已在这份文本上签过名，不再重复。",
        "This key has signed the text already: nothing to do.",
    ),
    "SIGNATURE_INVALID": (
        "已知密钥的签名与文本不符：文本或签名被改动过。请勿采信，并与另存的副本比对。",
        "A known key's signature does not fit the text: one of them was changed. Compare it with another copy.",
    ),
    "SIGNER_UNKNOWN": (
        "没有一个签名出自所给的公钥，因此不能采信。请核对公钥。",
        "No signature is by a public key that was given, so the text proves nothing: check the public key.",
    ),
    "SIGNER_NOT_LAST": (
        "签名出自所给公钥中较早的一个，它可能已被更换；任期至何时为止，只有更换声明能说明：请用 --rotation 提供。",
        "Not the last of the keys given has signed it. When a replaced key's term ended, statements say: --rotation.",
    ),
    "KEY_AMBIGUOUS": (
        "所给的公钥中有两个名称和编号相同，无法确定用哪一个。请去掉其中一个。",
        "Two of the public keys given have the same name and id: leave one of them out.",
    ),
    "KEY_NAME": (
        "密钥名称不能为空，也不能含空格、加号或控制字符。请另取名称。",
        "A key's name is not empty and has no space, plus sign or control character: choose another.",
    ),
    "KEY_MALFORMED": (
        "公钥应为“名称+编号+base64”，此文本不是。请整行复制。",
        "A public key is `name+id+base64`, and this text is not: copy the whole line.",
    ),
    "KEY_TYPE": (
        "只支持 Ed25519 公钥，这是另一种。请取 Ed25519 公钥。",
        "This public key is not of the type Ed25519, the only one that is read: ask for one that is.",
    ),
    "KEY_ID": (
        "公钥的编号与其名称和内容不符，可能抄错。请重新复制。",
        "The public key's id does not follow from its name and bytes, as if it was copied wrongly: copy it again.",
    ),
    "KEY_FILE_EXISTS": (
        "该位置已有文件，密钥不会覆盖它。请另选位置。",
        "There is a file already, and no key is written over it: choose another place.",
    ),
    "KEY_PLACE_OPEN": (
        "此处的文件无法只限本人读取（如 FAT、exFAT 格式的 U 盘），未新建密钥。请以 umask=077 挂载，或换一处存放。",
        "Files here cannot be kept from other accounts, as on a FAT stick: no key was made. Mount it with umask=077.",
    ),
    "KEY_FILE_MISSING": (
        "密钥文件不存在或无法读取。请从备份恢复；确已遗失的，新建密钥并重新公布其公钥。",
        "The key's file is missing or cannot be read: restore it; if it is lost, make and publish a new first key.",
    ),
    "KEY_FILE_OPEN": (
        "密钥文件可被其他账户读写，不予使用。请将权限改为 600；若可能已被复制，请更换密钥。",
        "Other accounts can open the key's file, so it is not used: set mode 600, and replace a key that leaked.",
    ),
    "KEY_NOTHING_SIGNED": (
        "还没有密钥签署过检查点，没有可更换的密钥。请直接用新密钥签署。",
        "No key has signed a head yet, so that there is none to replace: sign with the new one.",
    ),
    "KEY_FILE_MALFORMED": (
        "密钥文件的内容不是签名密钥，可能被截断。请从备份恢复。",
        "The key's file holds no signing key, or a part of one: restore it.",
    ),
    "HEAD_LINES": (
        "检查点至少有三行：来源、叶数、根；此文本不是。",
        "A head has at least three lines, origin, size and root: this text has not.",
    ),
    "HEAD_ORIGIN": (
        "检查点的来源不能为空。",
        "A head's origin is not empty.",
    ),
    "HEAD_OTHER_ORIGIN": (
        "检查点属于另一个记录，不能用来核验本记录。请取本记录的检查点。",
        "The head is of another log and says nothing about this one: get this log's head.",
    ),
    "HEAD_SIZE": (
        "检查点第二行应为十进制叶数，不带前导零。",
        "A head's second line is the number of leaves, decimal and without leading zeroes.",
    ),
    "HEAD_ROOT": (
        "检查点第三行应为 32 字节根的 base64；没有叶的树只有一个根。",
        "A head's third line is the base64 of a root of 32 bytes; a tree without leaves has one root only.",
    ),
    "HEAD_EXTENSION": (
        "检查点的附加行不能为空，也不能含换行等控制字符。",
        "A head's extension line is not empty and has no line feed or other control character.",
    ),
    "ROTATION_MALFORMED": (
        "密钥更换声明的格式不对。请重新取得未经改动的文件。",
        "The statement of a change of keys is malformed: get the file again, unchanged.",
    ),
    "ROTATION_BROKEN": (
        "声明更换的不是当前的密钥：声明缺失、次序不对，或有人另立了一支。请按先后取齐声明。",
        "The statement does not replace the key before it: one is missing, out of order or of a fork. Get them all.",
    ),
    "ROTATION_UNSIGNED": (
        "密钥更换声明须由新旧两个密钥签名，此声明缺少其一，不能采信。",
        "A change of keys is signed by the old and by the new key, and one of them is missing: do not trust it.",
    ),
    "ROTATION_NAME": (
        "新密钥的名称须与旧密钥相同，而密钥须是从未用过的。",
        "A new key has the old one's name and was never used before.",
    ),
    "ROTATION_WENT_BACK": (
        "声明中的检查点早于前一声明中的检查点，或与其不同。请勿采信，并与另存的副本比对。",
        "A head in the statement is earlier than one before, or differs from it: compare it with other copies.",
    ),
    "KEY_OUT_OF_TERM": (
        "签署检查点的密钥当时无权签署：已被更换，或尚未启用。请勿采信。",
        "The key that signed the head was not in force for it: replaced, or not yet begun. Do not trust the head.",
    ),
}
"""Code → what is wrong, why and what to do (zh, en)."""


class NoteError(ValueError):
    """Something signed, or a key, that cannot be taken.

    It never holds what was read: a key's file must not be quoted, and a text that no trusted key has signed must not be
    shown (C2SP signed-note).

    Attributes:
        code: stable, upper-case, a key of `SENTENCES`.
        line: where in the text, from 1; None where it is no line's fault.
    """

    def __init__(self, code: str, line: int | None = None) -> None:
        super().__init__(code, line)
        self.code = code
        self.line = line

    def message(self, lang: str = "zh") -> str:
        """Return what is wrong, why and what to do, in `zh` (default) or `en`."""
        return SENTENCES[self.code][1 if lang == "en" else 0]

    def __str__(self) -> str:
        where = "" if self.line is None else f" line {self.line}:"
        return f"{self.code}:{where} {self.message('en')}"
