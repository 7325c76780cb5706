"""What models require of the networks, samples and labels that they are given."""

import keras
import numpy as np

from keras_multigan.data.images import check_images, check_vectors
from keras_multigan.internals import flatten_layers, graph_of
from keras_multigan.schedules import constant


def output_shape(network, input_shape, name):
    """The output shape (without batch) of `network` on float inputs of `input_shape`, or of a list of
    such shapes; a list of shapes if it has several outputs.

    Raises:
        ValueError: `network` is not a Keras model or does not take such inputs; `name` names it.
    """
    if not isinstance(network, keras.Model):
        raise ValueError(f"{name} is expected to be a keras.Model. Received: {network!r}")
    expected = getattr(network, "input_shape", None) if network.built else None
    try:
        if isinstance(expected, tuple) and (len(expected) != len(input_shape) + 1 or any(
                e not in (None, size) for e, size in zip(expected[1:], input_shape, strict=True))):
            raise ValueError(f"it takes {expected[1:]}")
        inputs = ([keras.KerasTensor((2, *shape)) for shape in input_shape]
                  if isinstance(input_shape, list) else keras.KerasTensor((2, *input_shape)))
        # A call would leave the number of rows in the network's summary.
        outputs = (network.compute_output_spec if network.built else network)(inputs)
        return keras.tree.map_structure(lambda output: tuple(output.shape[1:]), outputs)
    except Exception as error:
        raise ValueError(
            f"{name} is expected to take inputs of shape (batch, "
            f"{', '.join(map(str, input_shape))}). Received: the network {network.name!r}; {error}. "
            "Build the networks with the same latent_dim and image_shape."
        ) from error


def whole_number(value, name, or_none=False):
    """`value` as an int; None if that is allowed. Raises ValueError unless it is a whole number >= 1;
    `name` names it."""
    if or_none and value is None:
        return None
    if int(value) != value or value < 1:
        raise ValueError(f"{name} is expected to be a whole number, {name} >= 1. Received: {value!r}")
    return int(value)


def non_negative(value, name):
    """`value` as a float. Raises ValueError unless it is a finite number >= 0; `name` names it."""
    if not 0 <= float(value) < float("inf"):
        raise ValueError(f"{name} is expected to be a finite number, {name} >= 0. Received: {value}")
    return float(value)


def one_of(value, choices, name):
    """`value`. Raises ValueError unless it is one of `choices`; `name` names it."""
    if value not in choices:
        raise ValueError(f"{name} is expected to be {' or '.join(map(repr, choices))}. "
                         f"Received: {value!r}")
    return value


def distinct(networks, name):
    """`networks` as a list; those of one name get a number at its end.

    Raises:
        ValueError: `networks` is no list or empty, or two of them are one network or share a layer with
            weights, which a saved list could not say; `name` names it.
    """
    if not isinstance(networks, (list, tuple)) or not networks:
        raise ValueError(
            f"{name} is expected to be a list of at least one Keras model. Received: {networks!r}. "
            "Pass, for example, [make_network() for _ in range(5)].")
    if len({id(network) for network in networks}) < len(networks):
        raise ValueError(
            f"{name} is expected to hold distinct networks. Received: one network several times, as in "
            "[g] * n. Build one per place: [make() for _ in range(n)].")
    owners = {}
    for k, network in enumerate(networks):
        for layer in flatten_layers(network) if isinstance(network, keras.Model) else ():
            if (layer.weights or not layer.built) and owners.setdefault(id(layer), k) != k:
                raise ValueError(
                    f"{name} is expected to hold networks without common layers. Received: numbers "
                    f"{owners[id(layer)]} and {k}, which share {layer.name!r}. Build them apart; "
                    "generators that share layers come as one functional model with one output per "
                    "generator.")
    names = [getattr(network, "name", None) for network in networks]
    for k, network in enumerate(networks):
        if names.count(names[k]) > 1:
            network.name = f"{names[k]}_{k}"
    return list(networks)


def cloned(network):
    """A network with the layers of `network` and new weights.

    Raises:
        ValueError: it is neither functional nor sequential, or has a `call` of its own, which would be
            lost.
    """
    if graph_of(network) is None:
        raise ValueError("Functional or sequential networks without a call of their own are expected, "
                         f"which can be made anew. Received: {network.name}, {type(network).__name__}.")
    return keras.models.clone_model(network)


def check_score(network, input_shape, name):
    """Raises ValueError unless `network` gives one score (N, 1)."""
    check_outputs(network, input_shape, name, 1, "one score")


def check_outputs(network, input_shape, name, count, meaning):
    """Raises ValueError unless `network` gives (N, count) numbers without activation, which are
    `meaning`."""
    shape = output_shape(network, input_shape, name)
    if shape != (count,):
        raise ValueError(f"{name} is expected to give {meaning}, (batch, {count}). Received: "
                         f"{(None, *shape)}. End it with Dense({count}).")
    check_linear(network, name)


