"""The command line as a module: `python -m keras_switcher.cli`."""

from keras_switcher.cli import main

if __name__ == "__main__":
    main()
