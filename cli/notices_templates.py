"""`notices preview --all`, `check` and `senders`: what families will read and from whom, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.failures import REJECTED, Failure
from cli.language import LANG
from cli.options import Face, say
from domain.notices import CHANNELS, DINGTALK_ROBOT, EMAIL, ROBOTS, SMS, WECOM, WECOM_ROBOT
from domain.time import SHANGHAI, at
from notices.answer_line import answer_line
from notices.catalogue import DIRECTORY, LANGUAGES, Catalogue, Kind, Language, Template, TemplateError, catalogue, load
from notices.claims import CLAIMS, ClaimError, load_claims
from notices.compose import COMPLAINT_LINES
from notices.render import Rendered, render
from notices.routing import group_may_read
from notices.segments import LONGEST_SIGNATURE, length, segments, signed
from settings import Settings

_FACE = Face()

NO_CODE: Final = "XXXX-XXXX"
"""In place of an answer code: a preview makes none."""

COMPLAINTS: Final = "12345"
"""Of a campaign that states no number of its own."""

SYNTHETIC: Final[dict[str, dict[Language, str]]] = {
    "pupil_name": {"zh": "（学生姓名）", "en": "(pupil's name)"},
    "school": {"zh": "（学校名称）", "en": "(school's name)"},
    "host": {"zh": "（接待学校）", "en": "(host school)"},
    "document": {"zh": "（文件版本）", "en": "(version)"},
    "complaint": {"zh": "（投诉编号）", "en": "(reference)"},
    "case": {"zh": "（案件编号）", "en": "(case)"},
    "listed_school": {"zh": "（签署学校）", "en": "(school)"},
    "period": {"zh": "（周或月）", "en": "(week or month)"},
    "student": {"zh": "（学生编号）", "en": "(pupil's reference)"},
    "answer_code": {"zh": NO_CODE, "en": NO_CODE},
    "complaint_number": {"zh": COMPLAINTS, "en": COMPLAINTS},
}
"""Made-up texts by the names of the templates' variables."""

_AUDIENCES: Final = {
    "household": ("监护人", "guardians"),
    "pupil": ("学生本人", "the pupil"),
    "caregiver": ("照护人", "caregivers"),
    "staff": ("教职工", "staff"),
}
_SENDERS: Final[dict[str, tuple[str, str]]] = {
    EMAIL: ("电子邮件只从 {sender} 发出。", "Mails come from {sender} only."),
    SMS: ("短信开头都是【{sender}】，不含网址。", "Text messages begin with 【{sender}】 and hold no link."),
    WECOM: (
        "企业微信消息只由县教育局的应用发出，企业编号 {sender}。",
        "WeCom messages come from the bureau's application only, company {sender}.",
    ),
    WECOM_ROBOT: (
        "企业微信群机器人只在教职工群发言，不发给家庭。",
        "The WeCom robot speaks to staff only, never to families.",
    ),
    DINGTALK_ROBOT: (
        "钉钉机器人只在教职工群发言，不发给家庭。",
        "The DingTalk robot speaks to staff only, never to families.",
    ),
}
"""What a family may rely on: channel → sentence (FEATURES G18)."""

NEVER: Final[tuple[tuple[str, str], ...]] = (
    (
        "答复码只用在信中写明的地方；没有人会向您索要密码、验证码或银行卡号。",
        "An answer code goes only where your letter says; nobody asks for a password, a code by text or a bank card.",
    ),
    (
        "我们不会要求转账，学校和教师不收取任何费用。",
        "We never ask for money; neither the school nor any teacher takes a fee.",
    ),
    (
        "信中的网址都是固定的，不含您或孩子的信息。",
        "Links in our letters are fixed and hold nothing about you or your child.",
    ),
    (
        "以其他名义发来的，请不要点开、不要回复，并告诉班主任或拨打告家长书上的电话。",
        "Do not open or answer anything else; tell the class head, or call the number in the letter to parents.",
    ),
)


def made_up(template: Template, lang: Language, templates: Catalogue | None = None) -> Rendered:
    """Render a template with made-up values: no name, no code, days a week from now."""
    values = {name: _example(name, kind, lang) for name, kind in template.variables.items()}
    return render(template.purpose, lang, values, version=template.version, templates=templates)


def preview_of(template: Template, lang: Language, signature: str | None) -> dict[str, Any]:
    """Return how a template reads with made-up values, and what its text message is charged.

    Args:
        template: which.
        lang: the reader's language.
        signature: the deployment's; the longest that can be registered where None.
    """
    rendered = made_up(template, lang)
    message = None if rendered.short is None else signed(rendered.short, signature or LONGEST_SIGNATURE)
    return {
        "purpose": template.purpose,
        "template": rendered.template,
        "audience": template.audience,
        "lang": lang,
        "subject": rendered.subject,
        "text": rendered.text,
        "short": rendered.short,
        "characters": None if message is None else length(message),
        "segments": None if message is None else segments(message),
        "most_segments": template.segments(lang),
    }


