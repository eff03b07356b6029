"""What an answer tells beside its receipt, as people read it: no bare key of JSON, no value of the program."""

import pytest

from cli.options import LANG, Face
from cli.stage import end
from domain.stream import Answer, Receipt

RECEIPT = Receipt(stream="campaign/qingshan/2025", first_version=3, last_version=4, hash="ab" * 32)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"act": RECEIPT.model_dump(mode="json")}, ("家庭的答复: {}", "the family's act: {}")),
        ({"complaint": "c-1"}, ("投诉编号: c-1", "complaint: c-1")),
        ({"added": ["stf_1", "stf_2"]}, ("新增: stf_1, stf_2", "added: stf_1, stf_2")),
        ({"removed": []}, ("移除: 无", "removed: none")),
        ({"committed": True}, ("已写入: 是", "committed: yes")),
    ],
)
def test_what_stands_under_a_receipt_is_said_in_words(capsys, more, line):
    """A receipt is a place in the record, a list its parts, a truth yes or no."""
    assert end(Face(), Answer(receipt=RECEIPT), **more) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].endswith("campaign/qingshan/2025#3-4")
    assert told[1:] == [line[LANG == "en"].format("campaign/qingshan/2025#3-4")]
