"""Opening: layers that are made of layers become the calls that their call() makes.

* `expansion`: a network's calls with those of nested models and layers in their places,
* `recording`: runs call() on symbolic tensors and reads the calls that it makes,
* `nodes`: what Keras notes of calls on symbolic tensors, read and removed again,
* `light_calls`: calls of layers on symbolic tensors, without what Keras does for any call,
* `comparing`: whether a layer takes the same steps in training,
* `symbolic`: symbolic tensors are used as other tensors are,
* `samples`: leaves the number of samples open again,
* `own_weights`, `own_kernels`: the weights that such a layer holds itself, as layers of their own,
* `held`: attributes of layers, replaced or assigned to, are put back,
* `constants`: layers in such a layer that read nothing but constants,
* `subclassed`: a model whose graph is in its call(),
* `layer_names`: names for what is inside,
* `agreement`: whether the calls compute what the layer computes, each kind being compared once,
* `comparison`: runs a layer and its calls on random inputs and weights,
* `hidden_value`: a value of `training` that notes whether a layer looks at it,
* `opened`: the calls of what is opened in a call,
* `kinds`: which calls of layers do the same,
* `stand_ins`: random functions in the places of what both have in common.
"""

from keras_switcher.graph.opening.expansion import Expansion

__all__ = ["Expansion"]
