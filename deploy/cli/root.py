"""The group of all commands: each is imported only when it is called."""

from __future__ import annotations

import errno
import importlib
from typing import Any

import click

# Command: (module, one line for the list of commands).
COMMANDS = {
    "demo": ("deploy.cli.demo", "Run a whole instance here, with the Vallée du Lot loaded."),
    "play": ("deploy.cli.play", "Play a cycle file against a running instance."),
    "run": ("deploy.cli.run", "Run a service, the gateway, mail, or all embedded."),
    "migrate": ("deploy.cli.migrate", "Bring databases to the newest migration, or down."),
    "topology": ("deploy.cli.topology", "Declare the broker's exchanges and queues."),
    "events": ("deploy.cli.events", "Look at, replay or drop events that failed."),
    "poll": ("deploy.cli.poll", "Count a box of ballots again, offline."),
    "token": ("deploy.cli.token", "Make tokens for programs that use the API."),
    "organiser": ("deploy.cli.organiser", "Let people in as organisers."),
    "instance": ("deploy.cli.instance", "Make an instance's folder; its key."),
    "partner": ("deploy.cli.partner", "Exchange cards with partners; what they may do."),
    "relay": ("deploy.cli.relay", "Look at the relay, offer, withdraw, reassign it."),
    "local": ("deploy.cli.local", "Private RabbitMQ and PostgreSQL for this folder."),
    "doctor": ("deploy.cli.doctor", "Look at this machine and say what to do."),
}


class Marathon(click.Group):
    """Commands by name; what goes wrong in them ends in one plain sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of :data:`COMMANDS`."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; errors that an operator can mend become sentences."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            sentence = sentence_for(error)
            if sentence is None or ctx.params.get("traceback"):
                raise
            raise click.ClickException(sentence) from error


def _version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from importlib import metadata

        try:
            click.echo(metadata.version("incroyable-territoire"))
        except metadata.PackageNotFoundError:
            click.echo("not installed: run make setup")
        ctx.exit()


@click.command(cls=Marathon, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version)
@click.option("--traceback", is_flag=True, help="Show where an error comes from.")
def marathon(traceback: bool) -> None:
    """Run and look after an instance of Incroyable Territoire."""
    del traceback  # read in Marathon.invoke


def sentence_for(error: Exception) -> str | None:
    """What happened and what to do, for errors that are not mistakes of ours; else nothing."""
    # By name: importing all these classes would make every command slow.
    names = {cls.__name__ for cls in type(error).__mro__}
    if "SettingsError" in names or "ServerError" in names:
        return str(error)
    if "Refusal" in names:
        return _refusal_sentence(error)
    if "DBAPIError" in names:
        return _database_sentence(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full: make room and run the command again."
    if isinstance(error, ConnectionError) or "OperationalError" in names:
        return f"The broker does not answer ({error}): look at MARATHON_AMQP_URL."
    if "AMQPError" in names:
        return f"The broker refuses ({error}): look at MARATHON_AMQP_URL."
    return None


def _refusal_sentence(error: Any) -> str:
    fields = error.details.get("errors", {})
    wrong = "".join(f"\n  {name}: {what}" for name, what in fields.items())
    return f"{error.message} {error.hint}".strip() + wrong


def _database_sentence(error: Exception) -> str:
    text = str(getattr(error, "orig", error)).strip()
    if "disk is full" in text or "No space left" in text:
        return "The disk is full: make room and run the command again."
    if "no such table" in text or ("relation" in text and "does not exist" in text):
        return "The database lacks tables: run marathon migrate first."
    return f"The database does not answer ({text}): look at MARATHON_DATABASE_URL."
