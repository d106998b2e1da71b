"""What commands have in common: options, the peer (address book, configuration), and how to call it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .failures import Usage
from .reading import read_as

if TYPE_CHECKING:
    from ..dimse import TLS, Peer, Proposal, Timeouts
    from ..sut.config import SystemUnderTest

__all__ = ["Command", "Group", "Settings", "common", "templated", "words"]

BOOK = "ApplicationEntities.json"
SYNTAXES = {"implicit": "1.2.840.10008.1.2", "explicit": "1.2.840.10008.1.2.1", "deflated": "1.2.840.10008.1.2.1.99"}
UNCOMPRESSED = (SYNTAXES["implicit"], SYNTAXES["explicit"])
ANY = "ANY-SCP"  # the AE title to call at HOST PORT if none is given


class _WithExamples(click.Command):
    """Help that ends with examples.

    Parameters
    ----------
    examples : sequence of str
        Command lines, without the prompt; what they do after a ``#``.
    """

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)


class Command(_WithExamples):
    """A command whose help ends with examples."""


class Group(_WithExamples, click.Group):
    """A command with subcommands whose help ends with examples."""


def _entities(path: Path) -> dict[str, Peer]:
    from ..dimse import Peer
    from ..sut.config import entities  # not without a file: it takes a tenth of a second to import

    return {title: Peer(title, at.host, at.port) for title, at in entities(path).items()}


@dataclass(frozen=True)
class Settings:
    """What the common options say.

    Parameters
    ----------
    verbosity : int
        How often ``-v``.
    as_json : bool
        Whether the result is for a script.
    given_calling, given_called : str or None
        AE titles, ours and the peer's.
    seconds : float or None
        Deadline for a connection and for each answer.
    entities, config : Path or None
        Address book, and description of a system under test.
    default_calling : str
        Our AE title unless something else is said.
    syntax : str
        UID of the one transfer syntax to propose; empty: Implicit and Explicit VR Little Endian.
    maximum_length : int or None
        Maximum length of a PDU that we announce, in bytes; 0: no limit.
    """

    verbosity: int = 0
    as_json: bool = False
    given_calling: str | None = None
    given_called: str | None = None
    seconds: float | None = None
    entities: Path | None = None
    config: Path | None = None
    default_calling: str = "TDD"
    syntax: str = ""
    maximum_length: int | None = None
    _cache: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def system(self) -> SystemUnderTest | None:
        """The system that ``--config`` describes."""
        if self.config is None:
            return None
        if "system" not in self._cache:
            from ..sut.config import load_system

            self._cache["system"] = load_system(self.config, entities=self.book_path)
        system: SystemUnderTest = self._cache["system"]
        return system

    @property
    def book_path(self) -> Path | None:
        """The address book: the one given, or `BOOK` of the current folder."""
        if self.entities is not None:
            return self.entities
        return Path(BOOK) if Path(BOOK).is_file() else None

    @property
    def book(self) -> dict[str, Peer]:
        """Every known AE title: of the address book, then of the configuration.

        Raises
        ------
        ConfigError
            If a file is wrong, with every problem.
        """
        if "book" not in self._cache:
            path, system = self.book_path, self.system
            known = _entities(path) if path else {}
            for peer in (system.tms, system.ost) if system else ():
                if peer is not None:
                    known[peer.ae_title] = peer
            self._cache["book"] = known
        book: dict[str, Peer] = self._cache["book"]
        return book

    @property
    def calling(self) -> str:
        """Our AE title: as given, as the configuration has it, or what suits the command.

        Raises
        ------
        ValueError
            If it is none.
        """
        from ..dimse import check_ae_title

        if self.given_calling is not None:
            return check_ae_title(self.given_calling)
        return self.system.tdd.ae_title if self.system and self.default_calling == "TDD" else self.default_calling

    @property
    def our_tls(self) -> TLS | None:
        """How we listen, if the configuration says that it is over TLS."""
        return self.system.tdd.tls if self.system else None

    def proposed(self, contexts: Sequence[Proposal]) -> list[Proposal]:
        """Return presentation contexts with the transfer syntax that was asked for; what is compressed has its own."""
        if not self.syntax:
            return list(contexts)
        only = (self.syntax,)
        return [
            (one, only) if isinstance(one, str) else (one[0], only) if set(one[1]) <= set(UNCOMPRESSED) else one for one in contexts
        ]

    @property
    def association(self) -> dict[str, Any]:
        """What `dimse.connect` is given for each association: AE title, deadlines, length of PDUs."""
        return {"calling": self.calling, "timeouts": self.timeouts, "maximum_length": self.maximum_length}

    @property
    def timeouts(self) -> Timeouts:
        """Deadlines: as given, as the configuration has them, or the usual ones."""
        from ..dimse import Timeouts

        if self.seconds is None:
            return self.system.timeouts if self.system else Timeouts()
        return Timeouts(self.seconds, self.seconds, self.seconds, max(self.seconds, Timeouts.network))

    def entity(self, title: str) -> Peer:
        """Return an application entity by its AE title, or by its role in the configuration (``tms``, ``ost``).

        Raises
        ------
        Usage
            If it is not known; the message lists the known ones.
        """
        from ..dimse import Peer, check_ae_title

        system = self.system
        roles = {"tms": system.tms, "ost": system.ost} if system else {}
        found = self.book.get(title) or roles.get(title.lower())
        if found is None:
            if not self.book:
                raise Usage(
                    f"{title!r} is not a known AE title: give HOST PORT, or an address book (--entities FILE, or {BOOK} here)"
                    " that has it"
                )
            source = " or ".join(str(path) for path in (self.book_path, self.config) if path)
            raise Usage(f"no AE title {title!r} in {source}; known are {', '.join(sorted(self.book))}")
        if self.given_called is not None:
            return Peer(check_ae_title(self.given_called), found.host, found.port, found.tls)
        return found

    def at(self, host: str, port: str) -> Peer:
        """Return the application entity at an address: the known one, or one of unknown AE title.

        Raises
        ------
        Usage
            If the port is none.
        """
        from ..dimse import Peer, check_ae_title

        if not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise Usage(f"{port!r} is not a port: give 1 to 65535")
        known = next((peer for peer in self.book.values() if (peer.host, peer.port) == (host, int(port))), None)
        title = self.given_called or (known.ae_title if known else ANY)
        return Peer(check_ae_title(title), host, int(port), known.tls if known else None)


def words(settings: Settings, given: Sequence[str], *wanted: str, many: str = "", least: int = 0) -> tuple[Peer, list[str]]:
    """Separate the peer from the other arguments of a command: PEER is ``HOST PORT``, ``HOST:PORT`` or an AE title.

    Parameters
    ----------
    settings : Settings
        Of the command.
    given : sequence of str
        Its arguments.
    *wanted : str
        What they are called after the peer.
    many : str
        What the last ones are called when any number may follow.
    least : int
        How many of those there must be.

    Returns
    -------
    (Peer, list of str)
        The peer, and the other arguments.

    Raises
    ------
    Usage
        If there are too few or too many, or the peer is not known.
    """
    if not given:
        raise Usage("PEER is missing: HOST PORT, HOST:PORT, or an AE title of the address book")
    host, _, port = given[0].rpartition(":")
    if len(given) > 1 and given[1].isdecimal():
        peer, rest = settings.at(given[0], given[1]), list(given[2:])
    elif host and port.isdecimal():
        peer, rest = settings.at(host.strip("[]"), port), list(given[1:])
    else:
        peer, rest = settings.entity(given[0]), list(given[1:])
    names = [*wanted, *[many] * least]
    if len(rest) < len(names):
        raise Usage(f"{names[len(rest)]} is missing")
    if len(rest) > len(wanted) and not many:
        raise Usage(f"{rest[len(wanted)]!r} is one argument too many")
    return peer, rest


_OUTPUT = (
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)  # fmt: skip
_NETWORK = (
    click.option("-v", "--verbose", count=True, help="Show the messages as dcmdump text; -vv without cutting anything."),
    click.option("--calling", metavar="AE", help="Our AE title."),
    click.option("--called", metavar="AE", help="The peer's AE title, for HOST PORT."),
    click.option("--timeout", type=click.FloatRange(0.01, 3600), metavar="SECONDS", help="For a connection, and for each answer."),
    click.option(
        "--entities", type=click.Path(path_type=Path), envvar="TDWII_ENTITIES", metavar="FILE",
        help=f"Address book  [default: $TDWII_ENTITIES, or {BOOK} of the current folder]",
    ),
    click.option(
        "--config", type=click.Path(path_type=Path), envvar="TDWII_CONFIG", metavar="FILE",
        help="Description of a system, as of the suite's --sut: TMS, OST, TLS, time-outs  [default: $TDWII_CONFIG]",
    ),
    click.option("--propose", type=click.Choice(list(SYNTAXES)), help="Propose this transfer syntax alone."),
    click.option("--pdu", type=click.IntRange(0, 2**32 - 1), metavar="BYTES", help="Longest PDU that we take; 0: no limit."),
)  # fmt: skip


def common(*, network: bool = True, calling: str = "TDD") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the common options to a command, and hand them to it as its first argument, a `Settings`.

    Parameters
    ----------
    network : bool
        Whether the command opens associations.
    calling : str
        Our AE title unless something else is said.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(
            *,
            as_json: bool,
            verbose: int = 0,
            calling: str | None = None,
            called: str | None = None,
            timeout: float | None = None,
            entities: Path | None = None,
            config: Path | None = None,
            propose: str | None = None,
            pdu: int | None = None,
            **others: Any,
        ) -> Any:
            settings = Settings(
                verbose, as_json, calling, called, timeout, entities, config, default, SYNTAXES[propose] if propose else "", pdu
            )
            return function(settings, **others)

        for option in reversed((*_OUTPUT, *(_NETWORK if network else ()))):
            command = option(command)
        return read_as(command)

    default = calling
    return decorate


def templated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command whose data set may be a filled template."""
    fill = click.option(
        "--set", "values", multiple=True, metavar="NAME=VALUE", help="Fill a placeholder of the template, or of FILE; repeat."
    )
    name = click.option("--template", metavar="NAME", help="Instead of FILE: a message that comes with tdwii (tdwii templates).")
    return name(fill(function))
