"""P2GAN: losses against NumPy, growth, sources, shared layers."""

import keras
import numpy as np
import pytest
import tiny
from zoo import p2 as make
from zoo import p2_discriminator as discriminator

from keras_multigan import networks
from keras_multigan.data import synthetic
from keras_multigan.models import P2GAN
from keras_multigan.models.p2 import forces

pytestmark = pytest.mark.fast

D, M = 3, 6  # length of a vector, batch

# g and f* of f-GAN's table 2 and the supplement's table 6.
DIVERGENCES = {
    "js": (lambda v: np.log(2) - np.log1p(np.exp(-v)), lambda t: -np.log(2 - np.exp(t))),
    "kl": (lambda v: v, lambda t: np.exp(t - 1)),
    "reverse_kl": (lambda v: -np.exp(-v), lambda t: -1 - np.log(-t)),
    "pearson": (lambda v: v, lambda t: t**2 / 4 + t),
}


def fixed_generator(vectors):
    class Fixed(keras.layers.Layer):
        def call(self, noise):
            return keras.ops.convert_to_tensor(vectors) + 0 * noise[:, :1]

        def compute_output_shape(self, shape):
            return (shape[0], D)

    return keras.Sequential([keras.Input((2,)), Fixed()])


def linear(kernel):
    model = keras.Sequential([keras.Input((D,)), keras.layers.Dense(kernel.shape[1], use_bias=False)])
    model.set_weights([kernel])
    return model


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("push, pull, active, auxiliary, gamma", [
    ("all", "mixture", 3, (), 0.0),
    ("earlier", "each", 2, (), 0.0),
    ("all", "mixture", 2, [[-0.3, 0.2, 0.0], [0.0, -0.1, 0.6]], 0.0),
    ("earlier", "mixture", 3, [[-0.3, 0.2, 0.0]], 1.5),
    ("all", "each", 1, (), 0.5),
])
def test_losses_against_numpy(divergence, push, pull, active, auxiliary, gamma):
    if gamma and divergence != "js":
        pytest.skip("the regulariser is for js")
    random = np.random.default_rng(active)
    n = 3
    real = random.normal(size=(M, D)).astype("float32")
    sources = np.arange(M) % (1 + len(auxiliary)) if len(auxiliary) else None
    fakes = random.normal(size=(n, M, D)).astype("float32")
    # The model's order of heads, found again here: pulls, then pushes, auxiliary ones last.
    pulls = [("data", None if pull == "mixture" else i, 1.0)
             for i in range(1 if pull == "mixture" else n)]
    pushes = [(j, i, None) for i in range(n) for j in range(n)
              if (j < i if push == "earlier" else i != j)]
    for a, row in enumerate(auxiliary):
        for i, force in enumerate(row):
            if force > 0:
                pulls.append((f"auxiliary {a}", i, force))
            if force < 0:
                pushes.append((f"auxiliary {a}", i, -force))
    kernels = [random.normal(size=(D, len(side))).astype("float32") / 2 for side in (pulls, pushes)]
    model = P2GAN([fixed_generator(f) for f in fakes], *map(linear, kernels), latent_dim=2, push=push,
                  pull=pull, adversarial_loss=divergence, push_weight=0.7, auxiliary=auxiliary,
                  growth=1, regularizer_weight=gamma)
    model.num_active_value.assign(active)

    g, conjugate = DIVERGENCES[divergence]

    def rows(source):
        if source == "data":
            return real if sources is None else real[sources == 0]
        if isinstance(source, str):
            return real[sources == 1 + int(source.split()[1])]
        return fakes[source]

    loss_d = loss_g = 0.0
    gaps = []
    for side, kernel in zip((pulls, pushes), kernels, strict=True):
        for head, (source, target, weight) in enumerate(side):
            w = kernel[:, head].astype("float64")
            targets = [i for i in ([target] if target is not None else range(n)) if i < active]
            if not targets or (isinstance(source, int) and source >= active):
                continue
            slope = (w**2).sum()
            fake_scores = [[float(x @ w) for x in fakes[i]] for i in targets]
            real_scores = [float(x @ w) for x in rows(source)]

            def penalty(scores, sign, slope=slope, side=side):
                s = 1 / (1 + np.exp(sign * np.array(scores)))
                return gamma / 2 * np.mean(s**2 * slope) if side is pulls else 0.0

            loss_d += np.mean([-g(s) for s in real_scores]) + penalty(real_scores, 1)
            loss_d += np.mean([np.mean([conjugate(g(s)) for s in scores]) + penalty(scores, -1)
                               for scores in fake_scores])
            if source == "data":
                gaps.append(np.mean(real_scores) - np.mean(fake_scores))
            for scores in fake_scores:
                if side is pulls:
                    loss_g += weight * np.mean([-g(s) for s in scores])
                else:
                    if weight is None:
                        count = sum(1 for j, i, w_ in pushes
                                    if w_ is None and i == target and j < active)
                        alpha = 0.7 / count
                    else:
                        alpha = weight
                    loss_g += alpha * np.mean([conjugate(g(s)) for s in scores])

    labels = None if sources is None else keras.ops.array(sources)
    found_d, logs = model.discriminator_loss(keras.ops.array(real), labels)
    found_g, _ = model.generator_loss(keras.ops.array(real), labels)
    for found, expected in [(found_d, loss_d), (found_g, loss_g), (logs["score_gap"], np.mean(gaps)),
                            (logs["active_generators"], active)]:
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=5e-5, atol=1e-5)


