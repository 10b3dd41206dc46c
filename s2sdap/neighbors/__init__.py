"""Where has the model been before? Its states on a corpus, and which of them are nearest to one on show.

Extraction forces a corpus through the model and takes the vectors of chosen sites; the store keeps
them with where each comes from; search finds the nearest; projection draws them.
"""
