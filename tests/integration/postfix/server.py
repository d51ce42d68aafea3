"""A Postfix of the tests' own: on a port of the loopback, with its queue, its mailboxes and its rules in one folder."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import Authority

MAILBOXES = "taken.example"
BOUNCES = "bounce.tocsin.example"
GONE = "gone.example"
READY_SECONDS = 20.0

QUEUED = r"qmgr\[\d+\]: (\w+): from=.*\(queue active\)"
REMOVED = r"qmgr\[\d+\]: (\w+): removed"

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = relay.tocsin.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
smtputf8_enable = yes
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {certificate}
smtpd_tls_security_level = encrypt
smtpd_error_sleep_time = 0
virtual_mailbox_domains = {mailboxes}, {bounces}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps =
    inline:{{ {{ info@{mailboxes} = info/ }}, {{ jörg@{mailboxes} = joerg/ }}, {{ late@{mailboxes} = late/ }} }}
    inline:{{ {{ @{bounces} = bounces/ }} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
relay_domains = {gone}
transport_maps = inline:{{ {{ {gone} = virtual: }} }}
smtpd_recipient_restrictions =
    check_recipient_access inline:{{
        {{ greylisted@{mailboxes} = 450 4.7.1 Greylisted, try again in 300 seconds }},
        {{ busy@{mailboxes} = 451 4.3.0 Busy }},
        {{ spam@{mailboxes} = 554 5.7.1 Looks like spam }},
        {{ full@{mailboxes} = 452 4.2.2 Mailbox full }} }},
    reject_unauth_destination
smtpd_sender_restrictions = check_sender_access inline:{{ {{ unwanted@tocsin.example = 553 5.7.1 Not you }} }}
smtpd_end_of_data_restrictions =
    check_recipient_access inline:{{ {{ late@{mailboxes} = 554 5.6.0 Malformed }} }}
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """Where it listens, whom to trust, and where its mails are."""

    port: int
    ca_file: Path
    folder: Path

    def mails(self, mailbox: str) -> list[bytes]:
        return [file.read_bytes() for file in sorted((self.folder / "mail" / mailbox / "new").glob("*"))]

    def await_mails(self, mailbox: str, *, containing: bytes, seconds: float = 20.0) -> list[bytes]:
        """Wait until one has come that says so; those that do."""
        until = time.monotonic() + seconds
        while not (found := [mail for mail in self.mails(mailbox) if containing in mail]):
            assert time.monotonic() < until, f"no mail in {mailbox}: {(self.folder / 'mail.log').read_text()[-3000:]}"
            time.sleep(0.05)
        return found

    def await_idle(self, *, seconds: float) -> None:
        """Wait until all that was taken has been delivered or given back."""
        until = time.monotonic() + seconds
        while (left := self._queued()) > 0:
            assert time.monotonic() < until, f"{left} mails are still queued"
            time.sleep(0.2)

    def _queued(self) -> int:
        log = (self.folder / "mail.log").read_text()
        taken, gone = (set(re.findall(pattern, log)) for pattern in (QUEUED, REMOVED))
        return len(taken - gone)


def is_possible() -> bool:
    """Postfix runs as root alone."""
    return os.geteuid() == 0 and shutil.which("postfix") is not None


@contextmanager
def postfix() -> Iterator[Postfix]:
    # Not below pytest's folder, which is closed to the users that Postfix becomes.
    folder = Path(tempfile.mkdtemp(prefix="tocsin-postfix-"))
    folder.chmod(0o755)
    port = _free_port()
    authority = Authority(folder, "authority")
    owner, keeper = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    for name, whose in (("queue", None), ("data", owner), ("mail", keeper)):
        (folder / name).mkdir()
        if whose is not None:
            os.chown(folder / name, whose.pw_uid, whose.pw_gid)
    main = MAIN.format(
        folder=folder,
        certificate=authority.certificate("relay", "127.0.0.1"),
        mailboxes=MAILBOXES,
        bounces=BOUNCES,
        gone=GONE,
        uid=keeper.pw_uid,
        gid=keeper.pw_gid,
    )
    (folder / "main.cf").write_text(main)
    (folder / "master.cf").write_text(MASTER.format(port=port))
    process = subprocess.Popen(
        ["postfix", "-c", str(folder), "start-fg"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await_listening(port, folder)
        yield Postfix(port, authority.file, folder)
    finally:
        # What was started is a script, which waits for the server.
        if (running := folder / "queue" / "pid" / "master.pid").exists():
            os.kill(int(running.read_text()), signal.SIGTERM)
        process.wait(timeout=30)
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_listening(port: int, folder: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            log = folder / "mail.log"
            assert time.monotonic() < until, log.read_text() if log.exists() else "Postfix says nothing"
            time.sleep(0.1)
        else:
            return