def preview_all(face: Face, channel: str | None) -> int:
    """Show every notice in the chosen language, or in both; of one channel what may go through it.

    Args:
        face: `--lang` narrows to one language.
        channel: one of `domain.notices.CHANNELS`, None for all.
    """
    settings = face.settings()
    signature = None if settings.sms is None else settings.sms.signature
    langs: Sequence[Language] = LANGUAGES if face.lang is None else (face.lang,)
    today = datetime.now(SHANGHAI).date()
    data = {
        "channel": channel,
        "notices": [
            preview_of(template, lang, signature)
            for template in catalogue().newest
            if _goes_by(template, channel)
            for lang in langs
        ],
        "unpublishable": [asdict(one) for one in catalogue().unpublishable(today)],
    }
    face.show(data, lambda: _previews(data))
    return 0


async def check(
    directory: Annotated[
        Path | None, Parameter(help=say("含 templates/ 或 claims/ 的目录", "a directory with templates/ or claims/"))
    ] = None,
    *,
    on: Annotated[
        date | None, Parameter(help=say("按这一天检查依据是否有效（默认今天）", "day on which claims must hold"))
    ] = None,
    face: Face = _FACE,
) -> int:
    """Check templates and claims before they are published; those that ship where no directory is named."""
    day = on or datetime.now(SHANGHAI).date()
    found = _loaded(directory)
    _refuse_unpublishable(found, day)
    claims = [found.claims.find(name, day) for template in found.newest for name in template.claims]
    data = {
        "on": day.isoformat(),
        "templates": len(found.newest),
        "claims": sorted({claim.label for claim in claims}),
        "sample_claims": list(found.sample_claims(day)),
        "segments": {
            template.label: {lang: template.segments(lang) for lang in LANGUAGES}
            for template in found.newest
            if template.segments(LANG) is not None
        },
    }
    face.show(data, lambda: _checked(data))
    return 0


async def senders(*, face: Face = _FACE) -> int:
    """Print from whom families get messages and what is never asked of them, ready to be published."""
    found, never = _senders(face.settings()), [say(zh, en) for zh, en in NEVER]
    data = {"senders": found, "never": never}
    face.show(data, lambda: Text("\n".join([*(one["sentence"] for one in found), *never])))
    return 0


def refuse_unpublishable(on: date) -> None:
    """Let nobody launch while a notice makes a claim that is not approved or does not hold.

    Raises:
        Failure: TEMPLATES_NOT_PUBLISHABLE (3).
    """
    _refuse_unpublishable(catalogue(), on)


def sample_claims(on: date) -> list[dict[str, Any]]:
    """Return the warning for a real county whose letters would make claims of the sample county; none without any."""
    found = catalogue().sample_claims(on)
    if not found:
        return []
    names = ", ".join(found)
    return [
        {
            "code": "CLAIMS_OF_THE_SAMPLE",
            "claims": list(found),
            "message": say(
                f"告知书中的这些内容是样例县的：{names}。请在 notices/claims 中写入本县经批准的版本。",
                f"The letters make these claims of the sample county: {names}. Put your county's own approved versions "
                "into notices/claims.",
            ),
        }
    ]


def _refuse_unpublishable(templates: Catalogue, on: date) -> None:
    found = templates.unpublishable(on)
    if found:
        raise Failure(
            REJECTED,
            "TEMPLATES_NOT_PUBLISHABLE",
            say(
                f"通知模板引用的内容在 {on} 未经批准、尚未生效或已经过期。",
                f"On {on} notices make claims that are not approved, do not hold yet or have expired.",
            ),
            place=", ".join(dict.fromkeys(f"{one.claim} ({one.code})" for one in found)),
            remedy=say(
                "请在 notices/claims 中加入经批准且在有效期内的版本，再用 notices check 检查。",
                "Add an approved version that holds on that day to notices/claims, and run `notices check` again.",
            ),
            data={"on": on.isoformat(), "unpublishable": [asdict(one) for one in found]},
        )


