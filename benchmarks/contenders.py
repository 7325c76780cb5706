"""The systems that benchmarks/step.py compares, each in a process of its own.

All train ComMutE-GAN: n generators, `n_critic` critic updates with gradient penalty and one update of
the generators with the TVD term per step, Adam. The others are written as their users would, of plain
layers, and use one real batch for all critic updates of a step, as the example on keras.io does.
"""

import json
import os
import resource
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import numpy as np  # noqa: E402 (TensorFlow's settings must be set before)

LATENT, IMAGE, CLASSES = 128, (32, 32, 1), 10
GP_WEIGHT, TVD_WEIGHT, N_CRITIC = 10.0, 12.2, 3
ADAM = dict(learning_rate=2e-4, beta_1=0.5, beta_2=0.9)


class Ours:
    """This library, through `fit` and `sample`."""

    def __init__(self, config):
        import keras

        from keras_multigan import models, networks

        keras.config.set_dtype_policy(config["precision"])
        keras.utils.set_random_seed(0)
        wide = config["filters"]
        self.model = models.ComMutEGAN(
            [networks.commute_generator(filters=4 * wide) for _ in range(config["n_generators"])],
            networks.commute_critic(filters=wide), networks.compact_classifier(filters=24),
            latent_dim=LATENT, tvd_weight=TVD_WEIGHT, n_critic=N_CRITIC, gp_weight=GP_WEIGHT, seed=0,
        )
        self.model.compile()
        self.images, self.batch_size = config["images"], config["batch_size"]
        self.flops = nominal_flops(self.model, self.batch_size)

    def steps(self, count):
        clock = _Clock(lambda: self.model.steps_trained)
        self.model.fit(self.images, batch_size=self.batch_size, steps_per_epoch=count, verbose=0,
                       callbacks=[clock.callback()])
        return clock.seconds()

    def sample(self, count):
        return self.model.sample(count, generator=0, batch_size=500)


class KerasExample:
    """A `keras.Model` with its own train_step and GradientTape, as in the examples of keras.io."""

    def __init__(self, config):
        import keras
        import tensorflow as tf

        keras.config.set_dtype_policy(config["precision"])
        keras.utils.set_random_seed(0)
        wide, n = config["filters"], config["n_generators"]
        self.model = _keras_example(
            [_plain_generator(4 * wide) for _ in range(n)], _plain_critic(wide), _plain_classifier(24)
        )
        self.model.compile(keras.optimizers.Adam(**ADAM), keras.optimizers.Adam(**ADAM))
        self.dataset = tf.data.Dataset.from_tensor_slices(config["images"]).shuffle(1024).batch(
            config["batch_size"], drop_remainder=True).repeat().prefetch(2)

    def steps(self, count):
        clock = _Clock()
        self.model.fit(self.dataset, steps_per_epoch=count, verbose=0, callbacks=[clock.callback()])
        return clock.seconds()

    def sample(self, count):
        noise = np.random.normal(size=(count, LATENT)).astype("float32")
        return self.model.generators[0].predict(noise, batch_size=500, verbose=0)


