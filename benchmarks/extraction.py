"""What taking the states of a corpus costs, against a bare teacher-forced forward pass of the same batches.

Both sides begin with the same tokens in the same batches, which are made beforehand; where a row says "from
text", both make the tokens as well. The peer keeps nothing but the logits of one batch. Ours gathers the rows
of the sites in half precision, with sentence, position, token, and the likeliest token. Seconds are of this
process's own processor time, and both sides take turns. The ratio is of seconds: 1.25 is 0.8 of the peer's
throughput.
"""

import functools
import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from benchmarks.huggingface import marian
from benchmarks.measuring import Row, paired
from benchmarks.throughput import corpus as dates
from s2sdap.decoding.decode import decode
from s2sdap.decoding.forced.rows import filled_up
from s2sdap.models.huggingface.face import HuggingFaceModel
from s2sdap.models.loading import load_model
from s2sdap.models.rnn.model import RnnModel
from s2sdap.neighbors.extraction import Example, Extractor
from s2sdap.neighbors.states import Pair, StateSite

GOAL = 0.8
"""Our throughput, as a share of the peer's."""
TEXT = Path(__file__).parents[2] / "shared" / "data" / "multi30k-en-de"
"""English and German descriptions of images; the rows that need them are skipped where they are not there."""
VOCABULARY = 8000


def ours(extractor: Extractor, batches: Sequence[Sequence[Example]]) -> float:
    """Processor seconds of extraction."""
    gc.collect()
    begin = time.process_time()
    for batch in batches:
        if extractor(batch).skipped:
            raise RuntimeError("some sentences gave no states")
    return time.process_time() - begin


def ours_from_text(extractor: Extractor, pairs: Sequence[Pair]) -> float:
    """Processor seconds of reading, batching and extraction."""
    gc.collect()
    begin = time.process_time()
    examples, _ = extractor.read(pairs)
    for batch in extractor.batches(examples):
        extractor(batch)
    return time.process_time() - begin


def recurrent(model: RnnModel, batches: Sequence[Sequence[Example]]) -> float:
    """Processor seconds of the network's own forward pass, by which it was trained."""
    gc.collect()
    begin = time.process_time()
    with torch.inference_mode():
        for batch in batches:
            source, lengths = _filled([[token.id for token in each.source.tokens] for each in batch], 0)
            inputs, _ = _filled([[model.target.bos, *(each.target or ())[:-1]] for each in batch], 0)
            model.network(source, lengths, inputs)
    return time.process_time() - begin


def transformer(face: HuggingFaceModel, batches: Sequence[Sequence[Example]]) -> float:
    """Processor seconds of the model's own forward pass."""
    gc.collect()
    begin = time.process_time()
    for batch in batches:
        sources = [[token.id for token in each.source.tokens] for each in batch]
        _forward(face, sources, [each.target or () for each in batch])
    return time.process_time() - begin


def transformer_from_text(face: HuggingFaceModel, pairs: Sequence[Pair], size: int) -> float:
    """Processor seconds of tokenising all lines at once, sorting, and the model's own forward pass."""
    gc.collect()
    begin = time.process_time()
    tokenizer: Any = face.tokenizer
    sources = tokenizer([pair.source for pair in pairs])["input_ids"]
    targets = tokenizer([pair.target for pair in pairs])["input_ids"]
    order = sorted(range(len(pairs)), key=lambda each: max(len(targets[each]), len(sources[each])))
    for some in (order[start : start + size] for start in range(0, len(order), size)):
        _forward(face, [sources[each] for each in some], [(*targets[each], 0) for each in some])
    return time.process_time() - begin


