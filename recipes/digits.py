"""scikit-learn's digits with an MLP 64-128-64-10: dense, and under a switcher. Offline.

    python -m recipes.digits --seed 0
    python -m recipes.digits --seed 0 --switcher unet --start half_zeros --budget none \\
        --weight-decay 0.03

Shows that a switcher prunes while it trains, and that the exported network computes the same. 60
epochs of SGD with momentum .9, rate .1 that falls as a cosine, weight decay .01, batch 32, factors
below 1.5, joint updates; both networks start from the same weights. The first command is the row
switcher with a budget of 40 % of the weights; the second is the paper's U-Net from its half zeros,
with no budget and no ceiling.

Expected, 8 seeds, test accuracy of the last epoch, mean and standard deviation:

* row switcher (version 0.1.0, from near one): dense 97.84 +- .25 %, switched 97.63 +- .26 %, 60.2
  +- .1 % of the weights removed,
* U-Net: dense 97.53 +- .23 %, switched 97.11 +- .47 %, 44.0 +- 19.5 % removed, from 19.6 to 72.7 %.

No seed collapsed, but without a budget chance decides how much the U-Net removes. Its rate and
weight decay were chosen on the validation split (`--validate`, two to four seeds a setting):
without decay it overfits (91.9 % there), at rates of .004 and more it reopens most gates. Weight
decay .06 was run on the test split too: at rate .004 dense 97.63 %, switched 97.04 %, 33.7 %
removed (8 seeds). Half a minute with the row switcher, one to two minutes with the U-Net, on two
shared cores. The controls are the study `python -m recipes.studies digits_controls`.
"""

from recipes.drawing import draw_pixels
from recipes.recipe import Recipe
from recipes.settings import Settings

RECIPE = Recipe(
    name="digits",
    about="Trains an MLP on scikit-learn's digits, dense and under a switcher that prunes it.",
    task="digits",
    pictures={"pattern.png": draw_pixels},
    settings=Settings(epochs=60, batch_size=32, weight_decay=0.01, ceiling=1.5, budget=0.4),
    switcher_rates={"row": 0.002, "unet": 0.003},
)

if __name__ == "__main__":
    RECIPE.run()
