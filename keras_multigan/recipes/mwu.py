"""MWU: 4 generators, one after the other, on digits; 25 on Fashion-MNIST.

    multigan train mwu
    multigan train mwu --threshold=0.5     more images count as not covered
"""

from keras_multigan.models import MWUGAN
from keras_multigan.recipes import adagan
from keras_multigan.recipes.recipe import Recipe
from keras_multigan.runs.images import ImageTask
from keras_multigan.runs.options import Option


def make_networks(options, samples):
    return adagan.make_networks(options, samples)


RECIPE = Recipe(
    "mwu", "MWU: images that a generator misses count twice for those after it", MWUGAN, make_networks,
    arguments={
        **adagan.ARGUMENTS,
        "threshold": Option(help="delta, the least density, as a part of the data's, that covers an "
                            "image", least=0, most=1),
    },
    settings=adagan.SETTINGS,
    # The paper trains 25 rounds at most. It does not say how long one is.
    presets={"paper": {"dataset": "fashion_mnist", "image_size": 28, "num_generators": 25,
                       "batch_size": 64, "epochs": 500},
             "quick": adagan.QUICK},
    complete=adagan.complete, task=ImageTask(training_set=adagan.training_set),
    arena=adagan.arena,
)
