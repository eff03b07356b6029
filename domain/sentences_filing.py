"""Sentences, blockers and words of application filing, in Chinese and English."""

from __future__ import annotations

from typing import Final

REFUSALS: Final[dict[str, dict[str, str]]] = {
    # a family's own act (DESIGN §9, INV-04)
    "FAMILY_CODE_NEEDED": {
        "zh": "未受理：家庭的意向、签署和撤回只凭家庭自己的答复码办理。本次尝试已记录。请用通知上的答复码办理。",
        "en": "Not done: an intent, a signature or a withdrawal is taken with the family's own code only. The attempt "
        "is on record. Use the code on the notice.",
    },
    "ACT_KEY_UNKNOWN": {
        "zh": "未受理：此件不是由本次活动登记的家庭网关签发的。本次尝试已记录。请通知运维人员核对网关密钥。",
        "en": "Not done: this act was not issued by the family gateway that the campaign names. The attempt is on "
        "record. Ask those who run the system to check the gateway's key.",
    },
    "ACT_NOT_SIGNED": {
        "zh": "未受理：此件的签名与内容不符，不能认作家庭本人所为。本次尝试已记录。请由家庭用答复码重新办理。",
        "en": "Not done: the signature does not fit what the act says, so it is nobody's. The attempt is on record. "
        "Let the family act again with its code.",
    },
    "ACT_FOREIGN": {
        "zh": "未受理：此件属于另一所学校或另一次活动。本次尝试已记录。请送交其所属的学校流程。",
        "en": "Not done: this act belongs to another school or campaign. The attempt is on record. "
        "Hand it to the one that it names.",
    },
    "ACT_ALREADY_TAKEN": {
        "zh": "未重复受理：此件早已收到并已生效，无需再次提交。如需改变，请家庭重新办理。",
        "en": "Not done again: this act was taken before and stands. Nothing is left to do; to change it, act anew.",
    },
    "ACT_BEFORE_WITHDRAWAL": {
        "zh": "未受理：此件作出的时间早于家庭后来的撤回或拒绝，以后者为准。如仍是此意，请家庭重新办理。",
        "en": "Not done: the family withdrew or refused after this act, and the later word counts. "
        "If the family still means it, it acts anew.",
    },
    "ACT_BEFORE_NOTICE": {
        "zh": "未受理：此件作出的日期早于发出告知书的日期。请家庭阅读告知书后，用其答复码重新办理。",
        "en": "Not done: this act is older than the day on which the notice was offered. "
        "Let the family read the notice and act anew with its code.",
    },
    "SIGNED_BEFORE_ACKNOWLEDGED": {
        "zh": "未受理：签署的时间早于监护人确认已阅告知书的时间。请在确认之后重新签署。",
        "en": "Not done: this signature is older than the guardian's acknowledgement of the notice. "
        "Sign again, after the acknowledgement.",
    },
    "WITHDRAWAL_AFTER_REGISTRATION": {
        "zh": "未受理：学籍已经核验，不再适用撤回。改变去向请办理转学，县教育局学籍管理员会协助，无需说明理由。",
        "en": "Not done: the registration has been verified, so there is nothing left to withdraw. "
        "To go elsewhere, ask for a transfer; the bureau's register officer helps, and no reason is needed.",
    },
    "NOTICE_NOT_OFFERED": {
        "zh": "未受理：尚未向该家庭发出告知书。请学校先发出告知书。",
        "en": "Not done: this family has not been offered a notice. Let the school offer it first.",
    },
    "DOCUMENT_SUPERSEDED": {
        "zh": "未受理：告知书版本不符，现行版本为 {document}。请使用现行版本及其答复码。",
        "en": "Not done: this is not the current version of the notice, which is {document}. "
        "Use that one and its code.",
    },
    "NOTICE_NOT_ACKNOWLEDGED": {
        "zh": "未受理：签署之前，须由监护人确认已阅读同一版本的告知书。请监护人先确认。",
        "en": "Not done: before anybody signs, a guardian acknowledges the same version of the notice. "
        "Let the guardian acknowledge it first.",
    },
    "CALL_BACK_DAY_NOT_POSSIBLE": {
        "zh": "只有结果为“约定再联系”的家庭才能写再联系日期，且日期须晚于本次联系。请更正该行。",
        "en": "A day to call back goes only with the outcome call_back, and is later than this contact. "
        "Correct the row.",
    },
    "INTENT_NOT_VOCATIONAL": {
        "zh": "未受理：家庭最近表达的意向不是中等职业学校。这是家庭的自由选择；如有改变，请家庭先表达新的意向。",
        "en": "Not done: what the family said last is not a vocational school. That is its free choice; "
        "if it has changed its mind, it states the new intent first.",
    },
    "DESTINATION_DIFFERS": {
        "zh": "未受理：学生与监护人须签署同一所学校，另一方签署的是 {school}。请家庭商量一致；改签请先撤回。",
        "en": "Not done: pupil and guardian sign for the same school, and the other has signed for {school}. "
        "Let the family agree; to sign for another school, withdraw first.",
    },
    "ALREADY_SIGNED": {
        "zh": "未重复受理：这一方已经签署，签署有效。如需改签，请先撤回。",
        "en": "Not done again: this party has signed, and the signature stands. To change it, withdraw first.",
    },
    "ALREADY_REGISTERED": {
        "zh": "未受理：该生学籍已经核验，此处不再办理。登记有误请更正；改变去向请办理转学。",
        "en": "Not done: the pupil's registration is verified, so this is settled here. "
        "Correct the record if it is wrong; to go elsewhere, ask for a transfer.",
    },
    # the protocol of a consent (R-11, R-16, R-17; edge cases 1, 2, 23, 42, 46)
    "NOT_IN_THIS_RELEASE": {
        "zh": "未受理：本次活动按较早版本的程序开展，没有这一步骤。请按原程序办理；撤回随时有效。",
        "en": "Not done: this campaign began under an earlier procedure, which does not have this step. Go on by that "
        "procedure; a withdrawal always works.",
    },
    "ACT_NOT_BY_GUARDIAN": {
        "zh": "未受理：登记显示此人不是该生的监护人，可以了解情况，不能代为表达意向、确认或签署。本次尝试已记录。"
        "请由监护人本人办理；有针对本事项的书面委托或监护证明的，请学籍管理员先登记。",
        "en": "Not done: this person is on record as no guardian of the pupil, may be told, and cannot state a wish, "
        "acknowledge or sign. The attempt is on record. Let a guardian act; with a written entrustment for this "
        "decision, or proof of guardianship, the register officer records that first.",
    },
    "ACT_NOT_BY_REPORTER": {
        "zh": "未受理：撤回意愿是该家庭另一人报告的，只能由其本人用自己的答复码说明同意仍然有效。请由其本人办理。",
        "en": "Not done: another person of this family reported the wish to withdraw, and only that person can say, "
        "with the own code, that the consent stands. Let that person act.",
    },
    "SIGNED_TOO_EARLY": {
        "zh": "未受理：确认告知书后须留出考虑时间，最早可于 {works_from} 签署。请届时再签，不急。",
        "en": "Not done: after the notice is acknowledged there is time to think. Signing works from {works_from}; "
        "come back then, there is no hurry.",
    },
    "SHORT_STATEMENT_NEEDED": {
        "zh": "未受理：志愿填报即将截止，冷静期缩短，到 {ends} 为止。签署人须勾选“知悉冷静期缩短”。"
        "短信不能勾选，请用网页或到学校、县教育局凭答复码办理。",
        "en": "Not done: applications close soon, so the cooling-off is short and ends at {ends}. Whoever signs ticks "
        "that this is understood. A text message cannot tick it; use the code at a counter or on a computer.",
    },
    "SIGNING_NOT_OFFERED": {
        "zh": "未受理：尚未到签署的时间，自 {on} 起可以签署。请届时办理。",
        "en": "Not done: signing is not open yet; it works from {on}. Come back then.",
    },
    "SIGNING_CLOSED": {
        "zh": "未受理：志愿填报已于 {last} 结束，不再受理签署。孩子仍可按原志愿升学，撤回、表达意向等不受影响；"
        "考试机构延长或者重新开放填报的，可以再签，请向县教育局询问。",
        "en": "Not done: applications closed at the end of {last}, and nobody signs for them any more. Every other way "
        "stays open, a withdrawal too; where the examination authority prolongs or reopens the window, signing works "
        "again. Ask the bureau.",
    },
    "SPRING_FORBIDDEN": {
        "zh": "未受理：现行政策不允许春季分流，不得签署、填报或送生。初中毕业后可按秋季办理。",
        "en": "Not done: the policy in force does not allow the spring wave: no consent, no application, no delivery. "
        "After graduation the autumn way is open.",
    },
    "WAVE_DIFFERS": {
        "zh": "未受理：学生与监护人签署的批次（春季或秋季）不一致。请家庭商量一致；改签请先撤回。",
        "en": "Not done: pupil and guardian sign for the same season, spring or autumn. Let the family agree; "
        "to sign for the other, withdraw first.",
    },
    "DATA_CONSENT_MISSING": {
        "zh": "未受理：该生未满十四周岁，签署之前须由监护人同意处理其个人信息。请监护人先办理。",
        "en": "Not done: the pupil is under 14, and a guardian agrees to the use of the child's data before anybody "
        "signs. Let a guardian do so first.",
    },
    "CONSENT_SUSPENDED": {
        "zh": "未受理：该生的同意已中止（撤回意愿、监护人意见不一或监护争议），在解除之前不得继续办理。"
        "请等家庭本人答复，或由学籍管理员凭书面材料解除；撤回随时有效。",
        "en": "Not done: this consent is suspended (a reported withdrawal, guardians who disagree, a dispute over "
        "custody), and nothing goes on until that ends. Wait for the family's own answer, or let the register officer "
        "lift it by a document; a withdrawal always works.",
    },
    "CONSENT_NOT_CONFIRMED": {
        "zh": "未受理：双方签署后的冷静期尚未结束，家庭随时可以撤回。请在冷静期结束、同意确认之后再登记志愿。",
        "en": "Not done: the cooling-off after the signatures still runs, and the family may change its mind. "
        "Record the application once the consent is confirmed.",
    },
    "CALLBACK_NEEDED": {
        "zh": "未受理：该家庭的冷静期因志愿填报时间短而缩短，登记志愿之前须由县教育局回访核实。请先登记回访结果。",
        "en": "Not done: a short application window cut this family's cooling-off, so the bureau calls back before an "
        "application is recorded. Record the call first.",
    },
    "RE_ACKNOWLEDGEMENT_NEEDED": {
        "zh": "未受理：告知书已有新版本，须由监护人重新确认后方可继续；已有的名额保留。请发出新版本并等待确认。",
        "en": "Not done: there is a newer version of the notice, and a guardian acknowledges it before the next step; "
        "the place is kept. Offer the newer version and wait for the acknowledgement.",
    },
    "NOTHING_TO_KEEP": {
        "zh": "未受理：该生的同意没有被中止，也没有本人提出的异议，无需声明。如要改变去向，请重新表达意向。",
        "en": "Not done: this consent is not suspended and the person has not objected, so there is nothing to say. "
        "To go elsewhere, state another intent.",
    },
    "NOTHING_TO_WITHDRAW": {
        "zh": "未受理：该家庭没有任何签署，没有可撤回的同意。该家庭无需办理任何手续。",
        "en": "Not done: nobody of this family has signed, so there is no consent to withdraw. "
        "The family need not do anything.",
    },
    "WITHDRAWAL_ALREADY_REPORTED": {
        "zh": "未重复受理：该家庭的撤回意愿已有报告，同意已中止，县教育局将回访。无需再次报告。",
        "en": "Not done again: a withdrawal of this family is reported already, its consent is suspended, and the "
        "bureau will call. Nothing is left to do.",
    },
    "NO_CALLBACK_DUE": {
        "zh": "未受理：该家庭没有这一事由的回访任务。请核对学生与事由。",
        "en": "Not done: there is nothing to call this family about for this purpose. Check the pupil and the purpose.",
    },
    "CALLBACK_TOO_EARLY": {
        "zh": "未受理：回访时间早于签署或报告的时间。请核对时间。",
        "en": "Not done: the call lies before the signature or the report that it is about. Check the time.",
    },
    "PROOF_NEEDED": {
        "zh": "未受理：此项须有书面材料或学籍登记为据，口头说明不够。请取得材料后登记。",
        "en": "Not done: this needs a document or the register as evidence, word of mouth is not enough. "
        "Get the document, then record it.",
    },
    "STANDING_BY_REGISTER": {
        "zh": "未受理：此人已为该生确认告知书或签署，其监护身份只能由学籍管理员凭书面材料变更。请送交学籍管理员。",
        "en": "Not done: this person has acknowledged the notice or signed for the pupil; whether such a person may "
        "consent is recorded by the register officer alone. Hand the document to the register officer.",
    },
    "SIGNER_NO_GUARDIAN": {
        "zh": "未受理：签署人登记为无监护权，其签署不能恢复效力。请由有监护权的监护人确认告知书并签署，或由学生撤回。",
        "en": "Not done: whoever signed is on record as no guardian, and that signature cannot be used again. Let a "
        "guardian acknowledge the notice and sign in that place, or the pupil withdraw.",
    },
    "SUSPENSION_REASON_UNKNOWN": {
        "zh": "未受理：不能以此理由中止同意。可用的理由：{allowed}。请用其中之一。",
        "en": "Not done: a consent is not suspended for this reason. These can be given: {allowed}. Use one of them.",
    },
    "NOT_SUSPENDED": {
        "zh": "未受理：该生的同意没有被中止，无需解除。",
        "en": "Not done: this consent is not suspended, so nothing is to be lifted.",
    },
    "FAMILY_ANSWERS_ITSELF": {
        "zh": "未受理：中止是因撤回意愿或否认签署，只能由家庭用自己的答复码撤回或声明有效。请县教育局回访。",
        "en": "Not done: the consent is suspended because the family may want out, or says that it never signed; only "
        "the family's own act answers that. Let the bureau call back.",
    },
    "RECORD_RESTRICTED": {
        "zh": "未受理：该生的记录已限制使用，不发通知、不列名单、不作联系。解除限制请学籍管理员办理。",
        "en": "Not done: this pupil's record is restricted: no notice, no list, no contact. "
        "The register officer can release it.",
    },
    "RECORD_NOT_RESTRICTED": {
        "zh": "未受理：该生的记录没有限制，无需解除。",
        "en": "Not done: this pupil's record is not restricted, so there is nothing to release.",
    },
    # what the school offers
    "NOTICE_ALREADY_OFFERED": {
        "zh": "未重复受理：所列家庭都已收到告知书 {document}，无需再次发出。信件遗失的，请补发答复码。",
        "en": "Not done again: all families named have been offered the notice {document}. "
        "Where a letter was lost, issue its code anew.",
    },
    "NEWER_NOTICE_NEEDS_BUREAU": {
        "zh": "未受理：现行告知书为 {document}。新版本会使已作的确认和签署须重新办理，首次发出由县教育局经办人员办理，"
        "此后学校可向其他家庭发出。",
        "en": "Not done: the notice in use is {document}. A newer one makes families acknowledge and sign anew, so the "
        "bureau's officer offers it first; after that the school can offer it to the others.",
    },
    "FAMILY_ALREADY_REACHED": {
        "zh": "未受理：该家庭已有答复、已联系上，或多次联系后已结案，不再要求联系。请勿反复打扰。",
        "en": "Not done: this family has answered, was reached, or was settled after enough attempts. "
        "No more attempts are asked for; leave the family in peace.",
    },
    "CONTACT_BEFORE_NOTICE": {
        "zh": "未受理：联系日期早于发出告知书的日期。请核对日期。",
        "en": "Not done: the contact lies before the day on which the notice was offered. Check the date.",
    },
    "CONTACT_BEFORE_SIGNATURE": {
        "zh": "未受理：该家庭双方已签署，而联系日期早于签署日期，不能作为签署之后的联系。请核对日期。",
        "en": "Not done: pupil and guardian have signed, and the contact lies before that day. "
        "A contact about the application comes after it; check the date.",
    },
    # what schools and offices record
    "CONSENT_MISSING": {
        "zh": "未受理：没有学生与监护人双方对该校的有效签署。请核对学校；是否签署由家庭自己决定。",
        "en": "Not done: pupil and guardian have not both signed for this school. Check the school; "
        "whether to sign is the family's own choice.",
    },
    "NOT_APPLIED_THERE": {
        "zh": "未受理：没有该生向该校提出申请的登记。请核对学校代码，或先登记申请。",
        "en": "Not done: no application of this pupil to this school is recorded. Check the school's code, "
        "or record the application first.",
    },
    "NOT_ADMITTED_THERE": {
        "zh": "未受理：没有该校录取该生的登记。请核对学校代码，或先登记录取结果。",
        "en": "Not done: no admission of this pupil to this school is recorded. Check the school's code, "
        "or record the result of admission first.",
    },
    "NOT_REPORTED_THERE": {
        "zh": "未受理：没有该生到该校报到的登记。请核对学校代码，或先登记报到。",
        "en": "Not done: it is not recorded that this pupil reported at this school. Check the school's code, "
        "or record the reporting first.",
    },
    "REFERENCE_PERSONAL": {
        "zh": "未受理：编号像是身份证号、学籍号或电话号码。此处不得填写个人号码，请填写业务系统的流水编号。",
        "en": "Not done: the reference looks like an identity, register or telephone number. No personal number may "
        "stand here; give the running reference of the official system.",
    },
    "REFERENCE_TWICE": {
        "zh": "未受理：该编号已登记在另一名学生名下，或在本表中重复。请核对编号。",
        "en": "Not done: this reference belongs to another pupil already, or stands in the list twice. Check it.",
    },
    "REPORTED_TOO_EARLY": {
        "zh": "未受理：报到日期早于毕业当年的报到日，初中毕业前不得到校就读。请核对日期。",
        "en": "Not done: this day lies before the reporting day of the graduation year, and nobody goes to a "
        "vocational school before graduation. Check the date.",
    },
    "REGISTERED_BEFORE_REPORTING": {
        "zh": "未受理：学籍登记日期早于该生的报到日期。请核对日期；报到日期有误的，请先更正报到登记。",
        "en": "Not done: the registration would lie before the pupil reported at the school. Check the date; "
        "if the day of reporting is wrong, correct that first.",
    },
    "DESTINATION_KNOWN": {
        "zh": "未受理：该生已有去向登记，“去向不明”不能取代它。登记有误请走更正程序。",
        "en": 'Not done: a destination of this pupil is on record, and "unknown" cannot take its place. '
        "Correct the record if it is wrong.",
    },
    "DESTINATION_NEEDS_REPORTING": {
        "zh": "未受理：去中等职业学校须登记报到，不在其他去向中填写。请由接收学校登记报到。",
        "en": "Not done: going to a vocational school is recorded as reporting there, not as another destination. "
        "Let the receiving school record the reporting.",
    },
    "DESTINATION_CONFLICTING": {
        "zh": "未受理：该生有两条互相矛盾的去向登记。请先由没有经手这两条登记的学籍管理员作出认定。",
        "en": "Not done: two records name different destinations for this pupil. "
        "First a register officer who made neither decides between them.",
    },
    "DESTINATION_NOT_CONFLICTING": {
        "zh": "未受理：该生的去向登记没有矛盾，无需认定。登记有误请更正。",
        "en": "Not done: no records contradict each other about this pupil's destination. "
        "Correct the record if it is wrong.",
    },
}
"""Code → sentence by language: what was refused, why, what to do."""

