"""Many sentences decoded at once, for a corpus that nobody watches.

A batch computes the same search as the step of one sentence, without its records. Its numbers
differ from those of a sentence alone in the last bits, so it also says where a decision was so
close that the other might have been made, and what is shown to people is run again by itself.
"""
