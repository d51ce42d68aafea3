"""Run in a copy of the project to whose files one language has been added, Frisian: is it one like the others there?"""

import json
import sys

from libs.common.contracts import IncidentChanged
from libs.common.languages import CUSTOMS, language_of_country
from libs.common.pages import preferred_language
from libs.common.vocabulary import Language
from services.attribution.api.organisations import OrganisationBody
from services.feedback.api.wording import read_wordings
from services.notifier.domain.letter import letter_of
from services.notifier.domain.samples.making import sample_consignment
from services.notifier.domain.samples.wish import Wish
from services.notifier.gateway.press import Press
from services.verifier.handlers.shipped import read_shipped
from tests.unit.notifier.builders import HOUSE, NOW, TOKENS

FRISIAN = Language("fy")
INCIDENTS = {incident.slug: incident for incident in read_shipped()}
PRESS = Press()


def mail_about(slug: str) -> str:
    """The text of a mail in Frisian."""
    incident = INCIDENTS[slug]
    told = IncidentChanged(
        slug=slug,
        revision=1,
        category=incident.category,
        severity=incident.severity,
        state=incident.state,
        advisory=incident.advisory,
    )
    words = PRESS.words(FRISIAN)
    of = sample_consignment(Wish(incident=slug, language=FRISIAN), told, name=words.sample_name, now=NOW)
    return PRESS.print(letter_of(of, words=words, house=HOUSE, tokens=TOKENS)).text


if __name__ == "__main__":
    sys.stdout.write(
        json.dumps(
            {
                "advised": mail_about("open-smb"),
                "unadvised": mail_about("open-rdp"),
                "skip": read_wordings()[FRISIAN].shared["skip"],
                "name": CUSTOMS[FRISIAN].name,
                "of_its_country": language_of_country("FO"),
                "of_a_browser": preferred_language("fy-NL, nl;q=0.5"),
                "may_be_chosen": OrganisationBody.model_json_schema()["$defs"]["Language"]["enum"],
            }
        )
    )
