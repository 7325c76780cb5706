"""Loss-weight schedules: the paper's values, their texts, their errors."""

import keras
import pytest

from keras_multigan import schedules

pytestmark = pytest.mark.fast


def test_constant():
    assert [schedules.constant(12.2)(epoch) for epoch in (0, 69, 1000)] == [12.2] * 3


def test_linear_decay_meets_both_ends_and_the_papers_mean():
    schedule = schedules.linear_decay(20, 5, 70)
    weights = [schedule(epoch) for epoch in range(70)]
    assert weights[0] == 20 and weights[-1] == 5 and schedule(500) == 5
    assert sum(weights) / 70 == pytest.approx(12.5)
    assert schedules.linear_decay(20, 5, 1)(0) == 5


def test_sudden_death():
    schedule = schedules.sudden_death(20, 20)
    assert [schedule(epoch) for epoch in (0, 19, 20, 69)] == [20, 20, 0, 0]


@pytest.mark.parametrize("text", ["constant:12.2", "linear:20:5:70", "sudden_death:20:20"])
def test_texts_and_configs_round_trip(text):
    schedule = schedules.parse(text)
    assert repr(schedule) == text
    config = keras.saving.serialize_keras_object(schedule)
    assert keras.saving.deserialize_keras_object(config) == schedule


def test_get():
    assert schedules.get(3) == schedules.parse("3") == schedules.constant(3.0)
    assert schedules.get("linear:1:0:2") == schedules.linear_decay(1, 0, 2)
    assert schedules.get(float) is float, "any callable epoch -> weight"
    assert schedules.constant(1) != schedules.constant(2)


@pytest.mark.parametrize("text", ["", "cosine:1", "linear:20:5", "constant:x", "sudden_death:20:0",
                                  "constant:-1", "constant:nan", "linear:20:5:2.5",
                                  "sudden_death:20:inf"])
def test_bad_texts(text):
    with pytest.raises(ValueError, match="Expected a schedule as.*Received"):
        schedules.parse(text)
