"""A switched network under evaluate() and predict(), which compute its factors once."""

import keras
from keras import ops

from keras_switcher.gating.inference import Renewing
from keras_switcher.switched_network import SwitchedNetwork
from keras_switcher.training.metrics import SHARES, StructureShares


class EvaluatedNetwork(SwitchedNetwork):
    """The part of `SwitcherModel` that evaluates and predicts.

    The arguments are those of `SwitchedNetwork`.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.structure_shares = StructureShares()

    def test_step(self, data):
        """One batch of evaluate(), with the factors computed before the first batch."""
        x, y, sample_weight = self.unpacked(data)
        with self.inference.scope() as scope:
            y_pred = self.task(x, training=False)
        self.reported_loss(x, y, y_pred, sample_weight, training=False, added=scope.losses)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data):
        """One batch of predict(), with the factors computed before the first batch."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with self.inference.scope():
            return self.task(x, training=False)

    def make_test_function(self, force=False):
        """Builds the function behind evaluate()."""
        super().make_test_function(force)
        self.test_function = self._renewing(self.test_function, self._renew_and_report)

    def make_predict_function(self, force=False):
        """Builds the function behind predict()."""
        super().make_predict_function(force)
        self.predict_function = self._renewing(self.predict_function, self.inference.renew)

    def reported_loss(self, x, y, y_pred, sample_weight, training, added=()):
        """The task's loss, and its report: that of every pass, as Keras does per output."""
        # Without a loss of its own and without labels, Keras knows of none.
        has_own = self.loss is not None or not added
        loss = self._compute_loss(x, y, y_pred, sample_weight, training) if has_own else 0.0
        replicas = self.distribute_strategy.num_replicas_in_sync
        loss += sum(map(ops.sum, added)) / replicas
        first = next(values for values in keras.tree.flatten(x) if values is not None)
        batch = ops.shape(first)[0]
        self._loss_tracker.update_state(loss * replicas, sample_weight=batch)
        return loss

    def shuffled_loss(self, x, y, y_pred, sample_weight):
        """The loss if each sample had the outputs of the one before it.

        A network that has learned something of its inputs does much better than that.
        """

        def other(outputs):
            return ops.roll(outputs, 1, axis=0) if len(outputs.shape) else outputs

        # In a scope the loss's own metrics stay as they are; regularizers look for weights there.
        regularized = [(w, w.value) for w in self.variables if getattr(w, "regularizer", None)]
        with keras.StatelessScope(regularized):
            others = keras.tree.map_structure(other, y_pred)
            return self._compute_loss(x, y, others, sample_weight, training=True)

    def unpacked(self, data) -> tuple:
        """Inputs, labels and sample weights of a batch; ValueError if a loss lacks its labels."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if y is None and self.loss is not None:
            raise ValueError(
                "A batch without labels was passed to fit() or evaluate(). The task network and "
                "the switcher are trained on the task's loss: pass y, or a dataset of (x, y) pairs."
            )
        return x, y, sample_weight

    def _flatten_metrics_in_order(self, logs):
        """Lists of results are those of the task network: the shares of structure have names."""
        return super()._flatten_metrics_in_order({n: v for n, v in logs.items() if n not in SHARES})

    def _renewing(self, function, renew):
        if isinstance(function, Renewing):
            function.stale = True
            return function
        with self.distribute_strategy.scope():
            self.inference.prepare()
        # Op by op, a deep network's hundred groups would take longer than a batch.
        renew = renew if self.run_eagerly else self.as_graph(renew)
        return Renewing(function, lambda: renew(self.inference.factors()))

    def _renew_and_report(self, factors):
        self.inference.renew(factors)
        self.structure_shares.set_state(self.gated.shares(factors))
