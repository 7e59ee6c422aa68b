"""CIFAR-10 on a GPU: the paper's deep networks for 30 epochs. Test split. Not run yet.

Settings are those of the study `cifar10` with batches of 512 instead of 128, and rates four times
as high; all of it in bfloat16. Seed by seed in the order below. Mini-ImageNet has a study of its
own, `mini_imagenet`.

On a machine with JAX, an NVIDIA GPU and no network. Elsewhere, with the Python of that machine
(here 3.12):

    pip download --dest wheels --only-binary :all: --python-version 3.12 \\
        keras filelock pandas pillow
    python -m recipes.packing cifar10 packed

There, in the project's folder, beside `wheels` and `packed`:

    pip install --no-index --find-links wheels keras filelock pandas pillow
    KERAS_BACKEND=jax python -m recipes.studies cifar10_gpu --data-dir packed --time-limit 25
    KERAS_BACKEND=jax python -m recipes.studies cifar10_gpu --data-dir packed --list

JAX itself comes with the machine. The second command runs what has no row yet, one trial at a time,
and stops within its minutes; it goes on where it stopped if `runs/` is kept as well as
`recipes/results/`. Before that, to see that it runs, two epochs of 512 images:

    KERAS_BACKEND=jax python -m recipes.studies cifar10_gpu --data-dir packed --seeds 0 --smoke \\
        --only "resnet34 batch 512, dense" "resnet34 batch 512, row, 50.0% of the MACs kept"
"""

from dataclasses import replace

from recipes.studies import cifar10
from recipes.studies.tables import Lines, Shared, kept

# It runs as it stands here, not cheapest trials first; the report shows the rows of JAX.
IN_ORDER, BACKEND = True, "jax"
SEEDS, BATCH, EPOCHS = 3, 512, 30
FIRST, THEN = ("resnet34", "vgg16"), ("resnet56", "mobilenet")
NOT_RUN = (
    "free factors",
    "magnitude pruning, same epochs",
    "magnitude pruning, same epochs, two cycles",
)


def _scaled(task):
    """The settings of the study `cifar10`, for larger batches."""
    settings = cifar10.SETTINGS[task]
    factor = BATCH / settings.batch_size
    return replace(
        settings,
        batch_size=BATCH,
        epochs=EPOCHS,
        learning_rate=factor * settings.learning_rate,
        switcher_learning_rate=factor * settings.switcher_learning_rate,
        precision="mixed_bfloat16",
    )


def _lines_of(task: str) -> Lines:
    """All experiments of a network by what a line says, in the order in which they run."""
    (keep,), named = cifar10.SHARES[task], f"{task} batch {BATCH}, {{}}"
    twin = Shared(task, replace(_scaled(task), budget=None), named, SEEDS).make("dense", "dense")
    settings = replace(_scaled(task), budget=keep, **cifar10.HEAD)
    point = Shared(task, settings, f"{named}, {kept(keep, 'macs')}", SEEDS)
    lines = point.lines("convolutional", without=NOT_RUN)
    ordered = {"dense twin": twin, "row switcher": lines.pop("row switcher")}
    if share := cifar10.OF_DENSE_LAYERS.get(task):
        changes = {"groups": "dense", "budget": share, "budget_of": "weights"}
        of_dense = Shared(task, replace(settings, **changes), f"{named}, dense layers", SEEDS)
        ordered |= of_dense.lines("dense_layers")
    return ordered | lines | point.lines("uniform_macs")


LINES = {task: _lines_of(task) for task in (*FIRST, *THEN)}
# The first two networks in turn, line by line.
_in_turn = [LINES[task][label] for label in LINES[FIRST[0]] for task in FIRST]
EXPERIMENTS = [*_in_turn, *(line for task in THEN for line in LINES[task].values())]
