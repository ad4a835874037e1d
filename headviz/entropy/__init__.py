"""Exact attention entropy without attention maps.

Row i of an attention head has logits s_j = scale * q_i . k_j over the keys it may attend to, weights p = softmax(s)
and lse = log sum exp s. Its Shannon entropy is

    H_i = lse_i - E_p[s] = lse_i - scale * q_i . (P K)_i

and P K is what an attention kernel returns when the keys stand in the place of the values: one fused call, memory
linear in the number of tokens. Subtracting the mean key first changes no weight, since it moves each row's logits by
one constant, and removes the cancellation between the two terms.

What the kernel cannot do (finite biases, the largest logit for order infinity) and what tiles of the matrix do faster
(all other orders) goes through an online softmax over tiles.
"""

from headviz.entropy.masks import PreparedMask, prepare_mask, visible_keys
from headviz.entropy.means import mean_entropy, row_weights, weighted_mean
from headviz.entropy.rows import AttentionEntropy, RowEntropy, attention_entropy, attention_with_entropy, row_entropy

__all__ = [
    "AttentionEntropy",
    "PreparedMask",
    "RowEntropy",
    "attention_entropy",
    "attention_with_entropy",
    "mean_entropy",
    "prepare_mask",
    "row_entropy",
    "row_weights",
    "visible_keys",
    "weighted_mean",
]
