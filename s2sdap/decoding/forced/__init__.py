"""Teacher forcing of whole batches: what a model computes at every position of given sources and targets.

Nothing is searched and nothing is edited, so nobody's run changes. What comes out are the rows of chosen
sites, without padding: what `reference.forced_steps` shows of each sentence, as near as a batch comes.
"""
