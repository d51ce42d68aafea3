"""What is on the list of vital operators goes on with whose it is, and says the same when it comes again."""

import msgspec

from libs.common.contracts import Asset, ListedOperator, ThreatVerified
from libs.common.db import Database
from libs.common.vocabulary import Reliability
from services.verifier.domain import parse_vital_assets
from services.verifier.domain.review import Decision
from tests.integration import test_verifier
from tests.integration.test_verifier import review, rules_in_force, sent, verify
from tests.unit.verifier.builders import RULES, raw

database = test_verifier.database

WATER = ListedOperator(name="Water Works", sector="drinking water", warned_by="WaterCERT")
LIST = ["kind,value,name,sector,warned_by", "ip-range,145.10.20.0/24,Water Works,drinking water,WaterCERT"]


async def test_whose_it_is_is_kept_with_the_verdict(database: Database) -> None:
    listing = await rules_in_force(
        database, settled=msgspec.structs.replace(RULES, vital_assets=parse_vital_assets(LIST))
    )
    at_once, doubtful = raw(1), raw(2, asset=Asset(ip="145.10.20.31"), reliability=Reliability.E)

    (told, _) = await verify(database, listing, at_once, doubtful)
    await review(database, listing, doubtful, Decision.VERIFY)
    (by_a_person,) = await sent(database)

    without = await rules_in_force(database)
    assert await verify(database, without, at_once, doubtful) == [told, by_a_person], "the list has changed since"
    assert isinstance(told, ThreatVerified)
    assert isinstance(by_a_person, ThreatVerified)
    assert (told.listed, by_a_person.listed) == (WATER, WATER)
