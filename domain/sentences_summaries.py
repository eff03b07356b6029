"""What is said about summaries: refusals, words, and the phrases of their events (R-19)."""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

REFUSALS: Final[dict[str, dict[str, str]]] = {
    "SUMMARY_STAGE_NOT_COMPLETED": {
        "zh": "未受理：“{stage}”阶段尚未完成，现在总结为时过早。请在阶段签字完成之后提交。",
        "en": "Not done: the stage “{stage}” is not completed, so it is too early to sum it up. Hand the summary in "
        "after its sign-off.",
    },
    "SUMMARY_EXISTS": {
        "zh": "未受理：这份总结已经提交。退回修改之后才能再次提交，请用 summary list 查看。",
        "en": "Not done: this summary has been handed in. Another version is taken after it was returned for "
        "rewriting; look at `summary list`.",
    },
    "SUMMARY_UNKNOWN": {
        "zh": "未受理：没有这份总结，或已有新的版本。请用 summary list 核对后再办理。",
        "en": "Not done: there is no such summary, or a newer version has come. Look at `summary list` and try again.",
    },
    "SUMMARY_NOT_IN_REVIEW": {
        "zh": "未受理：这份总结没有待复核的雷同提示，无需办理。",
        "en": "Not done: this summary is not flagged as like another one. Nothing is left to decide.",
    },
}

WORDS: Final[dict[str, dict[str, str]]] = {
    "submit_summary": {"zh": "提交总结", "en": "hand in a summary"},
    "review_summary": {"zh": "复核雷同总结", "en": "review a summary that is like another"},
    "read_summary": {"zh": "查看总结的雷同段落", "en": "look at the passages that a summary shares"},
    "COMPARING": {"zh": "比对中", "en": "being compared"},
    "FILED": {"zh": "已归档", "en": "on file"},
    "REVIEW": {"zh": "待复核", "en": "to be reviewed"},
    "RETURNED": {"zh": "退回修改", "en": "returned for rewriting"},
    "ACCEPTED": {"zh": "已认可", "en": "accepted"},
    "HIGH": {"zh": "与他校雷同", "en": "like another school's"},
    "LOW": {"zh": "与本校往期雷同", "en": "like an earlier one of its own"},
}

PHRASES: Final[dict[str, Phrase]] = {
    "SummarySubmitted": Phrase(
        "提交总结（{about}），第 {revision} 稿，{characters} 字，编号 {summary}，摘要 {digest}",
        "handed in a summary ({about}), version {revision}, {characters} characters, {summary}, digest {digest}",
    ),
    "SummaryCompared": Phrase(
        "总结 {summary}（{about}）与 {compared} 份往期总结比对，共 {shingles} 个 {shingle} 字片段",
        "compared the summary {summary} ({about}) with {compared} earlier ones: {shingles} different runs of {shingle} "
        "characters",
    ),
    "SummarySimilarityFlagged": Phrase(
        "总结 {summary}（{about}）{severity}：{shingles} 个片段中有 {shared} 个见于学校 {other_school} 的 {other}，"
        "达到 {least}，须复核",
        "the summary {summary} ({about}) is {severity}: {shared} of {shingles} runs stand in {other} of school "
        "{other_school}, which reaches {least}; people must look",
    ),
    "SummaryRead": Phrase(
        "查看总结 {summary}（{about}）及其雷同段落", "looked at the summary {summary} ({about}) and what it shares"
    ),
    "SummaryReviewed": Phrase(
        "总结 {summary}（{about}）复核结果：{outcome}，理由 {reason}",
        "reviewed the summary {summary} ({about}): {outcome}, reason {reason}",
    ),
}

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "about": {"year": ("全年", "the whole year")},
    "severity": {
        "HIGH": ("与他校雷同", "like another school's"),
        "LOW": ("与本校往期雷同", "like an earlier one of its own"),
    },
    "outcome": {
        "ACCEPTED": ("认可", "accepted"),
        "RETURNED": ("退回修改", "returned for rewriting"),
    },
}
"""Field of an event → value → how it is shown (zh, en); `domain.event_values` puts all of them together."""
