"""OpenNMT-py's checkpoints of recurrent models, `opennmt:<file>`, read without running anything in them."""
