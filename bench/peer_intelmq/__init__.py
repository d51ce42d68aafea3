"""The same feed through IntelMQ 3.5 and through Tocsin, in turns, on this machine.

IntelMQ runs four bots, each a process, with Redis between them: Shadowserver parser, deduplicator, taxonomy expert,
file output. Where there was a choice, it fell in IntelMQ's favour:

- the report lies in the parser's queue as a whole, already encoded, when the clock starts: no collector, no HTTP;
- Redis keeps nothing on disk and listens on a socket file; its client is the quickest that we found;
- no bot has a rate limit or writes more to its log than warnings;
- the parser knows only the columns that are there, so it warns of none;
- the deduplicator goes by address, port and finding, as Tocsin does, so that the bots behind it have less to do.

Load balancing is off: on two cores five processes have nothing left to balance. What it could give at most, here or on
more cores, is in the table: as many records as the time of all cores is enough for. The clock stops when the last event
is in IntelMQ's file, and, for Tocsin, when the last record has its final outcome.
"""

from bench.peer_intelmq.comparison import run

__all__ = ["run"]
