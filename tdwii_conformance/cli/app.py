"""The command `tdwii`: its subcommands by name, loaded when used; exit codes, signals, and errors of one line."""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

import click

from .. import __version__
from . import signals
from .failures import INTERRUPTED, OK, TERMINATED, explain

__all__ = ["COMMANDS", "Lazy", "main", "run"]


class Lazy(NamedTuple):
    """A subcommand: where it is, and its line in ``tdwii --help``, so that nothing is imported to show that.

    Parameters
    ----------
    place : str
        ``module:function`` below this package.
    summary : str
        The first sentence of the command's own help.
    """

    place: str
    summary: str


# In the order of `tdwii --help`. A line here is all that a new command needs.
COMMANDS: dict[str, dict[str, Lazy]] = {
    "Simulators and the suite": {
        "serve": Lazy("serve:serve", "Run simulated systems as servers: a TMS, an OST, a TDD, a watcher, or all of them."),
        "schedule": Lazy(
            "schedule:schedule_course", "Schedule a course from an RT Plan or RT Ion Plan: delivery instructions and workitems."
        ),
        "init": Lazy("init:init", "Describe a system under test: ask a few questions, try the connection, and write FILE."),
        "run": Lazy("run:run_suite", "Run the conformance suite: what pytest does, with the same options."),
    },
    "Find your way": {
        "requirements": Lazy(
            "requirements:requirements",
            "Show requirements: statement, clause, level, editions, tests, and the defects that violate them.",
        ),
        "defects": Lazy(
            "requirements:defects", "Show the defects and variations of the simulators: what each does, and what it violates."
        ),
        "completion": Lazy(
            "completion:completion",
            "Print what a shell has to read to complete commands, options, requirements and defects.",
        ),
    },
    "Results": {
        "report": Lazy("comparing:report", "Show the results of a run again: its table, and its page with --html."),
        "pack": Lazy(
            "pack:pack",
            "Make one archive for handing in: results, page, transcripts, description, hashes, a statement to fill in.",
        ),
        "compare": Lazy("comparing:compare", "Compare runs: of one system in several versions, or of several systems."),
    },
    "Worklist": {
        "find": Lazy("worklist:find", "Find workitems (RO-58, C-FIND)."),
        "get": Lazy("worklist:get", "Get a workitem's attributes (N-GET)."),
        "create": Lazy("worklist:create", "Create workitems (N-CREATE)."),
        "claim": Lazy("performing:claim", "Claim a workitem: IN PROGRESS (RO-60, N-ACTION)."),
        "progress": Lazy("performing:progress", "Report the progress of a claimed workitem (RO-62, N-SET)."),
        "set": Lazy("performing:set_", "Set attributes of a workitem (N-SET)."),
        "complete": Lazy(
            "performing:complete",
            "Finish a claimed workitem: final update (RO-64, N-SET) and COMPLETED (RO-65, N-ACTION).",
        ),
        "cancel": Lazy(
            "performing:cancel",
            "End a claimed workitem unfinished: final update (RO-64, N-SET) and CANCELED (RO-65, N-ACTION).",
        ),
        "request-cancel": Lazy(
            "worklist:request_cancel",
            "Request the cancellation of a workitem that another performs (N-ACTION, Request UPS Cancel).",
        ),
    },
    "Watching": {
        "watch": Lazy("watching:watch", "Subscribe to workitems and show their events as they come (UPS Watch and Event)."),
        "receive": Lazy("watching:receive", "Receive event reports and show them as they come, without subscribing to anything."),
        "notify": Lazy("watching:notify", "Send event reports to a watcher, as a TMS does (UPS Event, N-EVENT-REPORT)."),
    },
    "Instances": {
        "retrieve-inputs": Lazy(
            "retrieval:retrieve_inputs", "Retrieve the inputs of workitems (RO-59, RO-61): a C-MOVE per input."
        ),
        "results": Lazy(
            "instances:results", "Store treatment records (RO-63, C-STORE): yours, or one made for what was retrieved."
        ),
        "store": Lazy("instances:store", "Store instances (C-STORE)."),
        "echo": Lazy("instances:echo", "Ask whether a peer is there (C-ECHO)."),
    },
    "Many at once": {
        "load": Lazy("load:load", "Put the load of a clinic on a TMS: machines, watchers, schedulers at once."),
    },
    "Between two systems": {
        "record": Lazy("witnessing:record", "Record what systems send each other, as a proxy between them."),
        "judge": Lazy("witnessing:judge", "Judge a record of `tdwii record`, or a capture (pcap, pcapng)."),
    },
    "Files": {
        "dump2dcm": Lazy("convert:dump2dcm", "Make a DICOM file from dcmdump text."),
        "dcm2dump": Lazy("convert:dcm2dump", "Show a DICOM file as dcmdump text, with --json in the DICOM JSON model."),
        "templates": Lazy("convert:list_templates", "List the messages that come with tdwii as dcmdump text, or show one."),
        "rename-workitems": Lazy("convert:rename_workitems", "Name worklist responses as workitems: UPS_<SOPInstanceUID>.dcm."),
    },
}


