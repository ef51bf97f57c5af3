"""The built-in mailbox: every mail that a service without a mail server would have sent."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from flask import Blueprint, Response, abort, make_response, render_template
from sqlalchemy import select

from service.models import MailboxMessage
from service.pages import runtime
from service.security_headers import keep_private

SHOWN = 100
# The mail's own HTML: no script, no form, no request of its own; only our own page may frame it.
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


def blueprint() -> Blueprint:
    """A list, and three views of each mail. Registered only while no mail server is configured."""
    part = Blueprint("mailbox", __name__, url_prefix="/dev/mailbox")

    @part.get("")
    def index() -> Response:
        with runtime().db.read() as session:
            columns = (
                MailboxMessage.id,
                MailboxMessage.at,
                MailboxMessage.recipient,
                MailboxMessage.subject,
            )
            newest = session.execute(
                select(*columns).order_by(MailboxMessage.id.desc()).limit(SHOWN)
            ).all()
        return make_response(render_template("citizen/mailbox.html", messages=newest, shown=SHOWN))

    @part.get("/<int:message_id>")
    def message(message_id: int) -> Response:
        row = _row(message_id)
        mail = _parsed(row)
        return make_response(
            render_template(
                "citizen/mailbox_message.html",
                message=row,
                headers=[(name, str(value)) for name, value in mail.items()],
                text=_part(mail, "plain"),
                has_html=bool(_part(mail, "html")),
            )
        )

    @part.get("/<int:message_id>/html")
    def html(message_id: int) -> Response:
        response = make_response(_part(_parsed(_row(message_id)), "html") or abort(404))
        response.headers["Content-Security-Policy"] = SANDBOX
        return response

    @part.get("/<int:message_id>/raw")
    def raw(message_id: int) -> Response:
        return Response(_row(message_id).raw, mimetype="text/plain")

    @part.after_request
    def private(response: Response) -> Response:
        return keep_private(response)

    return part


def _row(message_id: int) -> MailboxMessage:
    with runtime().db.read() as session:
        return session.get(MailboxMessage, message_id) or abort(404)


def _parsed(row: MailboxMessage) -> EmailMessage:
    mail = message_from_bytes(row.raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def _part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body(preferencelist=(kind,))
    return str(body.get_content()) if body is not None else ""
