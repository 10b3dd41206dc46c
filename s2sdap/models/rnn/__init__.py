"""The recurrent family: encoder-decoder networks of LSTM, GRU or tanh RNN cells, with attention.

`config` says what a network is made of, `cells` and `attention` hold its equations, `network` puts
them together, `model` fulfils the contract with it, and `training` fits it.
"""
