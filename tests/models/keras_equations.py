"""What Keras computes of RNN, RepeatVector, RNNs, Dense and softmax, in numpy, from its own layout.

A cell is (kernel [E, GD], recurrent kernel [D, GD], bias [GD] or [2, GD]), with an LSTM's gates in the
order i, f, c, o and a GRU's in the order z, r, h. Axes as in the package.
"""

from dataclasses import dataclass

import numpy as np

GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "hard_sigmoid_sixth": lambda x: np.clip(x / 6 + 0.5, 0, 1),
}


@dataclass
class KerasCell:
    kind: str
    gate: str
    kernel: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray

    @property
    def size(self):
        return len(self.recurrent)

    def step(self, x, h, c):
        gate = ACTIVATIONS[self.gate]
        if self.kind == "rnn":
            return np.tanh(x @ self.kernel + h @ self.recurrent + self.bias), None
        kernel, recurrent, bias = (
            np.split(each, GATES[self.kind], axis=-1) for each in (self.kernel, self.recurrent, self.bias)
        )
        if self.kind == "lstm":
            i, f, g, o = (x @ kernel[at] + h @ recurrent[at] + bias[at] for at in range(4))
            c = gate(f) * c + gate(i) * np.tanh(g)
            return gate(o) * np.tanh(c), c
        after = self.bias.ndim == 2
        own = [each[0] if after else each for each in bias]
        z, r = (
            gate(x @ kernel[at] + own[at] + h @ recurrent[at] + (bias[at][1] if after else 0))
            for at in range(2)
        )
        if after:
            n = np.tanh(x @ kernel[2] + own[2] + r * (h @ recurrent[2] + bias[2][1]))
        else:
            n = np.tanh(x @ kernel[2] + own[2] + (r * h) @ recurrent[2])
        return z * h + (1 - z) * n, None

    def run(self, inputs):
        h, c = np.zeros(self.size), np.zeros(self.size)
        states = []
        for x in inputs:
            h, c = self.step(x, h, c)
            states.append(h)
        return np.stack(states)


@dataclass
class KerasModel:
    encoder: KerasCell
    decoder: list[KerasCell]
    kernel: np.ndarray
    bias: np.ndarray

    def layers(self, ids, length):
        """What each layer makes of a source in the order in which it is read: of every step [T, ...]."""
        states = self.encoder.run(np.eye(len(self.encoder.kernel))[list(ids)])
        repeated = np.repeat(states[-1:], length, axis=0)
        decoded = [repeated]
        for cell in self.decoder:
            decoded.append(cell.run(decoded[-1]))
        logits = decoded[-1] @ self.kernel + self.bias
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return {
            "encoder": states,
            "repeated": repeated,
            "decoded": decoded[1:],
            "logits": logits,
            "softmax": weights / weights.sum(axis=1, keepdims=True),
        }


def random_model(kind, gate, *, after=False, size=12, encoder=6, decoder=5, layers=1, seed=3):
    """Float32 numbers, as a file has them, wide enough that gates reach their ends."""
    draw = np.random.default_rng(seed)

    def numbers(*shape):
        return draw.normal(0, 1.2, shape).astype(np.float32)

    def cell(inputs, units):
        wide = GATES[kind] * units
        bias = (2, wide) if after else (wide,)
        return KerasCell(kind, gate, numbers(inputs, wide), numbers(units, wide), numbers(*bias))

    cells = [cell(encoder if layer == 0 else decoder, decoder) for layer in range(layers)]
    return KerasModel(cell(size, encoder), cells, 3 * numbers(decoder, size), numbers(size))
