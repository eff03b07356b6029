"""The ways out that a deployment has, as its settings say: where providers' settings become channels."""

from __future__ import annotations

from domain.notices import DINGTALK_ROBOT, EMAIL, SMS, WECOM, WECOM_ROBOT
from notices.channels import Channel
from notices.dingtalk_robot import DingtalkRobot
from notices.mail import MailChannel, SmtpServer
from notices.robots import RobotChannel
from notices.sms_gateway import SmsChannel, SmsGateway
from notices.wecom import WecomApplication, WecomChannel
from notices.wecom_robot import WecomRobot
from settings import Settings


def channels_of(settings: Settings) -> dict[str, Channel]:
    """Return the electronic channels that are set up, by name; opening nothing yet.

    Phone and paper are in people's hands and have no provider: whoever composes a worker adds their names.
    """
    found: dict[str, Channel] = {}
    if settings.wecom is not None:
        found[WECOM] = WecomChannel(WecomApplication(**settings.wecom.model_dump()))
    if settings.sms is not None:
        found[SMS] = SmsChannel(SmsGateway(**settings.sms.model_dump()))
    if settings.smtp is not None:
        found[EMAIL] = MailChannel(SmtpServer(**settings.smtp.model_dump()))
    if settings.wecom_robot is not None:
        found[WECOM_ROBOT] = RobotChannel(WecomRobot(**settings.wecom_robot.model_dump()))
    if settings.dingtalk_robot is not None:
        found[DINGTALK_ROBOT] = RobotChannel(DingtalkRobot(**settings.dingtalk_robot.model_dump()))
    return found
