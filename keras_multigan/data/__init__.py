"""Image data sets and endless training batches."""

from keras_multigan.data.images import load_images as load_images
from keras_multigan.data.stream import training_stream as training_stream
from keras_multigan.data.stream import with_auxiliary as with_auxiliary
