"""``tdwii echo``: is a peer there, and does it talk to us."""

from __future__ import annotations

import click

from ..dimse import connect
from .answers import settle
from .screen import Spoken, say, say_json
from .settings import Command, Settings, common, words

VERIFICATION = "1.2.840.10008.1.1"


@click.command(cls=Command, examples=["tdwii echo localhost 11114", "tdwii echo TMS --entities ApplicationEntities.json"])
@click.argument("peer", nargs=-1, metavar="PEER")
@common()
def echo(settings: Settings, peer: tuple[str, ...]) -> None:
    """Ask whether a peer is there (C-ECHO).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book.
    """
    whom, _ = words(settings, peer)
    transcript = Spoken(settings.verbosity)
    with connect(whom, [VERIFICATION], calling=settings.calling, timeouts=settings.timeouts, transcript=transcript) as link:
        exchange = link.c_echo()
    answer = settle(exchange, "C-ECHO", whom)
    if settings.as_json:
        say_json({"peer": str(whom), "host": whom.host, "port": whom.port, **answer})
    else:
        say(f"{whom} at {whom.host}:{whom.port} answers {settings.calling}: {answer['status']}")
