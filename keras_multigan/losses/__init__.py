"""Losses: pure functions of tensors, written with `keras.ops`."""

from keras_multigan.losses.adversarial import AdversarialGame as AdversarialGame
from keras_multigan.losses.adversarial import AdversarialLoss as AdversarialLoss
from keras_multigan.losses.adversarial import adversarial_game as adversarial_game
from keras_multigan.losses.adversarial import adversarial_loss as adversarial_loss
from keras_multigan.losses.adversarial import critic_wasserstein as critic_wasserstein
from keras_multigan.losses.adversarial import generator_wasserstein as generator_wasserstein
from keras_multigan.losses.adversarial import multi_hinge as multi_hinge
from keras_multigan.losses.diversity import entropy_regularizer as entropy_regularizer
from keras_multigan.losses.diversity import mean_pairwise_tvd as mean_pairwise_tvd
from keras_multigan.losses.diversity import total_variation_distance as total_variation_distance
from keras_multigan.losses.information import joint_probabilities as joint_probabilities
from keras_multigan.losses.information import mutual_information as mutual_information
from keras_multigan.losses.information import mutual_information_overlap as mutual_information_overlap
from keras_multigan.losses.information import mutual_information_paired as mutual_information_paired
from keras_multigan.losses.penalties import gradient_penalties as gradient_penalties
from keras_multigan.losses.penalties import gradient_penalty as gradient_penalty
from keras_multigan.losses.penalties import squared_gradient_norms as squared_gradient_norms
