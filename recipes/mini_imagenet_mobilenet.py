"""Mini-ImageNet with MobileNetV1: dense, and under a switcher, half of the MACs.

    python -m recipes.mini_imagenet_mobilenet
    python -m recipes.mini_imagenet_mobilenet --groups dense --budget 0.929 --budget-of weights

100 classes, 84x84 pixels. The second command gates what the dense layer reads, as the paper does.

Settings, baselines and seeds are those of the study `python -m recipes.studies mini_imagenet`.
`--data-dir` names a folder of images; `recipes/mini_imagenet.py` says how to get them.
"""

from recipes.drawing import draw_dense_inputs
from recipes.recipe import Recipe
from recipes.studies import mini_imagenet

RECIPE = Recipe(
    "mini_imagenet_mobilenet",
    __doc__,
    mini_imagenet.LINES["mini_mobilenet"]["row switcher"],
    {"dense_inputs.png": draw_dense_inputs},
)

if __name__ == "__main__":
    RECIPE.run()
