"""Opening: layers that are made of layers become the calls that their call() makes.

* `expansion`: a network's calls with those of nested models and layers in their places,
* `recording`: runs call() on symbolic tensors and reads the calls that it makes,
* `own_weights`: the weights that such a layer holds itself, as layers of their own,
* `layer_names`: names for what is inside,
* `agreement`: whether the calls compute what the layer computes.
"""

from keras_switcher.graph.opening.expansion import Expansion

__all__ = ["Expansion"]