def ring_model(growth=None, n=3):
    keras.utils.set_random_seed(3)
    pulls, pushes = forces(n)
    model = P2GAN([networks.mlp(4, 2, 3, 8) for _ in range(n)],
                  networks.mlp(2, len(pulls.weights), 3, 8), networks.mlp(2, len(pushes.weights), 3, 8),
                  latent_dim=4, growth=growth, seed=1)
    model.compile(discriminator_optimizer=keras.optimizers.Adam(1e-3),
                  generator_optimizer=keras.optimizers.Adam(1e-3))
    return model


def test_generators_join_one_by_one_and_resume_is_exact(tmp_path):
    source, whole = synthetic.ring(), ring_model(growth=2)
    before = [g.get_weights() for g in whole.generators]
    options = dict(batch_size=8, steps_per_epoch=3, verbose=0)
    history = whole.fit(source, epochs=2, **options).history
    assert history["active_generators"] == [1, 1]
    moved = [any(not np.array_equal(a, b) for a, b in zip(old, g.get_weights(), strict=True))
             for old, g in zip(before, whole.generators, strict=True)]
    assert moved == [True, False, False]
    np.testing.assert_array_equal(whole.sample(4, seed=0), whole.sample(4, generator=0, seed=0))
    whole.save(tmp_path / "model.keras")
    parts = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    for model in (whole, parts):
        history = model.fit(source, epochs=6, initial_epoch=2, **options).history
        assert history["active_generators"] == [2, 2, 3, 3]
        # Started anew when the last one joined, two epochs ago.
        assert int(model.optimizer["generator"].iterations) == 6 and model.steps_trained == 18
        assert float(model.optimizer["generator"].learning_rate) == pytest.approx(1e-3)
    assert tiny.same(whole, parts) and whole.mixture_weights is None


def test_shared_layers_are_shared_after_loading(tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    # Two kernels and biases of their own; of the body gamma, beta, kernel, bias.
    assert len(model.phases()[1].variables) == len(loaded.phases()[1].variables) == 8


def test_the_papers_optimizer_and_defaults():
    model = ring_model()
    optimizer = model.default_optimizer("generator")
    assert (float(optimizer.learning_rate), optimizer.beta_1) == (pytest.approx(2e-4), 0.5)
    assert (model.push_weight, model.push, model.pull) == (0.05, "all", "mixture")
    assert model.adversarial_loss == "js"
    pulls, pushes = forces(8)
    assert (len(pulls.weights), len(pushes.weights)) == (1, 56)
    assert len(forces(8, push="earlier")[1].weights) == 28


@pytest.mark.parametrize("kwargs, message", [
    (dict(push="some"), "push to be all or earlier"),
    (dict(pull="none"), "pull to be mixture or each"),
    (dict(adversarial_loss="hellinger"), "'js' or 'kl' or .*'pearson'. Received: 'hellinger'"),
    (dict(push_weight=-1.0), "push_weight"),
    (dict(growth=0), "growth >= 1"),
    (dict(generator_batch_size=0), "generator_batch_size >= 1"),
    (dict(adversarial_loss="kl", regularizer_weight=1.0),
     "adversarial_loss='js' with a regularizer_weight"),
    (dict(auxiliary=[[1.0]]), r"array \(sources, 2\)"),
    (dict(auxiliary=[[np.nan, 1.0]]), "finite array"),
    (dict(pull="each"), r"pull_discriminator is expected to give one score for each of its 2 forces"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        P2GAN([tiny.generator(), tiny.generator()], discriminator(1), discriminator(2),
              latent_dim=tiny.LATENT, **kwargs)


def test_bad_networks_and_sources():
    with pytest.raises(ValueError, match="Pass None"):
        P2GAN([tiny.generator()], discriminator(1), discriminator(2), latent_dim=tiny.LATENT)
    with pytest.raises(ValueError, match="push_discriminator is expected to be a keras.Model"):
        P2GAN([tiny.generator(), tiny.generator()], discriminator(1), latent_dim=tiny.LATENT)
    single = P2GAN([tiny.generator()], discriminator(1), latent_dim=tiny.LATENT)  # a standard GAN
    single.compile()
    single.fit(tiny.images(), batch_size=12, verbose=0)
    model = make()
    for labels, message in [(None, "Received: none"), (np.zeros(60, int), r"no sample of \[1\]"),
                            (np.full(60, 2), "Received: 2 to 2"), (np.zeros(60), "type float64")]:
        with pytest.raises(ValueError, match=message):
            model.fit(tiny.images(), labels, batch_size=12, verbose=0)


def test_averages_of_generators_that_share_layers():
    """They may run as one while their averages, whose shared layers are frozen, cannot."""
    generators = networks.p2_generators(3, 4, 8, lambda: networks.p2_mlp_body((2,), 8))
    discriminators = [
        networks.p2_discriminators(len(side.weights), lambda: networks.p2_mlp_trunk((2,), 8))
        for side in forces(3)]
    model = P2GAN(generators, *discriminators, latent_dim=4, ema=0.5, seed=0)
    model.compile()
    model.fit(synthetic.ring(), batch_size=6, steps_per_epoch=2, verbose=0)
    first, average = (network.weights[0] for network in (
        model.generators[1], model.averaged_generators[1]))
    assert first.shape == average.shape
    assert not np.array_equal(*map(keras.ops.convert_to_numpy, (first, average)))
