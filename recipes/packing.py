"""Packs a data set of TFDS into a few files that are read without it.

    python -m recipes.packing cifar10 FOLDER
    python -m recipes.packing cifar10 FOLDER --data-dir TFDS_FOLDER

Needs tensorflow-datasets; `--data-dir` is its data directory, without which it downloads. FOLDER is
then a `--data-dir` of recipes and studies under any backend, see `recipes.packed`.
"""

import argparse
import sys
from pathlib import Path

from recipes import datasets
from recipes.packed import read_packed, write_packed


def main(arguments: list[str] | None = None):
    """Packs a data set from the command line."""
    options = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser("python -m recipes.packing", description=__doc__, **options)
    parser.add_argument("name", choices=("cifar10",))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data-dir", type=Path, help="TFDS data directory")
    options = parser.parse_args(arguments)
    try:
        data = datasets.cifar10(data_dir=options.data_dir)
        parts = {"train": data.train, "test": data.held_out}
        write_packed(options.folder, parts)
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))
    for name, part in parts.items():
        again = read_packed(options.folder, name)
        if not all((now == then).all() for now, then in zip(again, part, strict=True)):
            sys.exit(f"The packed images of '{name}' in {options.folder} are others: try again.")
    sizes = {path: path.stat().st_size for path in sorted(options.folder.iterdir())}
    print("\n".join(f"{path}: {size / 2**20:.1f} MiB" for path, size in sizes.items()))


if __name__ == "__main__":
    main()
