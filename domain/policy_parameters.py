"""The named parameters of a policy profile, each with its source (DOMAIN §1.19 and §4.2; DESIGN §7).

Numbers marked [DESIGN] are this project's proposals; the defaults are those of the profile `compliant`.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final, Literal, Self

import rfc8785
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from domain.actors import FAMILY, Role
from domain.exact import Count, ExactFraction, Positive, Whole
from domain.policy_readings import (
    ApplicationsMeasure,
    Boundary,
    ClassAverage,
    DropoutDenominator,
    LateBy,
    PauseEffect,
    PenaltyFrom,
    RewardRatio,
    Rounding,
    ShortfallBase,
    SpringMode,
    VetoLesson,
    WaveBy,
    ZeroQuota,
)

ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A civil time of day, "HH:MM"."""

Purpose = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,39}$")]
FamilyChannel = Literal["wecom", "sms", "email", "phone", "paper"]
StaffChannel = Literal["wecom", "sms", "email", "wecom_robot", "dingtalk_robot"]

SHINGLE_MOST: Final = 50
"""Characters; the shortest summary that is taken is longer, so that each has something to compare."""


def _real_month_day(text: str) -> str:
    date.fromisoformat(f"2001-{text}")  # 2001 is no leap year: a yearly date must exist every year
    return text


TABLE_NAMES: Final[dict[str, str]] = {
    "complaint_ack": "complaint_ack_workdays",
    "complaint_close": "complaint_close_workdays",
    "aid_rate": "aid_rate_yuan",
}
"""Short names of DOMAIN §4.2 → the names here, which carry the unit."""