BLOCKERS: Final[dict[str, dict[str, str]]] = {
    "NOTICES_NOT_OFFERED": {
        "zh": "{count} 户家庭尚未收到告知书，请发出",
        "en": "families not yet offered the notice: {count} (offer it)",
    },
    "FAMILIES_NOT_REACHED": {
        "zh": "{count} 户家庭收到告知书后尚未联系上，请联系并登记",
        "en": "families offered the notice and not yet reached: {count} (contact them and record it)",
    },
    "CALLBACKS_OPEN": {
        "zh": "{count} 户家庭有待县教育局回访，请回访并登记",
        "en": "families that the bureau has still to call back: {count} (call and record it)",
    },
    "APPLICATIONS_OPEN": {
        "zh": "{count} 户双方已签署的家庭，签署后学校尚未登记志愿或联系结果，请登记",
        "en": "families that signed and have since neither a recorded application nor a finished contact: {count} "
        "(record the one or the other)",
    },
    "ADMISSIONS_OPEN": {
        "zh": "{count} 名学生的录取结果尚未登记，请登记",
        "en": "applications without a recorded result: {count} (record it)",
    },
    "REPORTING_OPEN": {
        "zh": "{count} 名被录取学生的报到情况尚未登记，请接收学校登记",
        "en": "admitted pupils whose reporting is not recorded: {count} (let the receiving school record it)",
    },
    "REGISTRATIONS_OPEN": {
        "zh": "{count} 名已报到学生的学籍尚未核验，请县教育局核验",
        "en": "pupils who reported and are not yet verified in the register: {count} (let the bureau verify them)",
    },
    "DESTINATIONS_CONFLICTING": {
        "zh": "{count} 名学生的去向登记互相矛盾，请学籍管理员认定",
        "en": "pupils whose recorded destinations contradict each other: {count} (let the register officer decide)",
    },
}
"""Blocker code → phrase by language, without a full stop."""

