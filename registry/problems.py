"""What is wrong with an input, said for the person who must mend it; never with a personal value in it."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

Language = Literal["zh", "en"]

ROW_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "NAME_MISSING": ("姓名为空，请填写。", "The name is empty: fill it in."),
    "CLASS_MISSING": (
        "班级为空，或不是本届九年级的班级，请写成“九年级(3)班”。",
        "The class is empty or no class of this grade 9: write it as 九年级(3)班.",
    ),
    "ID_MISSING": ("身份证号为空，请填写。", "The identity number is empty: fill it in."),
    "ID_TRUNCATED": (
        "身份证号不完整或按数字保存，末几位可能已丢失；请把该列设为文本后重新录入。",
        "The number is incomplete or stored as a number, digits may be lost: set the column to text, type it again.",
    ),
    "ID_CHECK_DIGIT": (
        "身份证号的格式或校验码不对，请核对原件。",
        "The identity number's form or check digit is wrong: compare it with the card.",
    ),
    "ID_DATE": (
        "身份证号中的出生日期不存在或在将来，请核对原件。",
        "The date in the identity number does not exist or lies in the future: compare it with the card.",
    ),
    "ID_DUPLICATE": (
        "该身份证号在前面的行中已出现，请删去重复的一行。",
        "An earlier row has this identity number: remove one of the two.",
    ),
    "GENDER_CONFLICT": (
        "性别与身份证号不一致或无法识别，请核对。",
        "The gender contradicts the identity number or cannot be read: check both.",
    ),
    "BIRTH_CONFLICT": (
        "出生日期与身份证号不一致或无法识别，请核对。",
        "The date of birth contradicts the identity number or cannot be read: check both.",
    ),
    "SCORE_INVALID": (
        "成绩应为 0 至满分之间、至多一位小数的数；未知请留空。",
        "The mark must be a number from 0 to the full mark with at most one decimal; leave it empty if unknown.",
    ),
    "PHONE_INVALID": (
        "监护人电话应为 1 开头的 11 位手机号。",
        "The guardian's phone must be a mobile number of 11 digits that starts with 1.",
    ),
    "WECOM_INVALID": (
        "企业微信账号只能含字母、数字和 _-@.，以字母或数字开头，至多 64 个字符；没有请留空。",
        "A WeCom user id has letters, digits and _-@. only, not first _-@., at most 64; empty if there is none.",
    ),
    "CHANNEL_UNKNOWN": (
        "通知方式应为企业微信、短信、邮件、电话、纸质中的一个或几个，按先后用顿号隔开；不指定请留空。",
        "Name channels of wecom, sms, email, phone, paper with commas between, or leave it empty for the usual order.",
    ),
    "SCORE_UNKNOWN": ("成绩未知。", "The mark is unknown."),
    "PHONE_MISSING": ("没有监护人电话。", "There is no guardian's phone."),
    "AGE_UNUSUAL": (
        "毕业年份的年龄不在 12 至 20 岁之间，请核对。",
        "The age in the year of graduation is not from 12 to 20: check it.",
    ),
    "ABSENCE_UNREADABLE": (
        "缺勤天数不是 0 至 366 的整数，按未知处理。",
        "The days of absence are no whole number from 0 to 366 and count as unknown.",
    ),
    "INFORMED_UNREADABLE": ("“已告知”应为是或否，按未知处理。", "已告知 must be 是 or 否 and counts as unknown."),
    "CAREGIVER_PHONE_UNREADABLE": (
        "照护人电话不是 1 开头的 11 位手机号，按未知处理。",
        "The caregiver's phone is no mobile number of 11 digits that starts with 1 and counts as unknown.",
    ),
    "CAREGIVER_NOT_AGREED": (
        "名册没有写明照护人同意接收通知；没有本人同意，不向其发送通知。",
        "The roster does not state that the caregiver agreed to notices; without that none is sent to the person.",
    ),
    "EMAIL_UNREADABLE": ("邮箱地址的写法不对，按未知处理。", "The e-mail address is malformed and counts as unknown."),
    "LANGUAGE_UNREADABLE": (
        "通知语言应为中文或 English，按未知处理。",
        "The language of notices must be 中文 or English and counts as unknown.",
    ),
    "TOTAL_MISMATCH": (
        "合计人数与名册中的学生行数不一致，请核对是否缺行或多行。",
        "The printed total is not the number of pupils' rows: check for missing or surplus rows.",
    ),
}
"""Code of a row's problem → its sentences (zh, en). The codes are promised in `docs/cli.md`."""


class InputRejected(Exception):  # noqa: N818 - "rejected" is the contract's word for exit code 3
    """A file or an argument that cannot be taken.

    Attributes:
        code: stable, upper-case, for programs.
        message_zh: what is wrong and why, in Chinese.
        message_en: the same in English.
        place: where, as `file: location` (`campaign.toml: schools[2].code`); file names and positions, never values.
        remedy_zh: what to do, in Chinese.
        remedy_en: the same in English.
    """

    def __init__(
        self,
        code: str,
        *,
        message_zh: str,
        message_en: str,
        place: str = "",
        remedy_zh: str = "",
        remedy_en: str = "",
    ) -> None:
        super().__init__(code, place)
        self.code = code
        self.message_zh = message_zh
        self.message_en = message_en
        self.place = place
        self.remedy_zh = remedy_zh
        self.remedy_en = remedy_en

    def message(self, lang: str = "zh") -> str:
        """Return what is wrong, in `zh` (default) or `en`."""
        return self.message_en if lang == "en" else self.message_zh

    def remedy(self, lang: str = "zh") -> str:
        """Return what to do, in `zh` (default) or `en`."""
        return self.remedy_en if lang == "en" else self.remedy_zh

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{self.code}: {where}{self.message_en}"


class RowProblem(BaseModel):
    """One row that was rejected, or one thing in it to know.

    Attributes:
        sheet: name of the sheet; the file's stem for CSV.
        row: the spreadsheet's own number, from 1.
        column: the column's title.
        code: a key of `ROW_SENTENCES`.
        message: its sentence in Chinese; `text` gives the other language.
    """

    model_config = ConfigDict(frozen=True)

    sheet: str
    row: int
    column: str
    code: str
    message: str

    @classmethod
    def of(cls, code: str, *, sheet: str, row: int, column: str) -> RowProblem:
        """Make a problem with the sentence of its code."""
        return cls(sheet=sheet, row=row, column=column, code=code, message=ROW_SENTENCES[code][0])

    def text(self, lang: str = "zh") -> str:
        """Return the sentence in `zh` (default) or `en`."""
        return ROW_SENTENCES[self.code][1 if lang == "en" else 0]
