"""Keras' seq2seq models of the kind of `addition_rnn`, read from their files without Keras or TensorFlow.

`archive` opens `.keras` and `.h5`, `architecture` says what the layers are, `loading` makes the model.
"""