class _Group(click.Group):
    """A group that imports a subcommand when it is run, and lists them from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for section in COMMANDS.values():
            if cmd_name in section:
                module, _, function = section[cmd_name].place.partition(":")
                command = getattr(importlib.import_module(f"{__package__}.{module}"), function)
                assert isinstance(command, click.Command)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for title, section in COMMANDS.items():
            if section:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(width), lazy.summary) for name, lazy in section.items()])


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 the peer refused, 2 wrong arguments or files, 3 no connection or no answer, 130 Ctrl-C. "
    "A command's --help has examples; docs/tdwii.md explains what is common to all.",
)
@click.version_option(__version__, prog_name="tdwii")
def tdwii() -> None:
    """Simulate, drive and judge systems of IHE-RO TDW-II and DICOM UPS."""


def _complain(who: str, message: str) -> None:
    for line in message.splitlines() or [""]:
        _error(f"{who}: {line}")


def _error(line: str) -> None:
    with suppress(OSError):  # the reader has gone
        print(line, file=sys.stderr, flush=True)


def _show_everything() -> None:
    """Have stdout and stderr escape the characters that they cannot show: a console may have few."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `tdwii`; return its exit code. Raises nothing, except an internal error that the user asked to see.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None and "_TDWII_COMPLETE" in os.environ:
        from .completion import answer_shell

        if (code := answer_shell(tdwii)) is not None:
            return code
    _show_everything()
    who = "tdwii"
    try:
        with signals.ending(), warnings.catch_warnings():
            # What others send may break the rules of its VR, without a word from us on the terminal.
            warnings.filterwarnings("ignore", module="pydicom")
            logging.getLogger("pydicom").addHandler(logging.NullHandler())
            with tdwii.make_context("tdwii", given) as context:
                who = _name(given)
                result: Any = tdwii.invoke(context)
                return result if isinstance(result, int) else OK
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.ctx.get_help(), file=sys.stderr)
        return error.exit_code
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else who
        _complain(where, f"{error.format_message()} ({where} --help shows what is right)")
        return error.exit_code
    except click.ClickException as error:
        _complain(who, error.format_message())
        return error.exit_code
    except signals.Terminated:
        return TERMINATED
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception as error:
        code, message = explain(error)
        _complain(who, message)
        return code


def _name(given: Sequence[str]) -> str:
    known = {name for section in COMMANDS.values() for name in section}
    return next((f"tdwii {word}" for word in given if word in known), "tdwii")


def run() -> NoReturn:
    """Run `tdwii` and end the process."""
    code = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # a closed pipe: Python would complain about it at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        # Interrupted while an association was being requested: pynetdicom's thread waits for the network on its own.
        os._exit(code)
    sys.exit(code)