def _forward(
    face: HuggingFaceModel, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> None:
    config = face.model.config
    ids, lengths = _filled(sources, config.pad_token_id)
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    inputs, _ = _filled([[config.decoder_start_token_id, *target[:-1]] for target in targets], 0)
    with torch.inference_mode():
        face.model(input_ids=ids, attention_mask=mask, decoder_input_ids=inputs, use_cache=False)


def _filled(rows: Sequence[Sequence[int]], fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    return filled_up(rows, fill), torch.tensor([len(row) for row in rows])


def rows(runs: int = 5) -> list[Row]:
    """The bundled model; Marians of two sizes on real text."""
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    out = _dates(1000, runs)
    if not TEXT.is_dir():
        print(f"SKIPPED: {TEXT} is not there, so no Marian was measured on real text", file=sys.stderr)
        return out
    lines = {
        side: (TEXT / f"train.lc.norm.tok.{side}").read_text("utf-8").splitlines() for side in ("en", "de")
    }
    tokenizer = _tokenizer([*lines["en"], *lines["de"]])
    pairs = [Pair(number, *both) for number, both in enumerate(zip(lines["en"], lines["de"], strict=True))]
    for width, layers, count in ((64, 2, 1024), (256, 3, 192)):
        face = HuggingFaceModel.around(marian(width, layers, VOCABULARY), tokenizer, name="marian")
        out += _marian(face, f"Marian {layers}+{layers} layers d={width}", pairs[:count], runs)
    return out


def _dates(count: int, runs: int) -> list[Row]:
    model = load_model("dates")
    if not isinstance(model, RnnModel):
        raise TypeError("the bundled model is a recurrent one")
    lines = dates(count)
    pairs = [Pair(number, line, decode(model, line)[0].text) for number, line in enumerate(lines)]
    sites = ("encoder.states", "decoder.state", "attention.context")
    extractor = Extractor(model, [StateSite.parse(site) for site in sites])
    batches = _batches(extractor, pairs)
    peer = functools.partial(recurrent, model, batches)
    what = f"{count} dates, {len(sites)} sites"
    return [_row(what, functools.partial(ours, extractor, batches), peer, _tokens(batches), runs)]


def _marian(face: HuggingFaceModel, name: str, pairs: Sequence[Pair], runs: int) -> list[Row]:
    few = ["encoder.states", "decoder.state"]
    layers = face.model.config.decoder_layers
    all_layers = [f"{side}.layers.{layer}" for side in ("encoder", "decoder") for layer in range(layers)]
    out = []
    for sites in (few, [*few, *all_layers, *(f"attention.contexts.{layer}" for layer in range(layers))]):
        extractor = Extractor(face, [StateSite.parse(site) for site in sites])
        batches = _batches(extractor, pairs)
        mine, peer = (
            functools.partial(ours, extractor, batches),
            functools.partial(transformer, face, batches),
        )
        what = f"{len(pairs)} sentences, {name}, {len(sites)} sites"
        out.append(_row(what, mine, peer, _tokens(batches), runs))
    size = max(len(batch) for batch in batches)
    mine = functools.partial(ours_from_text, Extractor(face, [StateSite.parse(site) for site in few]), pairs)
    theirs = functools.partial(transformer_from_text, face, pairs, size)
    what = f"{len(pairs)} sentences, {name}, {len(few)} sites, from text"
    return [*out, _row(what, mine, theirs, _tokens(batches), runs)]


def _batches(extractor: Extractor, pairs: Sequence[Pair]) -> list[list[Example]]:
    examples, skipped = extractor.read(pairs)
    if skipped:
        raise RuntimeError(str(skipped[0].error))
    return list(extractor.batches(examples))


def _tokens(batches: Sequence[Sequence[Example]]) -> int:
    """Tokens of both sides."""
    return sum(sum(each.lengths) for batch in batches for each in batch)


def _tokenizer(lines: Sequence[str]) -> transformers.PreTrainedTokenizerFast:
    """Byte pairs of the corpus itself."""
    known = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    known.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["</s>", "<unk>", "<pad>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, end_of_word_suffix="</w>", show_progress=False
    )
    known.train_from_iterator(lines, trainer)
    names = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=known, **names)


def _row(what: str, mine: Callable[[], float], peer: Callable[[], float], tokens: int, runs: int) -> Row:
    our_seconds, peer_seconds, ratio = paired(mine, peer, runs)
    return Row(
        f"states: {what}",
        f"{tokens / our_seconds:.0f} tokens/s",
        f"{tokens / peer_seconds:.0f} tokens/s",
        ratio,
        1 / GOAL,
    )