def _loaded(directory: Path | None) -> Catalogue:
    """Read a directory's templates and claims; what it does not have is what ships.

    Raises:
        Failure: NO_TEMPLATES or TEMPLATES_INVALID (3).
    """
    templates, claims = (DIRECTORY, CLAIMS) if directory is None else (directory / "templates", directory / "claims")
    if not templates.is_dir() and not claims.is_dir():
        raise Failure(
            REJECTED,
            "NO_TEMPLATES",
            say("目录中既没有 templates 也没有 claims。", "The directory has neither templates nor claims."),
            place=str(directory),
            remedy=say("请指定含其中之一的目录。", "Name a directory that has one of the two."),
        )
    try:
        known = load_claims(claims if claims.is_dir() else CLAIMS)
        return load(templates if templates.is_dir() else DIRECTORY, known)
    except (TemplateError, ClaimError) as error:
        _, _, problem = str(error).partition(": ")
        raise Failure(
            REJECTED,
            "TEMPLATES_INVALID",
            say(f"模板或依据文件有误：{problem}", f"A template or a claim cannot be published: {problem}"),
            place=error.place,
            remedy=say("请改正该文件后重新检查。", "Correct the file and check again."),
        ) from None


def _goes_by(template: Template, channel: str | None) -> bool:
    """Tell whether a channel takes a template at all."""
    if channel in ROBOTS:
        return group_may_read(template)
    if channel == SMS:
        return template.segments("zh") is not None and "answer_code" not in template.variables
    return channel is None or channel in (EMAIL, WECOM) or template.audience != "staff"


def _example(name: str, kind: Kind, lang: Language) -> Any:
    match kind:
        case "instant":
            return at(datetime.now(SHANGHAI).date() + timedelta(days=7))
        case "day":
            return datetime.now(SHANGHAI).date() + timedelta(days=7)
        case "flag":
            return True
        case "count":
            return 3
        case "word":
            return "parent-meetings"
        case "blockers":
            return [{"code": "HOUSEHOLDS_NOT_INVITED", "count": 3}, {"code": "SESSIONS_NOT_HELD", "count": 1}]
        case "lines":
            return [say("（第一条提醒）", "(one reminder)"), say("（第二条提醒）", "(another reminder)")]
        case "text":
            if name == "complaint_line":
                return COMPLAINT_LINES[lang].format(number=COMPLAINTS)
            if name == "answer_line":
                return answer_line(None, COMPLAINTS, lang)
            return SYNTHETIC[name][lang]


def _senders(settings: Settings) -> list[dict[str, str]]:
    """Return the deployment's senders in the order of the channels."""
    known = {
        EMAIL: None if settings.smtp is None else settings.smtp.sender,
        SMS: None if settings.sms is None else settings.sms.signature,
        WECOM: None if settings.wecom is None else f"{settings.wecom.corp_id}/{settings.wecom.agent_id}",
        WECOM_ROBOT: None if settings.wecom_robot is None else "-",
        DINGTALK_ROBOT: None if settings.dingtalk_robot is None else "-",
    }
    found = []
    for channel in CHANNELS:
        sender = known.get(channel)
        if sender is not None:
            sentence = say(*_SENDERS[channel]).format(sender=sender)
            found.append({"channel": channel, "sender": sender, "sentence": sentence})
    return found


def _previews(data: dict[str, Any]) -> RenderableType:
    lines = [line for one in data["notices"] for line in _preview(one, data["channel"])]
    if data["unpublishable"]:
        lines.append(say("今天不能发布，依据失效：", "Not to be published today, because of claims: "))
        lines += [f"  {one['template']} {one['claim']} {one['code']}" for one in data["unpublishable"]]
    return Text("\n".join(lines))


def _preview(one: dict[str, Any], channel: str | None) -> Iterable[str]:
    yield f"── {one['template']} [{one['lang']}] → {say(*_AUDIENCES[one['audience']])}"
    if channel != SMS:
        yield one["subject"]
        yield ""
        yield one["text"]
    if one["short"] is not None and channel in (None, SMS):
        yield say(
            f"短信（{one['characters']} 字，{one['segments']} 条，至多 {one['most_segments']} 条）：{one['short']}",
            f"Text message ({one['characters']} characters, segments {one['segments']} of at most "
            f"{one['most_segments']}): {one['short']}",
        )
        yield ""


def _checked(data: dict[str, Any]) -> RenderableType:
    table = Table(say("模板", "template"), say("短信条数（中/英）", "segments (zh/en)"))
    for label, counts in data["segments"].items():
        table.add_row(label, f"{counts['zh']}/{counts['en']}")
    lines: list[RenderableType] = [
        Text(
            say(
                f"{data['on']} 可以发布：{data['templates']} 种通知，{len(data['claims'])} 条经批准的内容。",
                f"To be published on {data['on']}: {data['templates']} notices, {len(data['claims'])} approved claims.",
            )
        ),
        table,
    ]
    if data["sample_claims"]:
        names = ", ".join(data["sample_claims"])
        lines.append(Text(say(f"属于样例县、须换成本县的：{names}", f"Of the sample county, to be replaced: {names}")))
    return Group(*lines)