class PolicyParameters(BaseModel):
    """Every named parameter of a profile; the defaults are those of `compliant`.

    Units stand in the names (days are civil days, `_workdays` and `_working_days` working days, money is whole yuan);
    ratios are exact fractions; there is no float (INV-28). Unknown keys are ignored here, so that a rollback can read
    a newer event; files are read with `load_parameters`, which refuses them.

    Spring (X5, R-16, DOMAIN §0.2):
        spring_mode: what may happen before graduation.
        spring_document: the province's document number; without it `spring_mode` cannot leave FORBIDDEN.
        experience_days: under EXPERIENCE_ONLY, civil days that a pupil is at vocational schools before graduation, at
            most; attendance stays with the sending school (INV-13) [DESIGN].

    Consent (R-11, R-21, DOMAIN §7.6; the figures are [DESIGN]):
        consent_parties: who signs; always the pupil and the guardian (INV-04), not to be changed by policy.
        signature_wait_hours: from the acknowledged notice to the earliest signature.
        cooling_off_days: civil days after the later signature, whose own day is not counted.
        cooling_off_grace_hours: confirmation is decided so long after the end (edge case 22).
        short_cooling_hours: the least that a short application window leaves.
        cooling_off_pause: a pause lengthens a running cooling-off by as long as it lasted, or lets it run on; the
            lengthened one ends where the official system locks, and never earlier than it would have [DESIGN].
        signing_lead_days: signing is offered so long before the window.
        callback_rate_autumn, callback_rate_spring: share of confirmed consents that the bureau calls back.
        callback_workdays: working days within which the bureau asks a family whose withdrawal somebody reported.
        device_signatures, phone_pupils: more signatures from one device, or pupils with one telephone, are flagged
            (R-18); burst_signatures, burst_minutes: so are more signatures of one class within so long [DESIGN].
        late_consent_days: consents so near to the cut-off that cross a tier are always called back (R-21).
        late_by: what must be so near: the registration, by which a consent counts, or the consent's signature.
        no_show_days: from the reporting date to `NoShow`.

    Class reward (R-01; F-E2):
        reward_tiers: (least completion, yuan per head), best first; empty pays nothing.
        tier_boundary: Q4, "完成任務80%" includes exactly 80 %.
        penalty: yuan per missing head below the lowest tier.
        shortfall_base: Q2, heads missing to the quota or to the lowest tier's line.
        cap_at_quota: Q3, whether heads above the quota earn nothing.
        zero_quota: Q5, quota 0 has no ratio: no reward, no veto, 0 points; or it counts as met. Never a veto.
        reward_ratio: Q6, the class's own ratio.
        penalty_from: Q13, negative amounts exist in shadow only; a payable run floors at 0.
        payable: whether what is computed can be paid at all, through the funding gate (R-08); no shipped profile.

    Points (R-02; F-E3):
        points_full, points_missing: for a full quota; for each missing head.
        points_for: Q7, the class head; others by explicit assignment.

    Diversion veto (R-04, Q1, X3; a proposal for people, never imposed: INV-19):
        veto_ratio, veto_boundary: proposed below (strict) or also at (inclusive) this completion of a school.
        veto_no_fault: pupils' documented refusals after full service exclude it.
        veto_coverage_below: proposed only where service coverage is below this share; None does not look at it.
        veto_lesson: Q14, kept as a claim with provenance; its one value needs no reader: a veto's events name the run
            that they rest on, so that no year's veto stands as a fact without it.

    Dropout (R-05, R-15, Q8, Q9; F-D8, F-D9):
        dropout_award, dropout_veto_g79, loss_veto_g6: shares of a class, a class of grades 7 to 9, a grade 6.
        dropout_boundary: Q8, strict on both sides: exactly 2, 5 or 10 % is neither award nor veto.
        dropout_denominator: Q9.
        dropout_clock: school days of absence for visit, group visit, written form (DOMAIN §7.6).
        absence_pattern_days, absence_pattern_window: so many school days of absence without a reason within so many
            make a suspicion too, also where none follow each other [DESIGN].
        persuasion_school_days: school days from one attempt to bring a pupil back to the next (DOMAIN §7.6: weekly).
        written_report_school_days: school days from the suspicion to the written report (R-15).
        dropout_close_days: school days that a pupil who is back is there before the case can be closed (§7.3 [DESIGN]).
        dropout_proof_days: working days after the pupil's last day at the school on which a return, schooling elsewhere
            or teaching at home can still be proven; then a case that nobody closed ends [DESIGN].

    Averages, measures, waves (R-03, Q10, Q11, Q12; R-20; R-22):
        class_average: Q10, both figures; the official one is with all pupils of the September register.
        applications_measure: Q11, applications and diverted pupils are never added.
        wave_by: Q12, the wave is that of the delivery.
        target_share, target_rounding: the alternative target formula of P24.
        pressure_graduates_share: R-10, a target above this share of the graduates is flagged.
        pressure_low_band: R-10, marks below this share of the full mark are the low band: 300 of 750 (F-D5) [DESIGN].
        pressure_low_band_times: R-10, "≫": consents of the low band at so many times the others' rate [DESIGN].
        minimum_cell: least size of a figure below school level shown outside the school.
        destination_cluster: a class with so many consents, all for one school, is looked at whole (R-21) [DESIGN].

    Summaries (R-19):
        summary_shingle: characters of a run that two summaries are compared by.
        summary_similarity: a summary of whose runs this share stands in an earlier one is reviewed.

    Assigned care (R-06; F-G2):
        split: shares of the class head and two teachers; they sum to 1.

    Dates and reports (P17, P24, F-H1, F-H2, DOMAIN §3 and §7.6):
        registration_deadline: month-day, 24:00.
        spring_registration_deadline: retired. Nobody is registered before graduation (R-16), and the spring after it
            comes when counting is over; it stays for the hash of profiles that have it.
        counting_cutoff: month-day of the graduation year. DOMAIN §7.6 freezes the count at the registration deadline;
            P24's 31 October is one county's local date.
        daily_report_due, daily_report_reminder, daily_report_missed: civil times on school days.
        monthly_report_day: day of the month, the earlier workday if it is off.

    Complaints, appeals, retention, aid (DOMAIN §7.6, §3; R-14; P22):
        appeal_days: civil days from publication.
        complaint_ack_workdays, complaint_close_workdays, complaint_extension_workdays: [DESIGN].
        retention_checkpoints: days after registration, term end, next March.
        aid_rate_yuan, aid_months: yearly rate and teaching months; aid_list_workdays: how long a list is shown (P29).
        aid_rate_changes: month → yearly rate in yuan from then on; months before keep theirs.
        aid_first_month, aid_first_term_months: the first teaching month, and how many belong to the first term.
        aid_kinds, aid_years: who is entitled, and in which years of study (P22).

    Stages (DESIGN §5, §3; DOMAIN §7.4):
        reminder_working_days: working days before the due date.
        escalation_working_days, escalation_roles: working days after the due date, and to whom, pairwise.
        contact_attempts: after the notice and so many attempts `NO_ANSWER` is a final outcome.
        quorum: share of households at a parents' meeting; quorum_follow_up: what is owed to the rest below it, a
            visit (HOME_VISIT) where calls found nobody; with another code the calls are enough.
        future_minutes, backdate_days: how far `occurred_at` may lie ahead or back without a reason code.
        school_start_window: how many schools may be starting at a time (DESIGN §4).
        joiner_working_days: a late joiner's own term, in working days from joining [DESIGN] (B12).
        reporting_month_day: the day of reporting at the receiving school, in the graduation year (DOMAIN §3).
        term_end_month_day, next_march_month_day: the second and third retention checkpoint, in the year after (§3).
        late_act_minutes: how long a family's act may have been on its way; the wait before signing and the cooling-off
            begin no earlier than that before it arrives (R-11) [DESIGN].
        checkpoint_days: civil days from a checkpoint's date to the day when its check is due [DESIGN].
        break_glass_hours: how long a break-glass access to a pupil's record goes on [DESIGN] (S15).
        result_expires_month_day: when an identification result expires, in the graduation year (DESIGN §10).

    Notices (DOMAIN §5.4; FEATURES G1, G8, B23; the figures are [DESIGN]):
        quiet_from, quiet_until: civil times between which nothing is sent but what is about a child in danger; the
            same time twice is no quiet at all.
        notices_on_school_days: what is not urgent goes out on school days only.
        notice_embargo: (first, last) month-days, both included, on which nothing optional goes out, as the days of
            the zhongkao; a range may pass the end of the year.
        household_daily: messages to a household on a civil day, over siblings, schools and campaigns; what is
            statutory or urgent is counted and never held by it.
        digest_at, digest_purposes: what staff is told once a day, in one message, and when.
        channel_order, staff_channel_order: which way is tried first, second and so on.
        phone_task_days: school days within which a family is called; then it gets a letter.
        sms_segments_limit: text messages of a campaign that are paid for, None without a limit.
        sms_price_milliyuan: price of one text message in thousandths of a yuan.
    """

    model_config = ConfigDict(frozen=True)

    LATER: ClassVar[tuple[str, ...]] = (
        "joiner_working_days",
        "reporting_month_day",
        "term_end_month_day",
        "next_march_month_day",
        "checkpoint_days",
        "break_glass_hours",
        "cooling_off_pause",
        "callback_workdays",
        "device_signatures",
        "phone_pupils",
        "burst_signatures",
        "burst_minutes",
        "late_act_minutes",
        "absence_pattern_days",
        "absence_pattern_window",
        "persuasion_school_days",
        "written_report_school_days",
        "dropout_close_days",
        "dropout_proof_days",
        "payable",
        "destination_cluster",
        "pressure_graduates_share",
        "pressure_low_band",
        "pressure_low_band_times",
        "late_by",
        "experience_days",
        "summary_shingle",
        "summary_similarity",
        "aid_rate_changes",
        "aid_first_month",
        "aid_first_term_months",
        "aid_kinds",
        "aid_years",
        "quiet_from",
        "quiet_until",
        "notices_on_school_days",
        "notice_embargo",
        "household_daily",
        "digest_at",
        "digest_purposes",
        "channel_order",
        "staff_channel_order",
        "phone_task_days",
        "sms_segments_limit",
        "sms_price_milliyuan",
    )
    """Parameters that a later release added: they stand in the hash only where they differ from their default."""

    RETIRED: ClassVar[tuple[str, ...]] = ("spring_registration_deadline",)
    """Parameters that no rule can read: they stay as they are, and nobody is led to believe that a change does."""

    spring_mode: SpringMode = SpringMode.FORBIDDEN
    spring_document: str | None = None
    experience_days: Positive = 5

    consent_parties: tuple[Role, ...] = (Role.PUPIL, Role.GUARDIAN)
    signature_wait_hours: Count = 24
    cooling_off_days: Positive = 7
    cooling_off_grace_hours: Count = 12
    cooling_off_pause: PauseEffect = PauseEffect.LENGTHENS
    short_cooling_hours: Annotated[int, Field(strict=True, ge=24)] = 24
    signing_lead_days: Count = 10
    callback_rate_autumn: ExactFraction = Fraction(3, 10)
    callback_rate_spring: ExactFraction = Fraction(1)
    callback_workdays: Positive = 1
    device_signatures: Positive = 3
    phone_pupils: Positive = 3
    burst_signatures: Positive = 10
    burst_minutes: Positive = 10
    late_act_minutes: Count = 60
    late_consent_days: Count = 5
    late_by: LateBy = LateBy.REGISTRATION
    no_show_days: Positive = 14

    reward_tiers: tuple[tuple[ExactFraction, Count], ...] = ()
    tier_boundary: Boundary = Boundary.INCLUSIVE
    penalty: Count = 0
    shortfall_base: ShortfallBase = ShortfallBase.QUOTA
    cap_at_quota: bool = False
    zero_quota: ZeroQuota = ZeroQuota.NO_TASK
    reward_ratio: RewardRatio = RewardRatio.CLASS
    penalty_from: PenaltyFrom = PenaltyFrom.SHADOW_ONLY

    points_full: Whole = 0
    points_missing: Whole = 0
    points_for: tuple[Role, ...] = (Role.CLASS_HEAD,)

    veto_ratio: ExactFraction = Fraction(1, 2)
    veto_boundary: Boundary = Boundary.STRICT
    veto_no_fault: bool = True
    veto_coverage_below: ExactFraction | None = Fraction(1)
    veto_lesson: VetoLesson = VetoLesson.CLAIM

    dropout_award: ExactFraction = Fraction(1, 50)
    dropout_veto_g79: ExactFraction = Fraction(1, 20)
    loss_veto_g6: ExactFraction = Fraction(1, 10)
    dropout_boundary: Boundary = Boundary.STRICT
    dropout_denominator: DropoutDenominator = DropoutDenominator.SEPTEMBER_NET_OF_TRANSFERS
    dropout_clock: tuple[Positive, ...] = (1, 2, 3)

    class_average: ClassAverage = ClassAverage.BOTH
    applications_measure: ApplicationsMeasure = ApplicationsMeasure.SEPARATE
    wave_by: WaveBy = WaveBy.DELIVERY
    target_share: ExactFraction = Fraction(19, 20)
    target_rounding: Rounding = Rounding.FLOOR
    minimum_cell: Positive = 5

    split: tuple[ExactFraction, ...] = (Fraction(3, 5), Fraction(1, 5), Fraction(1, 5))

    registration_deadline: str = "11-20"
    spring_registration_deadline: str = "04-20"
    counting_cutoff: str = "11-20"
    daily_report_due: ClockTime = "17:00"
    daily_report_reminder: ClockTime = "16:00"
    daily_report_missed: ClockTime = "20:00"
    monthly_report_day: Annotated[int, Field(strict=True, ge=1, le=28)] = 28

    appeal_days: Positive = 7
    complaint_ack_workdays: Positive = 1
    complaint_close_workdays: Positive = 15
    complaint_extension_workdays: Count = 15
    retention_checkpoints: tuple[str, ...] = ("D+30", "term_end", "next_March")
    aid_rate_yuan: Count = 2000
    aid_months: Annotated[int, Field(strict=True, ge=1, le=12)] = 10
    aid_list_workdays: Positive = 5
    aid_rate_changes: tuple[tuple[Annotated[str, Field(pattern=r"^20\d{2}-(0[1-9]|1[0-2])$")], Count], ...] = ()
    aid_first_month: Annotated[int, Field(strict=True, ge=1, le=12)] = 9
    aid_first_term_months: Positive = 5
    aid_kinds: tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z_]{1,39}$")], ...] = ("AGRICULTURE", "HARDSHIP")
    aid_years: Positive = 2

    reminder_working_days: tuple[Positive, ...] = (7, 1)
    escalation_working_days: tuple[Positive, ...] = (1, 3, 5)
    escalation_roles: tuple[Role, ...] = (Role.CLASS_HEAD, Role.PRINCIPAL, Role.BUREAU_OFFICER)
    contact_attempts: Positive = 3
    quorum: ExactFraction = Fraction(7, 10)
    quorum_follow_up: Annotated[str, Field(pattern=r"^[A-Z][A-Z_]*$")] = "HOME_VISIT"
    future_minutes: Count = 5
    backdate_days: Count = 14
    school_start_window: Positive = 10
    result_expires_month_day: str = "06-30"
    joiner_working_days: Positive = 10
    reporting_month_day: str = "09-01"
    term_end_month_day: str = "01-20"
    next_march_month_day: str = "03-16"
    checkpoint_days: Positive = 10
    break_glass_hours: Positive = 24
    absence_pattern_days: Positive = 5
    absence_pattern_window: Positive = 20
    persuasion_school_days: Positive = 5
    written_report_school_days: Positive = 3
    dropout_close_days: Positive = 10
    dropout_proof_days: Positive = 10
    payable: Annotated[bool, Field(strict=True)] = False
    destination_cluster: Positive = 5
    pressure_graduates_share: ExactFraction = Fraction(1, 2)
    pressure_low_band: ExactFraction = Fraction(2, 5)
    pressure_low_band_times: Positive = 2
    summary_shingle: Annotated[int, Field(strict=True, ge=2, le=SHINGLE_MOST)] = 8
    summary_similarity: ExactFraction = Fraction(3, 5)

    quiet_from: ClockTime = "21:30"
    quiet_until: ClockTime = "07:30"
    notices_on_school_days: Annotated[bool, Field(strict=True)] = True
    notice_embargo: tuple[tuple[str, str], ...] = ()
    household_daily: Positive = 1
    digest_at: ClockTime = "07:30"
    digest_purposes: tuple[Purpose, ...] = ("student_overdue", "stage_reminder", "stage_escalation", "letters_missing")
    channel_order: tuple[FamilyChannel, ...] = ("wecom", "sms", "email", "phone", "paper")
    staff_channel_order: tuple[StaffChannel, ...] = ("wecom", "email", "wecom_robot", "dingtalk_robot")
    phone_task_days: Positive = 3
    sms_segments_limit: Count | None = None
    sms_price_milliyuan: Count = 45

    @model_serializer(mode="wrap")
    def _with_the_bytes_of_its_day(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out later parameters at their default: an older profile keeps its bytes and its hash."""
        data: dict[str, Any] = handler(self)
        for name in self.LATER:
            if getattr(self, name) == type(self).model_fields[name].default:
                data.pop(name, None)
        return data

    @model_validator(mode="before")
    @classmethod
    def _names_of_the_table(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {TABLE_NAMES.get(name, name): value for name, value in data.items()}

    @field_validator(
        "registration_deadline", "spring_registration_deadline", "counting_cutoff", "result_expires_month_day",
        "reporting_month_day", "term_end_month_day", "next_march_month_day",
    )  # fmt: skip
    @classmethod
    def _month_day(cls, text: str) -> str:
        return _real_month_day(text)

    @field_validator(
        "callback_rate_autumn", "callback_rate_spring", "veto_ratio", "veto_coverage_below", "dropout_award",
        "dropout_veto_g79", "loss_veto_g6", "target_share", "quorum", "pressure_graduates_share", "summary_similarity",
        "pressure_low_band",
    )  # fmt: skip
    @classmethod
    def _share(cls, ratio: Fraction | None) -> Fraction | None:
        if ratio is not None and not 0 <= ratio <= 1:
            raise ValueError("a share lies between 0 and 1")
        return ratio

    @field_validator("reward_tiers")
    @classmethod
    def _best_first(cls, tiers: tuple[tuple[Fraction, int], ...]) -> tuple[tuple[Fraction, int], ...]:
        ratios = [ratio for ratio, _ in tiers]
        if any(ratio <= 0 for ratio in ratios) or any(low >= high for high, low in pairwise(ratios)):
            raise ValueError("reward tiers are above 0 and stand best first, each ratio once")
        return tiers

    @field_validator("aid_rate_changes")
    @classmethod
    def _earliest_first(cls, changes: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
        if any(later <= earlier for (earlier, _), (later, _) in pairwise(changes)):
            raise ValueError("changes of the rate stand earliest first, each month once")
        return changes

    @field_validator("notice_embargo")
    @classmethod
    def _real_ranges(cls, ranges: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for day in (day for both in ranges for day in both):
            _real_month_day(day)
        return ranges

    @field_validator("channel_order", "staff_channel_order")
    @classmethod
    def _each_once(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        if not channels or len(dict.fromkeys(channels)) != len(channels):
            raise ValueError("an order of channels names at least one, each once")
        return channels

    @field_validator("retention_checkpoints")
    @classmethod
    def _known_checkpoints(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if any(re.fullmatch(r"D\+[1-9][0-9]{0,2}|term_end|next_March", name) is None for name in names):
            raise ValueError("a checkpoint is D+ and a number of days, term_end or next_March")
        return names

    @field_validator("split")
    @classmethod
    def _whole_class(cls, shares: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
        if any(share < 0 for share in shares) or sum(shares) != 1:
            raise ValueError("the shares of a class sum to 1")
        return shares

    @field_validator("consent_parties")
    @classmethod
    def _pupil_and_guardian(cls, parties: tuple[Role, ...]) -> tuple[Role, ...]:
        if sorted(parties) != sorted(FAMILY):
            raise ValueError("a consent is the pupil's and the guardian's own; policy cannot change that")
        return parties

    @model_validator(mode="after")
    def _lawful_together(self) -> Self:
        if self.spring_mode is not SpringMode.FORBIDDEN and not self.spring_document:
            raise ValueError("spring_mode leaves FORBIDDEN only with the province's document number (spring_document)")
        if len(self.escalation_working_days) != len(self.escalation_roles):
            raise ValueError("each escalation has its day and its role")
        return self

    @property
    def spring_delivery(self) -> bool:
        """Tell whether pupils may be delivered before graduation: experience alone brings no consent (R-16, X5)."""
        return self.spring_mode is SpringMode.COOP_ORIGIN_XUEJI

    @property
    def parameter_hash(self) -> str:
        """Lower-case hex SHA-256 of the RFC 8785 bytes of the parameters' JSON; it stands with every result."""
        return hashlib.sha256(rfc8785.dumps(self.model_dump(mode="json"))).hexdigest()
