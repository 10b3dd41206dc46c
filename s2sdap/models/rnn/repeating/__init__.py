"""Encoder, repeated vector, decoder: the network of Keras' example `addition_rnn` (Sutskever et al. 2014).

The encoder reads a line of fixed width and hands over its last state. The decoder starts from zeros and
is given that same vector at every step; it reads nothing that it has written. So there is no attention,
no begin symbol and no end symbol: as many tokens are written as there are places.
"""
