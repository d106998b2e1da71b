"""``tdwii completion``: what a shell needs to complete commands, options, requirements and defects. The work is click's."""

from __future__ import annotations

import os

import click
from click.shell_completion import get_completion_class, shell_complete

from .screen import say
from .settings import Command

__all__ = ["VARIABLE", "answer_shell", "completion"]

VARIABLE = "_TDWII_COMPLETE"  # in which the shell says what it asks


@click.command(
    cls=Command,
    examples=[
        'eval "$(tdwii completion bash)"                        # in ~/.bashrc',
        'eval "$(tdwii completion zsh)"                         # in ~/.zshrc',
        "tdwii completion fish > ~/.config/fish/completions/tdwii.fish",
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what a shell has to read to complete commands, options, requirements and defects."""
    from .app import tdwii

    kind = get_completion_class(shell)
    assert kind is not None
    say(kind(tdwii, {}, "tdwii", VARIABLE).source())


def answer_shell(group: click.Group) -> int | None:
    """Answer a shell that asks for completions, and return the exit code; ``None`` if none asks."""
    instruction = os.environ.get(VARIABLE)
    return shell_complete(group, {}, "tdwii", VARIABLE, instruction) if instruction else None
