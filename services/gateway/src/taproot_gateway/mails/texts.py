"""What account mails say, in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid

from taproot_gateway.mails.queue import (
    INVITATION,
    PASSWORD_CHANGED,
    PASSWORD_RESET,
    WEBHOOK_FAILING,
    WEBHOOK_GONE,
)

_TEXTS = {
    (PASSWORD_RESET, "en"): (
        "Choose a new password",
        """\
Hello {name},

somebody, probably you, asked for a new password for the user {user}.
Choose it here, within {minutes} minutes:

{link}

If it was not you, do nothing: your password stays as it is.
""",
    ),
    (PASSWORD_RESET, "zh"): (
        "重新设置密码",
        """\
{name}，您好：

有人（可能是您本人）申请为用户 {user} 重新设置密码。
请在 {minutes} 分钟内通过下面的链接设置：

{link}

如果不是您本人操作，请忽略本邮件，密码不会改变。
""",
    ),
    (PASSWORD_CHANGED, "en"): (
        "Your password was changed",
        """\
Hello {name},

the password of the user {user} was changed.
If it was not you, tell your administrator at once.
""",
    ),
    (PASSWORD_CHANGED, "zh"): (
        "您的密码已修改",
        """\
{name}，您好：

用户 {user} 的密码已经修改。
如果不是您本人操作，请立即联系管理员。
""",
    ),
    (WEBHOOK_FAILING, "en"): (
        "A webhook was disabled: {about}",
        """\
Hello {name},

the webhook "{about}" was disabled: for days none of its deliveries succeeded.
Once the receiver is repaired, enable the webhook again; what waited is then sent.
What happens while it is disabled is not kept for it.
""",
    ),
    (WEBHOOK_FAILING, "zh"): (
        "Webhook 已停用：{about}",
        """\
{name}，您好：

Webhook“{about}”连续多日推送失败，已被停用。
请在接收方修复后重新启用，届时会发送等待中的事件。
停用期间发生的事件不为它保留。
""",
    ),
    (WEBHOOK_GONE, "en"): (
        "A webhook was disabled: {about}",
        """\
Hello {name},

the webhook "{about}" was disabled: its receiver answered 410 (gone).
If that was a mistake, enable the webhook again.
What happens while it is disabled is not kept for it.
""",
    ),
    (WEBHOOK_GONE, "zh"): (
        "Webhook 已停用：{about}",
        """\
{name}，您好：

Webhook“{about}”的接收方回答 410（已不存在），该 Webhook 已被停用。
如果是误操作，请重新启用。
停用期间发生的事件不为它保留。
""",
    ),
    (INVITATION, "en"): (
        "You are invited",
        """\
Hello {name},

you are invited to our customer portal. Your user name is {user}.
Choose a password here, within {hours} hours:

{link}
""",
    ),
    (INVITATION, "zh"): (
        "邀请您使用客户门户",
        """\
{name}，您好：

诚邀您使用我们的客户门户，您的用户名是 {user}。
请在 {hours} 小时内通过下面的链接设置密码：

{link}
""",
    ),
}


@dataclass(frozen=True)
class Letter:
    kind: str
    language: str
    name: str
    user: str
    address: str
    link: str = ""
    minutes: int = 0
    about: str = ""


def compose(letter: Letter, sender: str, sender_name: str, now: datetime) -> EmailMessage:
    language = "zh" if letter.language.lower().startswith("zh") else "en"
    subject, text = _TEXTS[letter.kind, language]
    values = {"name": letter.name, "user": letter.user, "link": letter.link, "about": letter.about}
    message = EmailMessage()
    message["Subject"] = " ".join(
        subject.format(**values).split()
    )  # a name may hold line breaks, a header not
    message["From"] = formataddr((sender_name, sender))
    message["To"] = letter.address
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.format(**values, minutes=letter.minutes, hours=letter.minutes // 60))
    return message
