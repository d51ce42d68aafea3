"""What a recipient does: find the link in a mail, and the fields of a page."""

from pathlib import Path

from deploy.demo.answers import Form
from deploy.demo.mails import Mail, count_mails, read_maildir

PAGE = """
<a href="/elsewhere">no form</a>
<form method="post" action="/f/abc">
  <input type="radio" name="useful" value="1"><input type="radio" name="useful" value="2">
  <textarea name="text"></textarea>
</form>
<form action="/opt-out"><input type="hidden" name="kind" value="opt-out"></form>
"""

MESSAGE = (
    "Return-Path: <notifications@tocsin.example>\r\nDelivered-To: ict@dekorenaar.example\r\n"
    "Subject: =?utf-8?q?Co=C3=B6peratie?=\r\nX-Tocsin-Reference: TOC-1234567890\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\nRate it: http://127.0.0.1:8105/f/abc-_1\r\n"
)


def test_a_form_is_its_own_fields_only() -> None:
    form = Form(PAGE)

    assert form.action == "/f/abc"
    assert form.fields == {"useful": ["1", "2"], "text": [""]}


def test_a_mail_is_read_as_its_recipient_would(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1.mail").write_bytes(MESSAGE.encode())

    (mail,) = read_maildir(tmp_path)

    assert (mail.recipient, mail.reference) == ("ict@dekorenaar.example", "TOC-1234567890")
    assert mail.subject == "Coöperatie"
    assert mail.link("f") == "http://127.0.0.1:8105/f/abc-_1"
    assert count_mails(tmp_path) == 1


def test_the_link_to_a_page_is_not_the_link_to_another() -> None:
    text = "http://127.0.0.1:8105/r/one\nhttp://127.0.0.1:8105/f/two\n"
    mail = Mail(path=Path("mail"), recipient="", reference="", subject="", text=text)

    assert mail.link("r").endswith("/r/one")
    assert mail.link("f").endswith("/f/two")