def check_linear(network, name):
    """Raises ValueError if the last layer of `network` makes probabilities of its scores."""
    last = (getattr(network, "layers", None) or [None])[-1]
    if getattr(last, "activation", None) in (keras.activations.sigmoid, keras.activations.softmax):
        raise ValueError(f"{name} is expected to give scores without activation. Received: "
                         f"{last.activation.__name__} in its last layer {last.name!r}. Leave it out.")


def check_no_batch_normalization(network, name):
    """Raises ValueError if `network`, with a penalty on the gradient of each sample, mixes samples."""
    normalizations = [layer.name for layer in flatten_layers(network)
                      if isinstance(layer, keras.layers.BatchNormalization)]
    if normalizations:
        raise ValueError(
            f"With a penalty on the gradient of each sample, {name} is expected to have no batch "
            f"normalization, which mixes samples. Received: {normalizations[0]!r}. Take "
            "networks.LayerNormalization in its place."
        )


def check_classifier(network, input_shape, num_generators, weight, weight_name):
    """Raises ValueError unless `network` gives logits (N, K), K >= 2, or is None and not needed.

    Args:
        network: Keras model or None.
        input_shape: of a sample.
        num_generators: of the model; one alone has no classes to be told apart.
        weight: schedule of the loss term that needs the classifier.
        weight_name: its name.
    """
    if network is None:
        if num_generators > 1 and weight != constant(0):
            raise ValueError(
                f"A classifier is expected if {weight_name} is not 0 and there are several "
                f"generators. Received: classifier=None, {weight_name}={weight}. Pass classifier= "
                f"(`multigan classifier` makes one) or {weight_name}=0."
            )
        return
    logits = output_shape(network, input_shape, "classifier")
    if len(logits) != 1 or logits[0] < 2:
        raise ValueError("classifier is expected to give logits (batch, K), K >= 2. Received: "
                         f"{(None, *logits)}")
    noise = np.random.default_rng(0).uniform(-1, 1, (8, *input_shape)).astype("float32")
    outputs = keras.ops.convert_to_numpy(keras.ops.cast(network(noise, training=False), "float32"))
    if not np.isfinite(outputs).all():
        raise ValueError("classifier is expected to give finite logits for images in [-1, 1]. "
                         "Received: NaN or infinity. Train it again.")
    if outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=1e-2):
        raise ValueError("classifier is expected to give logits. Received: outputs >= 0 that sum to 1, "
                         "which are probabilities. Leave out its softmax.")
    if np.ptp(outputs, axis=0).max() == 0:
        raise ValueError("classifier is expected to tell images apart. Received: the same logits for "
                         "all. Train it again.")


def check_samples(samples, shape):
    """Raises ValueError unless `samples` are finite float (N, *shape), images in [-1, 1]."""
    (check_images if len(shape) == 3 else check_vectors)(samples)
    check_shape(samples.shape, shape)
    # In bytes that were scaled to [-1, 1] nothing is exactly 0, the black of images in [0, 1].
    if len(shape) == 3 and samples.min() == 0 and samples.max() > 0.5:
        raise ValueError(
            "Training images are expected to be in [-1, 1]. Received: values from 0 to "
            f"{samples.max()}, as of images in [0, 1]. Pass 2 * images - 1.")


def check_shape(received, shape):
    """Raises ValueError unless a batch of shape `received` has samples of shape `shape`."""
    if tuple(received[1:]) != tuple(shape):
        raise ValueError(
            f"Training samples are expected to have the generators' shape {tuple(shape)}. Received: "
            f"{tuple(received[1:])}. Resize the images or rebuild the networks."
        )


def check_labels(labels, num_classes, who, all_of_them=False):
    """Raises ValueError unless `labels` are integers (N,) in 0..num_classes-1.

    Args:
        labels: what `fit` got; None if nothing.
        num_classes: None if no labels are needed.
        who: the model's name, for messages.
        all_of_them: whether these are the labels of all samples, so that every class must be there.
    """
    if num_classes is None:
        return
    expected = f"{who} expects integer labels in 0..{num_classes - 1}. "
    if labels is None:
        raise ValueError(expected + "Received: none. Pass them as y, or a dataset of (samples, "
                         "labels).")
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or labels.size == 0:
        raise ValueError(expected + f"Received: an array of shape {labels.shape} and type "
                         f"{labels.dtype}. One-hot labels become integers with argmax(-1).")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(expected + f"Received: {labels.min()} to {labels.max()}. Build the model with "
                         "the data's number of classes.")
    if all_of_them and (missing := set(range(num_classes)) - set(labels.tolist())):
        raise ValueError(expected + f"Received: no sample of {sorted(missing)}. Add some, or build the "
                         "model with fewer classes.")


def check_sample_weights(weights, count):
    """Raises ValueError unless `weights` are finite numbers (count,), at least 0 and not all 0, or
    None."""
    if weights is None:
        return
    weights = np.asarray(weights)
    if (weights.shape != (count,) or weights.dtype.kind not in "fiu" or not np.isfinite(weights).all()
            or weights.min() < 0 or weights.max() == 0):
        raise ValueError(f"Sample weights are expected to be finite numbers ({count},), at least 0 and "
                         f"not all 0. Received: an array of shape {weights.shape} and type "
                         f"{weights.dtype}. Give one weight per sample.")
