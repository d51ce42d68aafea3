"""The ladder: from whom a threat hits to who can reach them. Each rung leaves its evidence, also when it knows nothing.

What is asked, in this order unless the operator has another, and how certain whoever is found there is:

registered          name (closest parent), then smallest range, then AS         1.0, other contact of theirs .95
learnt              a person once said whose this asset is                      .9
record-names        registered owner of a certificate's name, of reverse DNS    .6, .25: alone too little
known-organisation  called like the domain, with its mail there; like registrant  .8, .25: alone too little
security-txt        of the host, then of the registrable domain                 .9, expired .7, elsewhere .5
company-registry    the one company of the registrant's name, its web site      .8
rdap-domain         registrant and administrative contact, technical            .7, .5
role-names          security@ of a domain that takes mail; off                  .4
platform            who gives out names below its own                           .5
registrar           of a domain that serves an attacker                         .5
rdap-network        contact for abuse, where the import knows none              .6
network             abuse-c of the range, own or inherited                      .6, .5
as                  abuse-c of the AS                                           .4
national-cert       the team of the sector or the country                       .4

Where to look: `climbing.py` has the order, `deciding.py` how it is decided, `rules.py` and `file.py` the operator's
choices, `words.py` how it is told.
"""

from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.climbing import climb, ranked
from services.attribution.domain.ladder.deciding import decide, nobody, tried_out
from services.attribution.domain.ladder.file import BrokenLadder, read_ladder
from services.attribution.domain.ladder.imports import believed
from services.attribution.domain.ladder.organisations import candidate_of
from services.attribution.domain.ladder.rules import Ladder
from services.attribution.domain.ladder.values import (
    Attributed,
    Candidate,
    Decision,
    Doubted,
    Route,
    Settled,
    Step,
    Verdict,
    Waiting,
    told,
)
from services.attribution.domain.ladder.words import explain

__all__ = [
    "Attributed",
    "BrokenLadder",
    "Candidate",
    "Case",
    "Decision",
    "Doubted",
    "Ladder",
    "Route",
    "Settled",
    "Step",
    "Verdict",
    "Waiting",
    "believed",
    "candidate_of",
    "climb",
    "decide",
    "explain",
    "nobody",
    "ranked",
    "read_ladder",
    "told",
    "tried_out",
]