WORDS: Final[dict[str, dict[str, str]]] = {
    # commands
    "offer_notice": {"zh": "发出告知书", "en": "offer a notice"},
    "deliver_family_acts": {"zh": "转交家庭回执", "en": "hand on families' acts"},
    "report_family_code": {"zh": "登记答复码异常", "en": "report a code that did not work"},
    "record_contacts": {"zh": "登记联系情况", "en": "record contacts"},
    "record_applications": {"zh": "登记志愿", "en": "record applications"},
    "record_admissions": {"zh": "登记录取结果", "en": "record results of admission"},
    "record_reporting": {"zh": "登记报到", "en": "record reporting"},
    "record_registrations": {"zh": "核验学籍", "en": "verify registrations"},
    "record_destinations": {"zh": "登记其他去向", "en": "record other destinations"},
    "resolve_destination": {"zh": "认定去向", "en": "decide between two destinations"},
    "report_withdrawal": {"zh": "报告撤回意愿", "en": "report a withdrawal"},
    "record_callbacks": {"zh": "登记回访", "en": "record call-backs"},
    "record_guardianship": {"zh": "登记监护关系", "en": "record who is a guardian"},
    "suspend_consent": {"zh": "中止同意", "en": "suspend a consent"},
    "lift_suspension": {"zh": "解除中止", "en": "lift a suspension"},
    "restrict_record": {"zh": "限制使用记录", "en": "restrict a record"},
    "release_record": {"zh": "解除记录限制", "en": "release a record"},
    # purposes of notices
    "callback_overdue": {"zh": "回访超期", "en": "overdue call-backs"},
    "cooling_moved": {"zh": "冷静期终止时间改变", "en": "other ends of cooling-offs"},
    # intents and destinations
    "GENERAL_HIGH": {"zh": "普通高中", "en": "general high school"},
    "VOCATIONAL": {"zh": "中等职业学校", "en": "vocational school"},
    "UNDECIDED": {"zh": "未定", "en": "undecided"},
    "FIVE_YEAR_COLLEGE": {"zh": "五年制高职", "en": "five-year college"},
    "TECHNICAL_SCHOOL": {"zh": "技工学校", "en": "technical school"},
    "OTHER_PROVINCE": {"zh": "外省就读", "en": "school in another province"},
    "RESIT": {"zh": "复读", "en": "another year"},
    "WORK": {"zh": "就业", "en": "work"},
    "OTHER": {"zh": "其他", "en": "other"},
    # steps
    "ROSTERED": {"zh": "在册", "en": "rostered"},
    "INTENT": {"zh": "已表意向", "en": "intent stated"},
    "INFORMED": {"zh": "已告知", "en": "informed"},
    "SIGNED": {"zh": "双方已签署", "en": "signed by both"},
    "COOLING": {"zh": "冷静期", "en": "cooling-off"},
    "CONFIRMED": {"zh": "同意已确认", "en": "consent confirmed"},
    "APPLIED": {"zh": "已填志愿", "en": "applied"},
    "ADMITTED": {"zh": "已录取", "en": "admitted"},
    "NO_SHOW": {"zh": "未报到", "en": "no-show"},
    "REPORTED": {"zh": "已报到", "en": "reported"},
    "REGISTERED": {"zh": "学籍已核验", "en": "registered"},
    # outcomes
    "OTHER_DESTINATION": {"zh": "其他去向", "en": "another destination"},
    "DECLINED": {"zh": "自愿不选", "en": "declined"},
    "NO_ANSWER": {"zh": "多次联系无人应答", "en": "no answer"},
    # events
    "IntentStated": {"zh": "家庭表达意向", "en": "intent stated"},
    "NoticeAcknowledged": {"zh": "监护人确认已阅告知书", "en": "notice acknowledged"},
    "ConsentSigned": {"zh": "家庭签署", "en": "consent signed"},
    "ConsentRefused": {"zh": "家庭表示不同意", "en": "consent refused"},
    "ConsentWithdrawn": {"zh": "家庭撤回", "en": "consent withdrawn"},
    "RegistrationCancelled": {"zh": "因及时撤回取消学籍核验", "en": "registration cancelled by a timely withdrawal"},
    "FamilyActRefused": {"zh": "一件家庭回执未受理", "en": "a family's act was not taken"},
    "NoticeOffered": {"zh": "告知书已发出", "en": "notice offered"},
    "FamilyContacted": {"zh": "联系情况已登记", "en": "family contacted"},
    "DestinationSettled": {"zh": "服务已完成，无人应答", "en": "service done, nobody answered"},
    "ApplicationRecorded": {"zh": "志愿已登记", "en": "application recorded"},
    "Admitted": {"zh": "已录取", "en": "admitted"},
    "NotAdmitted": {"zh": "未录取", "en": "not admitted"},
    "Reported": {"zh": "已报到", "en": "reported"},
    "NoShow": {"zh": "到期未报到", "en": "did not report in time"},
    "RegistrationVerified": {"zh": "学籍已核验", "en": "registration verified"},
    "RegistrationsHandedOn": {"zh": "已转入稳定回访", "en": "handed on to retention"},
    "RegistrationDeadlineReached": {"zh": "学籍登记截止", "en": "registration deadline reached"},
    "OtherDestination": {"zh": "其他去向已登记", "en": "another destination recorded"},
    "DestinationConflicting": {"zh": "去向登记互相矛盾", "en": "destinations contradict each other"},
    "DestinationResolved": {"zh": "去向已认定", "en": "destination decided"},
    "ApplicationCorrected": {"zh": "志愿登记已更正", "en": "application corrected"},
    "ReportingCorrected": {"zh": "报到登记已更正", "en": "reporting corrected"},
    "RegistrationCorrected": {"zh": "学籍核验已更正", "en": "registration corrected"},
    "DestinationCorrected": {"zh": "去向登记已更正", "en": "destination corrected"},
    "DataConsentGiven": {"zh": "监护人同意处理未满十四周岁学生的信息", "en": "data consent for a child under 14"},
    "ConsentKept": {"zh": "家庭声明同意仍有效", "en": "consent kept by the family"},
    "ConsentObjected": {"zh": "另一监护人提出异议", "en": "another guardian objects"},
    "CoolingStarted": {"zh": "冷静期开始", "en": "cooling-off started"},
    "CoolingLengthened": {"zh": "冷静期因暂停顺延", "en": "cooling-off lengthened by a pause"},
    "ApplicationWindowMoved": {"zh": "志愿填报时间变更", "en": "the application window has moved"},
    "CoolingMoved": {"zh": "冷静期终止时间改变", "en": "another end of the cooling-off"},
    "ConsentConfirmed": {"zh": "同意已确认", "en": "consent confirmed"},
    "ConsentVersionSuperseded": {"zh": "告知书有新版本，须重新确认", "en": "a newer notice is to be acknowledged"},
    "WithdrawalReported": {"zh": "撤回意愿已报告", "en": "withdrawal reported"},
    "CallbackMade": {"zh": "已回访", "en": "family called back"},
    "CallbackUnreachable": {"zh": "回访无人应答", "en": "call-back not answered"},
    "CallbackOverdue": {"zh": "回访超期", "en": "call-back overdue"},
    "CallbackPostponed": {"zh": "回访日期自返回起算", "en": "call-back counted from the return"},
    "ConsentSuspended": {"zh": "同意已中止", "en": "consent suspended"},
    "SuspensionLifted": {"zh": "中止已解除", "en": "suspension lifted"},
    "GuardianshipRecorded": {"zh": "监护关系已登记", "en": "guardianship recorded"},
    "SpringCaseReturned": {"zh": "春季批次取消，家庭重新选择", "en": "spring closed, the family chooses anew"},
    "SchoolDelisted": {"zh": "学校移出名单", "en": "school taken off the list"},
    "DestinationRemoved": {"zh": "所签学校移出名单", "en": "the school signed for left the list"},
    "CaseHoldNoted": {"zh": "核查期间不计数", "en": "not counted while under review"},
    "CaseInvalidated": {"zh": "因违规不计数，学生权利不受影响", "en": "not counted after a violation"},
    "CaseReinstated": {"zh": "恢复计数", "en": "counted again"},
    "AnomalyFlagged": {"zh": "签署异常，列入回访", "en": "unusual signatures, to be called back"},
    "RecordRestricted": {"zh": "记录已限制使用", "en": "record restricted"},
    "RecordReleased": {"zh": "记录限制已解除", "en": "record released"},
    # why a consent is suspended, and what was heard
    "WITHDRAWAL_REPORTED": {"zh": "撤回意愿", "en": "a reported withdrawal"},
    "SIGNATURE_DENIED": {"zh": "家庭否认签署", "en": "the family denies the signature"},
    "GUARDIANS_DISAGREE": {"zh": "监护人意见不一", "en": "guardians disagree"},
    "CUSTODY_DISPUTE": {"zh": "监护争议", "en": "a dispute over custody"},
    "COURT_ORDER": {"zh": "法院裁定", "en": "a court's order"},
    "IMPOSTOR_SUSPECTED": {"zh": "疑似他人冒用", "en": "a stranger may have acted"},
    "GUARDIAN": {"zh": "监护人", "en": "guardian"},
    "CAREGIVER": {"zh": "受委托照护人", "en": "caregiver"},
    "NO_CUSTODY": {"zh": "无监护权", "en": "without custody"},
    "INSTITUTION": {"zh": "监护机构", "en": "institution as guardian"},
    "withdrawal_report": {"zh": "撤回意愿", "en": "a reported withdrawal"},
    "sample": {"zh": "抽样回访", "en": "the sample"},
    "short_cooling": {"zh": "冷静期缩短", "en": "a short cooling-off"},
    "confirmed": {"zh": "属本人意愿", "en": "its own will"},
    "wants_to_withdraw": {"zh": "想要撤回", "en": "wants to withdraw"},
    "denies": {"zh": "否认", "en": "denies it"},
    "unreachable": {"zh": "无人应答", "en": "no answer"},
    "DEVICE_CLUSTER": {"zh": "同一设备多人签署", "en": "many signatures from one device"},
    "PHONE_SHARED": {"zh": "多名学生同一电话", "en": "one telephone for many pupils"},
    "SIGNING_BURST": {"zh": "短时间集中签署", "en": "a class that signed within minutes"},
}
"""Code → word by language."""
