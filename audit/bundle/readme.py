"""The bundle's README, in Chinese: what it is, how it is verified offline, what the exit codes mean."""

from __future__ import annotations

from typing import Final

_TEXT: Final = """# 审计包：{campaign}

本文件由程序版本 {version} 导出，是一次分流活动的全部记录，供审计人员离线核验，不需要服务器、网络或本系统。
{kind}包中没有个人信息：学生、家长和工作人员只以编号出现，姓名、证件号、电话、邮箱和成绩都不在内。

## 怎样核验

1. 从另一途径取得公钥（纸质公布件，或上级教育局），不要只用包内的 keys.txt。
2. 从另一途径取得核验程序 verify_bundle.py；包内的一份只为方便，应先与另一份比对。
3. 在装有 Python 3.11 或更高版本的电脑上运行（不需要安装其他软件，可以断网）：

       python verify_bundle.py 审计包文件 --key "名称+编号+公钥"

4. 抽样：加上 --sample 20 --seed 种子。种子应在取得审计包之前公布；同一种子抽出的学生总是相同。

| 退出码 | 含义 |
|---|---|
| 0 | 核验通过 |
| 7 | 核验不符：有内容被改动，并写明第一处的位置 |
| 3 | 不是审计包、被截断、格式比核验程序新，或文件有害 |
| 2 | 用法不对，例如公钥写错 |

不给公钥也可以核验，但签名只能证明文件自身前后一致，不能证明出自何人。

## 包里有什么

| 文件 | 内容 |
|---|---|
| bundle.note | 对清单的签名（C2SP signed-note，Ed25519） |
| manifest.json | 清单：每个文件的大小和 SHA-256 |
| verify_bundle.py | 核验程序，只用 Python 标准库 |
| keys.txt、rotations/ | 第一个公钥，以及历次更换密钥的声明（新旧密钥共同签名） |
| heads/、proofs.json | 签名检查点（树根）及其间的一致性证明（RFC 6962） |
| events.jsonl | 全部事件 {events} 条，每行一条，按树叶的次序 |
| histories.json、histories/ | 流程引擎的历史 {histories} 份（gzip）及其摘要；仍在进行的流程取到导出时为止 |
| policies.json、calendars.json | 政策口径和日历，取自事件 |
| templates.json | 各版通知模板文件的摘要，以导出时的安装为准 |
| templates/ | 各检查点所载的模板清单，文件名即其摘要 |
| schemas.json | 每种事件的 JSON Schema |
| glossary.json | 代码与词语对照（中、英） |

## 核验了什么

容器的每一个字节；清单；每条事件的规范形式、哈希和前后衔接；事件在树中的次序；每个检查点的树根和签名；密钥的更换；
流程历史的摘要、各段衔接，以及其中交给台账的事件与本包事件逐条相同；结算按包内的人数和口径重新计算，金额、积分、合计、
摘要、更正和公布前后一致；政策口径和日历确系取自事件；通知模板与检查点所载的清单一致（已发布的版本不得改动或删去）。

## 不能证明什么

事件所说的事是否属实，须由人核实（抽样即为此）。检查点只能证明此后没有改动；签名者若在记录之初就写入假事件，须靠他人
另存的检查点和当事人来揭穿。最后一个检查点之后的事件不在包内。
"""


def readme(campaign: str, events: int, histories: int, version: str, *, rehearsal: bool) -> str:
    """Return the README of a bundle."""
    kind = "这是演练，不是真实活动的记录。\n" if rehearsal else ""
    return _TEXT.format(campaign=campaign, version=version, events=events, histories=histories, kind=kind)
