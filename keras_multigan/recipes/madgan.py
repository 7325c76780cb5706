"""MAD-GAN: 4 generators that share layers, on digits; the authors' configuration on faces.

    multigan train madgan
    multigan train madgan --noshare     generators without common layers
"""

from keras_multigan import networks
from keras_multigan.models import MADGAN
from keras_multigan.recipes.recipe import Recipe
from keras_multigan.runs.options import MOST_NETWORKS, MOST_NOISE, MOST_UNITS, Option


def make_networks(options, samples):
    n, size = options.num_generators, (options.latent_dim, samples.shape, options.filters)
    return {
        "generators": networks.dcgan_generators(n, *size, own="last") if options.share else [
            networks.dcgan_generator(*size) for _ in range(n)],
        "discriminator": networks.dcgan_discriminator(samples.shape, options.filters, 0.2, 0.0,
                                                      outputs=n + 1),
    }


RECIPE = Recipe(
    "madgan", "MAD-GAN: a discriminator that names the generator", MADGAN, make_networks,
    arguments={
        "latent_dim": Option(128, "length of a noise vector", least=1, most=MOST_NOISE),
        "generator_batch_size": Option(help="samples of each generator per update (default: as many as "
                                       "real ones)", kind=int, least=1, most=10**5),
    },
    settings={
        "num_generators": Option(4, "number of generators", least=1, most=MOST_NETWORKS),
        "share": Option(True, "generators share all but the last layer"),
        "filters": Option(64, "channels of the networks' maps next to the image", least=1,
                          most=MOST_UNITS),
        "discriminator_learning_rate": Option(help="default: the paper's", kind=float, above=0,
                                              most=10),
        "generator_learning_rate": Option(help="default: the paper's", kind=float, above=0, most=10),
    },
    presets={
        # As many epochs as the code's 100,000 updates.
        "paper": {"dataset": "celeb_a", "image_size": 64, "batch_size": 128, "epochs": 79},
        # With equal rates generators ran around the modes of a ring together; so they are slower.
        "quick": {"dataset": "digits", "image_size": 16, "filters": 16, "batch_size": 50,
                  "epochs": 60, "steps_per_epoch": 50, "discriminator_learning_rate": 5e-4,
                  "generator_learning_rate": 2e-4},
    },
    arena=lambda kit: {
        "generators": kit.joint_generators("last"), "latent_dim": kit.latent_dim,
        "discriminator": kit.discriminator(kit.num_generators + 1)},
)
