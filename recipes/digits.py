"""scikit-learn's digits with an MLP 64-128-64-10: dense, and under a switcher. Offline.

    python -m recipes.digits --seed 0
    python -m recipes.digits --seed 0 --switcher unet --start half_zeros --budget none \\
        --switcher-learning-rate 0.003 --weight-decay 0.03

Shows that a switcher prunes while it trains, and that the exported network computes the same; both
networks start from the same weights. The first command is the row switcher with a budget of 40 % of
the weights; the second is the paper's U-Net from its half zeros, with no budget: chance decides
how much it removes. Its rate and weight decay were chosen on the validation split (`--validate`):
without decay it overfits, at rates of .004 and more it reopens most gates.

Settings and controls are those of the study `python -m recipes.studies digits_controls`;
`docs/results.md` has what both have measured. Half a minute with the row switcher, one to two
minutes with the U-Net, on two shared cores.
"""

from recipes.drawing import draw_pixels
from recipes.recipe import Recipe
from recipes.studies import digits_controls

RECIPE = Recipe(
    "digits", __doc__, digits_controls.CONTROLS["row switcher"], {"pattern.png": draw_pixels}
)

if __name__ == "__main__":
    RECIPE.run()
