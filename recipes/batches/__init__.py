"""The batches of an epoch, shuffled and augmented beside the training: `tf.data`, or NumPy."""

import keras

if keras.backend.backend() == "tensorflow":
    from recipes.batches.tensorflow import TensorFlowBatches as Batches
else:
    from recipes.batches.numpy import NumPyBatches as Batches

__all__ = ["Batches"]
