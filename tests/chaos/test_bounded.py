"""Nothing lost and nothing doubled, whatever is killed: one run of some minutes. `tests.chaos.long` runs for hours."""

import os
from pathlib import Path

from tests.chaos.arena import clear_away
from tests.chaos.plan import plan_of
from tests.chaos.run import run

RECORDS = int(os.environ.get("TOCSIN_CHAOS_RECORDS", "50000"))
SECONDS = float(os.environ.get("TOCSIN_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("TOCSIN_CHAOS_SEED", "1"))


async def test_every_record_has_one_outcome_and_every_mail_left_once(tmp_path: Path) -> None:
    verdict = await run(plan_of(SEED, seconds=SECONDS), records=RECORDS, home=tmp_path)

    assert not verdict.wrong, f"\n{verdict}"
    assert verdict.counts["mails"]["to another contact"], "what nobody reads is to go on under blows too"
    assert verdict.counts["teams"]["copies that arrived"], "teams are to hear of it as well"
    assert verdict.counts["teams"]["handed over"], "and of what they alone warn of"
    assert verdict.counts["doubters"]["held and released"], "what waited is to go on once somebody else says so too"
    clear_away(tmp_path)
