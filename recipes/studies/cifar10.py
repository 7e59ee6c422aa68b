"""CIFAR-10: the paper's networks with its dense layers gated, and with all of them. Test split.

Rates and decays of the dense networks were chosen on the validation split, by the experiments at
the end; the methods take those of the dense twin.
"""

from dataclasses import replace

from recipes.settings import Settings
from recipes.studies.baselines import Family, Lines, kept, unique

# Crops and flips for all networks; what of bfloat16 was slower on CPUs has float32.
DENSE = Settings(
    epochs=20,
    batch_size=128,
    learning_rate=0.1,
    weight_decay=0.005,
    switcher_learning_rate=0.005,
    schedule="one cycle",
    nesterov=True,
    augmentation="crop and flip",
    precision="mixed_bfloat16",
    budget=0.5,
    budget_of="macs",
    budget_start=0.1,
    budget_end=0.5,
)
HEAD = {"ceiling": 1.5, "switcher_clipnorm": 1.0}
# Weights kept in the paper's tables, of all kernels or of those of dense layers.
VGG_COV2_KEPT = 0.604
VGG_COV2 = replace(
    DENSE, learning_rate=0.05, weight_decay=0.003, budget=VGG_COV2_KEPT, budget_of="weights"
)


def _family(task: str, settings: Settings, seeds: int) -> Family:
    named = f"{task} {{}}, {kept(settings.budget, settings.budget_of)}"
    return Family(task, replace(settings, **HEAD), named, seeds, named.format("row"))


def _dense(task: str, settings: Settings, seeds: int) -> Lines:
    family = Family(task, replace(settings, budget=None), f"{task} {{}}", seeds)
    return {"dense twin": family.make("dense", "dense")}


VGG_COV2_LINES = {
    **_dense("vgg_cov2", VGG_COV2, 3),
    **_family("vgg_cov2", VGG_COV2, 3).lines("convolutional"),
}
_first = replace(VGG_COV2, validate=True, budget=None)
RATES = Family("vgg_cov2", _first, "vgg_cov2 {}, validation", 1).lines("vgg_cov2_rates")
EXPERIMENTS = unique(VGG_COV2_LINES, RATES)
