"""When training stops."""

import keras
import numpy as np
import pytest
import tiny

from keras_multigan import callbacks
from keras_multigan.models import ComMutEGAN

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("phase, gp_weight, rates", [("critic", 1e38, (1e-3, 1e-3)),
                                                     ("generator", 1.0, (0.0, 1e38))])
def test_the_failing_phase_is_named_and_the_checkpoint_kept(tmp_path, phase, gp_weight, rates):
    generators = [tiny.generator()]
    model = ComMutEGAN(generators, tiny.critic(), latent_dim=tiny.LATENT, gp_weight=gp_weight, seed=0)
    model.compile(critic_optimizer=keras.optimizers.SGD(rates[0]),
                  generator_optimizer=keras.optimizers.SGD(rates[1]))
    if phase == "generator":
        # Only its loss sees a poisoned critic's answer to generated images.
        original = model.generator_loss
        model.generator_loss = lambda x, y: (original(x, y)[0] * np.float32("nan"), {})
    callbacks.save_checkpoint(model, tmp_path, 1)
    with pytest.raises(callbacks.NonFiniteLossError, match=f"{phase}_loss"):
        model.fit(tiny.images(), batch_size=12, epochs=9, verbose=0,
                  callbacks=[callbacks.StopOnNonFinite(), callbacks.Checkpoint(tmp_path)])
    assert callbacks.restore_checkpoint(model, tmp_path) == 1
    assert np.isfinite(np.concatenate([np.ravel(v) for v in tiny.state(model)])).all()


def converged(values, **kwargs):
    return callbacks.ConvergenceStop(history=values, **kwargs).converged()


def test_convergence():
    assert converged([5, 1, 1, 1, 1, 1, 1])
    assert not converged([1, 1, 1, 1, 1]), "five changes need six values"
    assert not converged([1, 1, 1, 1, 1, 1.02])
    assert not converged([])
    assert converged([3, 2, 2.005], patience=1)


def test_convergence_stops_a_run_also_across_a_resume():
    class Model:
        stop_training = False

    stop = callbacks.ConvergenceStop(patience=2, history=[0.5, 0.5])
    stop.set_model(Model())
    stop.on_epoch_end(2, {"critic_loss": 0.501})
    assert stop.model.stop_training
    with pytest.raises(ValueError, match="monitor to be one of.*Received: 'critic_loss'"):
        stop.on_epoch_end(3, {"loss": 1.0})
