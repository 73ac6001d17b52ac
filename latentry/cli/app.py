"""The `latentry` command: its verbs, and what becomes of errors."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from ..errors import Interrupted, LatentryError
from .output import err, say

INTERRUPTED = 130
MISTAKE = 2

app = typer.Typer(
    name="latentry",
    help="Autoencoders and variational autoencoders, from a file to a trained model and its uses.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start here: latentry fit digits --model vae",
)


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        say(f"latentry {__version__}")
        raise typer.Exit


@app.callback()
def _latentry(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


def complain(sentence: str) -> None:
    """An error, on stderr."""
    console = err()
    console.print("Error: ", style="bold red", end="")
    console.print(" ".join(sentence.split()), markup=False)


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    console = err()
    console.print("Warning: ", style="yellow", end="")
    console.print(" ".join(str(message).split()), markup=False)


def _usage(error: typer.TyperException) -> str:
    """A mistake on the command line itself, in the words of this program's other errors."""
    text = error.format_message().strip()
    option, near = (getattr(error, name, None) for name in ("option_name", "possibilities"))
    if option and near is not None:
        text = f"there is no option {option}."
        if near:
            text += f" Did you mean {' or '.join(sorted(near))}?"
    context = getattr(error, "ctx", None)
    if context is not None:
        text += f" ({context.command_path} --help lists what there is.)"
    return text


def run(args: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `args` defaults to the process's own.

    0: done. 2: a mistake in what was given, told in a sentence on stderr. 130: stopped by Ctrl-C.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code = app(args=args, prog_name="latentry", standalone_mode=False)
    except LatentryError as error:
        complain(str(error))
        return MISTAKE
    except Interrupted as stopped:
        err().print(str(stopped), markup=False)
        return INTERRUPTED
    except (KeyboardInterrupt, typer.Abort):
        err().print("Stopped.")
        return INTERRUPTED
    except typer.TyperException as error:
        if error.format_message().strip():  # else it was `latentry` alone, which printed its help
            complain(_usage(error))
        return error.exit_code
    except BrokenPipeError:
        # The reader went away (| head): nobody is left to tell, and Python must not try at exit.
        sys.stdout = None  # type: ignore[assignment]
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        complain(f"{where}{error.strerror or error}.")
        return MISTAKE
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """The console script."""
    sys.exit(run())
