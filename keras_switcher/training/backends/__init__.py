"""The trainer of the backend that Keras runs on, as Keras has one for each."""

import keras

match keras.backend.backend():
    case "tensorflow":
        from keras_switcher.training.backends.tensorflow import TensorFlowTrainer as BackendTrainer
    case "jax":
        from keras_switcher.training.backends.jax import JAXTrainer as BackendTrainer
    case "torch":
        from keras_switcher.training.backends.torch import TorchTrainer as BackendTrainer
    case other:
        raise ImportError(
            f"SwitcherModel trains with TensorFlow, JAX and PyTorch; Keras runs on {other!r}. Set, "
            'for example, KERAS_BACKEND="jax" in the environment before Keras is imported. '
            "channel_groups(), prune_channels() and count_macs() need no training backend."
        )

__all__ = ["BackendTrainer"]
