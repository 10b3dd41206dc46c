"""Train one of the networks to write digits backwards: `python -m ownseq.training plain plain.pt`."""

import argparse
import random

import torch
from torch import Tensor, nn

from ownseq.networks import BEGIN, END, PIECES, AttentiveSeq2Seq, PlainSeq2Seq, write

NETWORKS: dict[str, type[PlainSeq2Seq | AttentiveSeq2Seq]] = {
    "plain": PlainSeq2Seq,
    "attentive": AttentiveSeq2Seq,
}
STEPS = {"plain": 900, "attentive": 400}
LONGEST = 5


def batch(draw: random.Random, rows: int) -> tuple[Tensor, Tensor]:
    """Random strings of one length [B, S], and the same backwards between begin and end [B, S + 2]."""
    length = draw.randint(1, LONGEST)
    first = PIECES.index("0")
    source = torch.tensor([[first + draw.randrange(10) for _ in range(length)] for _ in range(rows)])
    ends = torch.tensor([[BEGIN, END]]).expand(rows, 2)
    return source, torch.cat((ends[:, :1], source.flip(1), ends[:, 1:]), dim=1)


def trained(kind: str, steps: int) -> nn.Module:
    """A network of `kind` after `steps` updates. The same arguments give the same weights."""
    torch.manual_seed(0)
    draw = random.Random(0)
    network = NETWORKS[kind]()
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 4e-3 * (1 - step / steps)
        source, target = batch(draw, 96)
        logits = network(source, target[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    return network.eval()


def main() -> None:
    """Train, say how well it works, save the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(NETWORKS))
    parser.add_argument("path", help="where the weights go")
    parser.add_argument("--steps", type=int, help="updates; by default 900, or 400 with attention")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = trained(options.kind, options.steps or STEPS[options.kind])
    draw = random.Random("unseen")
    texts = ["".join(draw.choices("0123456789", k=draw.randint(1, LONGEST))) for _ in range(300)]
    right = sum(write(network, text) == text[::-1] for text in texts)
    torch.save(network.state_dict(), options.path)
    print(f"{right} of {len(texts)} strings are written backwards without a mistake")


if __name__ == "__main__":
    main()
