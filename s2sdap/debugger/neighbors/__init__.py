"""Neighbours at a stop: the training states that are nearest to a state that the decode has.

A *place* is a site, and a position of it, at a frame; its vector is the tensor on show, edits included.
What is found, and its summary, is told in words, as variables and on the protocol from one record.
"""
