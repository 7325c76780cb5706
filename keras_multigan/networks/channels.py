"""The place of the channels in the networks of this package."""

import functools

import keras


def channels_last(build):
    """A decorator: `build` makes layers of images (H, W, C), whatever the user's
    `keras.config.image_data_format()` is."""

    @functools.wraps(build)
    def of_channels_last(*args, **kwargs):
        usual = keras.config.image_data_format()
        keras.config.set_image_data_format("channels_last")
        try:
            return build(*args, **kwargs)
        finally:
            keras.config.set_image_data_format(usual)

    return of_channels_last