class Torch:
    """The loop in PyTorch, eager; with `compiled`, torch.compile on generators and classifier (it does
    not differentiate twice, as the critic's penalty must)."""

    def __init__(self, config, compiled=False):
        import torch

        if config["precision"] != "float32":
            raise ValueError(f"The PyTorch loop is in float32 only. Received: {config['precision']}")
        torch.manual_seed(0)
        self.torch, self.n = torch, config["n_generators"]
        wide = config["filters"]
        self.generators = [_torch_generator(torch, 4 * wide) for _ in range(self.n)]
        self.critic, self.classifier = _torch_critic(torch, wide), _torch_classifier(torch, 24)
        self.classifier.eval().requires_grad_(False)
        adam = dict(lr=ADAM["learning_rate"], betas=(ADAM["beta_1"], ADAM["beta_2"]))
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), **adam)
        self.generator_adam = torch.optim.Adam(
            [p for g in self.generators for p in g.parameters()], **adam)
        self.plain_generators = self.generators
        if compiled:
            self.generators = [torch.compile(g) for g in self.generators]
            self.classifier = torch.compile(self.classifier)
        self.images = torch.from_numpy(config["images"].transpose(0, 3, 1, 2).copy())
        self.batch_size = config["batch_size"]

    def steps(self, count):
        times = []
        for _ in range(count):
            start = time.perf_counter()
            self.step(self.images[self.torch.randint(len(self.images), (self.batch_size,))])
            times.append(time.perf_counter() - start)
        return times

    def fakes(self):
        each = self.batch_size // self.n
        return self.torch.cat([g(self.torch.randn(each, LATENT)) for g in self.generators])

    def step(self, real):
        torch = self.torch
        for _ in range(N_CRITIC):
            with torch.no_grad():
                fakes = self.fakes()
            epsilon = torch.rand(len(real), 1, 1, 1)
            between = (epsilon * real + (1 - epsilon) * fakes).requires_grad_()
            gradient, = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
            penalty = ((gradient.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()
            loss = self.critic(fakes).mean() - self.critic(real).mean() + GP_WEIGHT * penalty
            self.critic_adam.zero_grad()
            loss.backward()
            self.critic_adam.step()
        self.critic.requires_grad_(False)
        fakes = self.fakes()
        means = self.classifier(fakes).softmax(1).reshape(self.n, -1, CLASSES).mean(1)
        distances = (means[:, None] - means[None]).abs().sum(2) / 2
        loss = (-self.n * self.critic(fakes).mean()
                + TVD_WEIGHT * (1 - distances.sum() / max(self.n * (self.n - 1), 1)))
        self.generator_adam.zero_grad()
        loss.backward()
        self.generator_adam.step()
        self.critic.requires_grad_(True)

    def sample(self, count):
        generator = self.plain_generators[0].eval()
        with self.torch.no_grad():
            images = [generator(self.torch.randn(min(500, count - start), LATENT))
                      for start in range(0, count, 500)]
        generator.train()
        return self.torch.cat(images).numpy()


CONTENDERS = {"ours": Ours, "keras": KerasExample, "torch": Torch,
              "torch_compile": lambda config: Torch(config, compiled=True)}


class _Clock:
    """Seconds of the steps of one `fit`, from step to step."""

    def __init__(self, wait=lambda: None):
        self.times, self.wait = [time.perf_counter()], wait

    def callback(self):
        import keras

        return keras.callbacks.LambdaCallback(on_train_batch_end=self.tick)

    def tick(self, batch, logs=None):
        self.wait()  # JAX returns before a step has ended
        self.times.append(time.perf_counter())

    def seconds(self):
        return np.diff(self.times).tolist()


def _plain_generator(filters):
    from keras import Input, Sequential, layers

    blocks = []
    for wide in (filters // 2, filters // 4):
        blocks += [layers.UpSampling2D(2), layers.Conv2D(wide, 3, padding="same", use_bias=False),
                   layers.BatchNormalization(), layers.LeakyReLU(0.2)]
    return Sequential([
        Input((LATENT,)), layers.Dense(16 * filters, use_bias=False), layers.BatchNormalization(),
        layers.LeakyReLU(0.2), layers.Reshape((4, 4, filters)), *blocks,
        layers.Dropout(0.3), layers.UpSampling2D(2),
        layers.Conv2D(1, 3, padding="same", use_bias=False), layers.BatchNormalization(),
        layers.Activation("tanh", dtype="float32"),
    ])


def _plain_critic(filters):
    from keras import Input, Sequential, layers

    blocks = []
    for block in range(4):
        blocks.append(layers.Conv2D(filters * 2**block, 5, strides=2, padding="same"))
        if block in (1, 2):
            blocks.append(layers.LayerNormalization())
        blocks += [layers.LeakyReLU(0.2), layers.Dropout(0.3)]
    return Sequential([Input(IMAGE), *blocks, layers.Flatten(), layers.Dense(1, dtype="float32")])


def _plain_classifier(filters):
    from keras import Input, Sequential, layers

    blocks = []
    for block, strides in enumerate((2, 1, 2, 1, 2)):
        blocks += [layers.Conv2D(filters * 2 ** (block // 2), 3, strides, "same", use_bias=False),
                   layers.BatchNormalization(), layers.ReLU()]
    return Sequential([Input(IMAGE), *blocks, layers.GlobalAveragePooling2D(),
                       layers.Dense(CLASSES, dtype="float32")])


def _keras_example(generators, critic, classifier):
    import keras
    import tensorflow as tf

    class WGANGP(keras.Model):
        def __init__(self):
            super().__init__()
            self.generators, self.critic, self.classifier = generators, critic, classifier
            self.classifier.trainable = False

        def compile(self, critic_optimizer, generator_optimizer):
            super().compile()
            self.critic_optimizer = critic_optimizer
            self.generator_optimizer = generator_optimizer

        def fakes(self, batch_size):
            noise = [tf.random.normal([batch_size // len(self.generators), LATENT])
                     for _ in self.generators]
            return tf.concat([g(z, training=True)
                              for g, z in zip(self.generators, noise, strict=True)], 0)

        def gradient_penalty(self, real, fakes):
            epsilon = tf.random.uniform([tf.shape(real)[0], 1, 1, 1])
            between = epsilon * real + (1 - epsilon) * fakes
            with tf.GradientTape() as tape:
                tape.watch(between)
                scores = self.critic(between, training=True)
            gradients = tape.gradient(scores, between)
            norms = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]) + 1e-12)
            return tf.reduce_mean(tf.square(norms - 1.0))

        def train_step(self, real):
            batch_size = real.shape[0]
            for _ in range(N_CRITIC):
                with tf.GradientTape() as tape:
                    fakes = self.fakes(batch_size)
                    scores = self.critic(fakes, training=True), self.critic(real, training=True)
                    critic_loss = tf.reduce_mean(scores[0]) - tf.reduce_mean(scores[1])
                    critic_loss += GP_WEIGHT * self.gradient_penalty(real, fakes)
                weights = self.critic.trainable_variables
                self.critic_optimizer.apply_gradients(
                    zip(tape.gradient(critic_loss, weights), weights, strict=True))
            n = len(self.generators)
            with tf.GradientTape() as tape:
                fakes = self.fakes(batch_size)
                loss = -n * tf.reduce_mean(self.critic(fakes, training=True))
                probabilities = tf.nn.softmax(self.classifier(fakes, training=False))
                means = tf.reduce_mean(tf.reshape(probabilities, [n, -1, CLASSES]), axis=1)
                distances = tf.reduce_sum(tf.abs(means[:, None] - means[None]), axis=-1) / 2
                loss += TVD_WEIGHT * (1 - tf.reduce_sum(distances) / max(n * (n - 1), 1))
            weights = [w for g in self.generators for w in g.trainable_variables]
            self.generator_optimizer.apply_gradients(
                zip(tape.gradient(loss, weights), weights, strict=True))
            return {"critic_loss": critic_loss, "generator_loss": loss}

    return WGANGP()


def _torch_generator(torch, filters):
    nn, blocks = torch.nn, []
    for wide in (filters, filters // 2):
        blocks += [nn.Upsample(scale_factor=2), nn.Conv2d(wide, wide // 2, 3, padding=1, bias=False),
                   nn.BatchNorm2d(wide // 2), nn.LeakyReLU(0.2)]
    return nn.Sequential(
        nn.Linear(LATENT, 16 * filters, bias=False), nn.BatchNorm1d(16 * filters), nn.LeakyReLU(0.2),
        nn.Unflatten(1, (filters, 4, 4)), *blocks, nn.Dropout(0.3), nn.Upsample(scale_factor=2),
        nn.Conv2d(filters // 4, 1, 3, padding=1, bias=False), nn.BatchNorm2d(1), nn.Tanh(),
    )


def _torch_critic(torch, filters):
    nn, blocks = torch.nn, []

    class ChannelNorm(nn.LayerNorm):
        def forward(self, x):
            return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    for block in range(4):
        wide = filters * 2**block
        blocks.append(nn.Conv2d(1 if block == 0 else wide // 2, wide, 5, stride=2, padding=2))
        if block in (1, 2):
            blocks.append(ChannelNorm(wide))
        blocks += [nn.LeakyReLU(0.2), nn.Dropout(0.3)]
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(32 * filters, 1))


def _torch_classifier(torch, filters):
    nn, blocks, before = torch.nn, [], 1
    for block, stride in enumerate((2, 1, 2, 1, 2)):
        wide = filters * 2 ** (block // 2)
        blocks += [nn.Conv2d(before, wide, 3, stride, padding=1, bias=False), nn.BatchNorm2d(wide),
                   nn.ReLU()]
        before = wide
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, CLASSES))


def nominal_flops(model, batch_size):
    """Floating-point operations of a step's convolutions and dense layers as the paper writes them:
    a forward pass 1, its derivatives by inputs and by weights 1 each."""
    def forward(network):
        total = 0
        for layer in network.layers:
            if hasattr(layer, "kernel"):
                pixels = np.prod(layer.output.shape[1:-1])
                total += 2 * pixels * np.prod(layer.kernel.shape)
        return float(total)

    generator, critic = forward(model.generators[0]), forward(model.critic)
    classifier = forward(model.classifier) if model.num_generators > 1 else 0.0
    # Critic: real and fake images, 3 each; penalty: score and gradient 2, differentiated 4.
    return batch_size * (model.n_critic * (12 * critic + generator)
                         + 3 * generator + 2 * critic + 2 * classifier)


def main():
    """Answers requests, one JSON object a line: {"steps": k} or {"sample": k}."""
    config = json.loads(sys.argv[1])
    config["images"] = np.random.default_rng(0).uniform(
        -1, 1, (max(6 * config["batch_size"], 1024), *IMAGE)).astype("float32")
    contender = CONTENDERS[config["contender"]](config)
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        answer = {"flops": getattr(contender, "flops", None)}
        if "steps" in request:
            answer["seconds"] = contender.steps(request["steps"])
        elif "sample" in request:
            contender.sample(request["sample"])
        answer["wall"] = time.perf_counter() - start
        unit = 1 if sys.platform == "darwin" else 1024
        answer["peak_bytes"] = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print("answer " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
