"""Files of rules are read, and put in force by a person."""

import asyncio
import hashlib
from datetime import datetime
from importlib.resources import files

from libs.common.db import Transaction
from libs.common.errors import Fatal
from libs.common.problems import FieldError, Problem
from libs.common.toml_files import BrokenFile
from services.verifier import store
from services.verifier.domain import Rules
from services.verifier.domain.products import Products, parse_products
from services.verifier.domain.rule_file import BrokenRules, apply_rule_file

SHIPPED = store.RuleFile(
    revision=0,
    text=files("services.verifier").joinpath("rules", "shipped.toml").read_text(),
    note="comes with this release",
    put_at=None,
    put_by="shipped",
)


def read_products() -> Products:
    """Since when there are products. A broken file is `Fatal`, with each line that is wrong."""
    text = files("services.verifier").joinpath("rules", "products.toml").read_text()
    try:
        return parse_products(text)
    except BrokenFile as error:
        raise Fatal(f"the file of products: {error}") from error


def _digest_of_checks() -> str:
    """Of the code that judges, so that a verdict tells of which release it is."""
    code = hashlib.sha256()
    domain = files("services.verifier.domain")
    for folder in (domain, domain.joinpath("checks")):
        for path in sorted(folder.iterdir(), key=lambda path: path.name):
            if path.name.endswith(".py"):
                code.update(path.read_bytes())
    return code.hexdigest()


CHECKS = _digest_of_checks()


async def rule_file_in_force(tx: Transaction) -> store.RuleFile:
    """The newest that a person has put, else the shipped one."""
    return await store.newest_rule_file(tx) or SHIPPED


async def rule_files_page(tx: Transaction, *, before: int | None, limit: int) -> list[store.RuleFile]:
    """All that were ever put in force, newest first."""
    return await store.rule_files(tx, before=before, limit=limit + 1)


async def put_rule_file(
    tx: Transaction, text: str, settled: Rules, *, read_revision: int | None, note: str, by: str, now: datetime
) -> store.RuleFile:
    """Put a file in force. One with an error changes nothing, and neither does one that somebody else overtook."""
    await asyncio.to_thread(require_sound, text, settled)
    before = (await rule_file_in_force(tx)).revision
    new = store.RuleFile(revision=before + 1, text=text, note=note, put_at=now, put_by=by)
    if read_revision not in {None, before} or not await store.add_rule_file(tx, new):
        raise Problem(409, "changed-meanwhile", "Somebody else was faster", "Read the rules again, then repeat.")
    return new


def require_sound(text: str, settled: Rules) -> Rules:
    """The rules with what the file says; raises a problem with every line that is wrong."""
    try:
        return apply_rule_file(settled, text)
    except BrokenRules as broken:
        errors = [
            FieldError(f"line {fault.line}", "broken-rule", f"{fault.rule}: {fault.message}.")
            for fault in broken.faults
        ]
        detail = "Nothing has changed: the old ones count."
        raise Problem(422, "broken-rules", "These rules have errors", detail, errors=errors) from broken
