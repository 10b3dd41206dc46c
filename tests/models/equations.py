"""The recurrent network's equations in NumPy and double precision, one row at a time.

Written from the papers and from how the weights are laid out, apart from the network that they check.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Equations:
    """A network's configuration and weights."""

    config: object
    weights: dict

    @classmethod
    def of(cls, network):
        return cls(
            network.config, {name: value.double().numpy() for name, value in network.state_dict().items()}
        )

    def gate(self, x):
        if self.config.gate_activation == "hard_sigmoid":
            return np.clip(0.2 * x + 0.5, 0, 1)
        return 1 / (1 + np.exp(-x))

    def cell(self, x, h, c, names, suffix=""):
        w, u, b, d = (
            self.weights[names.format(part) + suffix]
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        of_x, of_h, size = w @ x + b, u @ h + d, len(h)
        parts = [(of_x[i : i + size], of_h[i : i + size]) for i in range(0, len(b), size)]
        if self.config.cell == "rnn":
            return np.tanh(of_x + of_h), c
        if self.config.cell == "gru":
            r, z = self.gate(sum(parts[0])), self.gate(sum(parts[1]))
            n = np.tanh(parts[2][0] + r * parts[2][1])
            return (1 - z) * n + z * h, c
        i, f, o = self.gate(sum(parts[0])), self.gate(sum(parts[1])), self.gate(sum(parts[3]))
        c = f * c + i * np.tanh(sum(parts[2]))
        return o * np.tanh(c), c

    def encoder_layer(self, inputs, layer):
        """The states at every position, and the last state and memory cell, directions side by side."""
        directions, last_h, last_c = [], [], []
        for suffix in ["", "_reverse"][: 1 + self.config.bidirectional]:
            h = c = np.zeros(self.config.encoder_size)
            states = []
            for x in inputs[::-1] if suffix else inputs:
                h, c = self.cell(x, h, c, f"encoder.{layer}.kernel.{{}}_l0", suffix)
                states.append(h)
            directions.append(states[::-1] if suffix else states)
            last_h.append(h)
            last_c.append(c)
        return np.concatenate(directions, axis=-1), np.concatenate(last_h), np.concatenate(last_c)

    def bridge(self, name, layer, value):
        if self.config.states_size == self.config.decoder_size:
            return value
        value = self.weights[f"{name}.{layer}.weight"] @ value + self.weights[f"{name}.{layer}.bias"]
        return np.tanh(value) if name == "hidden_bridge" else value

    def encode(self, source):
        """The encoder states, and the first state and memory cell of every decoder layer."""
        hidden, memory = [], []
        x = self.weights["source_embedding.weight"][source]
        for layer in range(self.config.layers):
            x, h, c = self.encoder_layer(x, layer)
            hidden.append(self.bridge("hidden_bridge", layer, h))
            memory.append(self.bridge("cell_bridge", layer, c) if self.config.cell == "lstm" else None)
        return x, hidden, memory

    def affine(self, name, value):
        return self.weights[f"{name}.weight"] @ value + self.weights.get(f"{name}.bias", 0)

    def attend(self, states, query, kind, name="attention"):
        if kind == "dot":
            scores = states @ query
        else:
            keys = states @ self.weights[f"{name}.key_projection.weight"].T
            if kind == "general":
                scores = keys @ query
            else:
                inner = np.tanh(keys + self.affine(f"{name}.query_projection", query))
                scores = inner @ self.weights[f"{name}.energy.weight"][0]
        return softmax(scores)

    def mixture(self, logits, seen, weights, copies, extra):
        """The logarithm of what is generated and copied together, over the words of the source as well."""
        copied = 1 / (1 + np.exp(-self.affine("copying.gate", seen)[0]))
        mixed = np.concatenate([(1 - copied) * softmax(logits), np.zeros(extra)])
        for weight, token in zip(weights, copies, strict=True):
            mixed[token] += copied * weight
        return np.log(mixed)


def softmax(scores):
    exp = np.exp(scores - scores.max())
    return exp / exp.sum()


def reference(network, source, steps, copies=(), unknown=1):
    """The logits of one row that reads `source` and is given the tokens `steps`: [T, V].

    Of a network that copies, each source token as the token in `copies`: the logarithm of its mixture.
    """
    it = Equations.of(network)
    config, weights = it.config, it.weights
    states, hidden, memory = it.encode(source)
    feed, context, logits = np.zeros(config.decoder_size), None, []
    size = len(weights["target_embedding.weight"])
    extra = max([0, *(token + 1 - size for token in copies)])
    for token in steps:
        x = given = weights["target_embedding.weight"][token if token < size else unknown]
        if config.attention_query == "previous":
            attended = it.attend(states, hidden[-1], config.attention)
            context = attended @ states
            x = np.concatenate([x, context])
        if config.input_feed:
            x = np.concatenate([x, feed])
        for layer in range(config.layers):
            hidden[layer], memory[layer] = it.cell(x, hidden[layer], memory[layer], f"decoder.{layer}.{{}}")
            x = hidden[layer]
        features = x
        if config.attention != "none":
            if config.attention_query == "current":
                attended = it.attend(states, x, config.attention)
                context = attended @ states
            features = it.affine("attentional", np.concatenate([context, x]))
            if config.attentional_activation == "tanh":
                features = np.tanh(features)
        feed = features
        predicted = weights["output.weight"] @ features + weights["output.bias"]
        if config.copying != "none":
            seen = np.concatenate([context, x, given]) if config.copying == "pointer" else features
            if config.copy_attention != "none":
                attended = it.attend(states, features, config.copy_attention, "copying.attention")
            predicted = it.mixture(predicted, seen, attended, copies, extra)
        logits.append(predicted)
    return np.stack(logits)
