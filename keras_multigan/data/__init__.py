"""Image data sets and endless training batches."""

from keras_multigan.data.find import has as has
from keras_multigan.data.image_set import ImageFiles as ImageFiles
from keras_multigan.data.image_set import ImageSet as ImageSet
from keras_multigan.data.image_set import in_parts as in_parts
from keras_multigan.data.images import image_folder as image_folder
from keras_multigan.data.images import load_image_set as load_image_set
from keras_multigan.data.images import load_images as load_images
from keras_multigan.data.stream import training_stream as training_stream
from keras_multigan.data.stream import with_auxiliary as with_auxiliary
