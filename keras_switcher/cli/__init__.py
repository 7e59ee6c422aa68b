"""Command line: `keras-switcher`, on files of Keras models."""

import sys


def main() -> None:
    """Runs the command line; without the extra `cli` it says how to install that."""
    try:
        from keras_switcher.cli.app import run
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.exit("keras-switcher needs typer. Install it with: pip install 'keras-switcher[cli]'")
    sys.exit(run())
