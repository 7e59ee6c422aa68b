"""Training steps, one file per Keras backend."""
