"""A checkpoint of a small network that nobody has trained, and that has no index."""


def untrained_checkpoint(folder) -> str:
    """Write it to a folder that is not there yet. It reads and writes the letters a to d."""
    from models.small_networks import seeded_network, side, small_config

    from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint

    sides = {"source": side("abcd"), "target": side("abcd")}
    config = small_config()
    weights = seeded_network(config, *(len(each.pieces) for each in sides.values())).state_dict()
    save_checkpoint(folder, CheckpointConfig(family="rnn", network=config, **sides), weights)
    return str(folder)
