"""Bias-like additions: when Keras adds a vector to another axis than was meant."""

from keras_switcher.graph.call import Call
from keras_switcher.graph.labels import NO_CHANNEL
from keras_switcher.graph.reader import Reader


def add_broadcast(call: Call, reader: Reader, shape: tuple[int | None, ...]) -> None:
    """Declares that an operand of smaller shape is added to the call's output; see `add_vector`.

    Args:
        call: The call, whose output is labelled already.
        reader: The reader.
        shape: The shape of the second operand, whose last axis is the output's.
    """
    if shape[1:] == call.output.shape[1:]:
        return
    rank = len(call.output.shape)
    long = [axis - len(shape) + rank for axis, size in enumerate(shape) if size != 1]
    _add_along(call, reader, long)
    if 0 in long and call.output.shape[0] is None:  # There may be one sample.
        _add_along(call, reader, long[1:])


def _add_along(call: Call, reader: Reader, long: list[int]) -> None:
    """Declares that something is added that has more than one entry along these axes."""
    if len(long) == 1:
        add_vector(call, reader, long[0])
        return
    stay = [axis for axis in long if (reader.channels(call.output, axis) == NO_CHANNEL).all()]
    if len(stay) < 2:  # With a single channel left it might become a vector along another axis.
        last = len(call.output.shape) - 1
        for axis in long:
            if [other for other in long if other != axis] != [last]:  # There a vector is right.
                reader.forbid(reader.channels(call.output, axis), 1)


def add_vector(call: Call, reader: Reader, axis: int) -> None:
    """Declares that a vector is added to the call's output along an axis.

    With TensorFlow, `keras.ops.add` takes a vector of shape (n, 1, 1) for a bias of the last axis
    wherever that has n entries, and else for one of axis 1. So axes that differ in length must
    never become equal, and channels along axes that are equal cannot be followed.

    Args:
        call: The call, whose output is labelled already.
        reader: The reader.
        axis: The axis of the output along which the vector lies.
    """
    shape = call.output.shape
    last = len(shape) - 1
    along = reader.channels(call.output, axis)
    for other in {1, last} - {axis} if axis != last else ():
        ids = reader.channels(call.output, other)
        both = (along != NO_CHANNEL).any() and (ids != NO_CHANNEL).any()
        if both or shape[axis] == shape[other] or None in (shape[axis], shape[other]):
            reason = f"gets a vector added by '{call.name}', which Keras may add to another axis"
            reader.lock(along, reason)
            reader.lock(ids, reason)
        else:
            reader.forbid(along, shape[other])
            reader.forbid(ids, shape[axis])
