"""Folders of tiny Hugging Face models, each with a tokenizer or processor trained here, made once a run.

Everything is written by `save_pretrained` (or in the layout that a tokenizer's own files have), so that the
tests go through the real loading code.
"""

import atexit
import io
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

import sentencepiece
import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers.tokenization_utils_sentencepiece import SentencePieceExtractor

from s2sdap.models.huggingface.loading import quiet
from s2sdap.models.loading import load_model

torch.set_num_threads(1)  # sums keep their order

ROOT = Path(tempfile.mkdtemp(prefix="s2sdap-hf-"))
atexit.register(shutil.rmtree, ROOT, ignore_errors=True)

LINES = [
    "the cat sat on the mat",
    "the dog ran home again",
    "über die Brücke gehen",
    "die Katze saß auf der Matte",
    "I saw the saw",
    "日本語 です",
    "שלום עולם",
] * 12

SIZES = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 64,
}
DECODER_ONLY = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}


def ids(tokenizer, start=None):
    """The special ids of a configuration, as the tokenizer has them."""
    return {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "decoder_start_token_id": tokenizer.pad_token_id if start is None else start,
    }


def spm_model(size=75, lines=LINES, **options):
    """A SentencePiece model, as the bytes of its file."""
    data = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=data,
        vocab_size=size,
        minloglevel=2,
        hard_vocab_limit=False,
        **options,
    )
    return data.getvalue()


def pieces_of(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [(processor.id_to_piece(i), processor.get_score(i)) for i in range(len(processor))]


def marian(folder):
    """Two SentencePiece models and one vocabulary, in the files that Marian checkpoints have."""
    source, target = spm_model(70), spm_model(95, [*LINES, *["die Katze saß"] * 40])
    (folder / "source.spm").write_bytes(source)
    (folder / "target.spm").write_bytes(target)
    spelt = sorted({piece for model in (source, target) for piece, _ in pieces_of(model)[3:]})
    vocabulary = {piece: i for i, piece in enumerate(["</s>", "<unk>", ">>de<<", *spelt, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    _tokenizer_config(folder, tokenizer_class="MarianTokenizer", source_lang="en", target_lang="de")
    last = len(vocabulary) - 1
    special = {"pad_token_id": last, "decoder_start_token_id": last, "eos_token_id": 0, "bos_token_id": None}
    config = hf.MarianConfig(**SIZES, **special, vocab_size=len(vocabulary))
    hf.MarianMTModel(config).save_pretrained(folder)


def m2m100(folder):
    model = spm_model()
    (folder / "sentencepiece.bpe.model").write_bytes(model)
    spelt = ["<s>", "<pad>", "</s>", "<unk>", *(piece for piece, _ in pieces_of(model)[3:])]
    (folder / "vocab.json").write_text(json.dumps({p: i for i, p in enumerate(spelt)}), encoding="utf-8")
    _tokenizer_config(folder, tokenizer_class="M2M100Tokenizer", src_lang="de", tgt_lang="en")
    size = len(spelt) + 108  # a hundred languages and eight tokens that mean nothing
    config = hf.M2M100Config(
        **SIZES, vocab_size=size, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2
    )
    hf.M2M100ForConditionalGeneration(config).save_pretrained(folder)


def _unigram():
    return [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces_of(spm_model())[3:]]


def mbart(folder):
    tokenizer = hf.MBartTokenizer(vocab=_unigram(), src_lang="en_XX", tgt_lang="de_DE")
    tokenizer.save_pretrained(folder)
    config = hf.MBartConfig(**SIZES, **ids(tokenizer, start=2))
    hf.MBartForConditionalGeneration(config).save_pretrained(folder)


def t5(folder):
    model = spm_model(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    tokenizer = hf.T5Tokenizer(vocab=pieces_of(model), extra_ids=2)
    tokenizer.save_pretrained(folder)
    _t5_model(tokenizer).save_pretrained(folder)


def byt5(folder):
    tokenizer = hf.ByT5Tokenizer(extra_ids=2)
    tokenizer.save_pretrained(folder)
    _t5_model(tokenizer).save_pretrained(folder)


def _t5_model(tokenizer):
    config = hf.T5Config(d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=4, **ids(tokenizer))
    return hf.T5ForConditionalGeneration(config)


@cache
def _byte_level():
    """A byte-level vocabulary and its merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<pad>", "</s>", "<s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return {
        "vocab": tokenizer.get_vocab(),
        "merges": [tuple(pair) for pair in merges],
        "pad_token": "<pad>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }


def bart(folder):
    tokenizer = hf.BartTokenizer(**_byte_level())
    tokenizer.save_pretrained(folder)
    config = hf.BartConfig(**SIZES, forced_eos_token_id=None, **ids(tokenizer, start=1))
    hf.BartForConditionalGeneration(config).save_pretrained(folder)


def gpt2(folder):
    tokenizer = hf.GPT2Tokenizer(**_byte_level())
    tokenizer.save_pretrained(folder)
    special = {name: value for name, value in ids(tokenizer).items() if name != "decoder_start_token_id"}
    config = hf.GPT2Config(n_embd=16, n_layer=2, n_head=4, n_positions=64, **special)
    hf.GPT2LMHeadModel(config).save_pretrained(folder)


def llama(folder):
    """A BPE of SentencePiece that falls back to bytes, as a fast tokenizer."""
    file = folder / "trained.model"
    file.write_bytes(spm_model(360, model_type="bpe", byte_fallback=True))
    vocabulary, _, merges = SentencePieceExtractor(str(file)).extract(vocab_scores=True)
    tokenizer = hf.LlamaTokenizer(vocab=vocabulary, merges=merges)
    tokenizer.save_pretrained(folder)
    config = hf.LlamaConfig(**DECODER_ONLY, vocab_size=len(tokenizer), bos_token_id=1, eos_token_id=2)
    hf.LlamaForCausalLM(config).save_pretrained(folder)


@cache
def _wordpieces():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=90, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(LINES, trainer)
    return tokenizer.get_vocab()


def bert(folder):
    """An `EncoderDecoderModel` of two BERTs."""
    tokenizer = hf.BertTokenizer(vocab=_wordpieces())
    tokenizer.save_pretrained(folder)
    sizes = {key: DECODER_ONLY[key] for key in DECODER_ONLY if key != "num_key_value_heads"}
    encoder = hf.BertConfig(**sizes, vocab_size=len(tokenizer))
    decoder = hf.BertConfig(**sizes, vocab_size=len(tokenizer), is_decoder=True, add_cross_attention=True)
    config = hf.EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.pad_token_id, config.decoder_start_token_id, config.eos_token_id = 0, 2, 3
    hf.EncoderDecoderModel(config).save_pretrained(folder)


def prophetnet(folder):
    """WordPieces by a tokenizer that is written in Python and tells no offsets."""
    vocabulary = sorted(_wordpieces(), key=_wordpieces().__getitem__)
    file = folder / "prophetnet.tokenizer"
    file.write_text("\n".join([*vocabulary, "[X_SEP]"]), encoding="utf-8")
    tokenizer = hf.ProphetNetTokenizer(str(file))
    tokenizer.save_pretrained(folder)
    config = hf.ProphetNetConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_encoder_layers=2,
        num_decoder_layers=2,
        num_encoder_attention_heads=2,
        num_decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        decoder_start_token_id=2,
    )
    hf.ProphetNetForConditionalGeneration(config).save_pretrained(folder)


SPEECH_IDS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1, "decoder_start_token_id": 2}
SPEECH = {**SIZES, "vocab_size": 300, **SPEECH_IDS}
del SPEECH["max_position_embeddings"]


def whisper(folder):
    """Reads windows of 1 second: 100 feature frames, of which the encoder makes 50."""
    extractor = hf.WhisperFeatureExtractor(feature_size=8, chunk_length=1)
    hf.WhisperProcessor(extractor, hf.WhisperTokenizer(**_byte_level())).save_pretrained(folder)
    config = hf.WhisperConfig(**SPEECH, num_mel_bins=8, max_source_positions=50, max_target_positions=48)
    config.suppress_tokens = config.begin_suppress_tokens = None
    hf.WhisperForConditionalGeneration(config).save_pretrained(folder)


def speech2text(folder):
    hf.Speech2TextFeatureExtractor(feature_size=8, num_mel_bins=8).save_pretrained(folder)
    hf.GPT2Tokenizer(**_byte_level()).save_pretrained(folder)
    config = hf.Speech2TextConfig(**SPEECH, input_feat_per_channel=8, conv_channels=16)
    hf.Speech2TextForConditionalGeneration(config).save_pretrained(folder)


def moonshine(folder):
    extractor = hf.Wav2Vec2FeatureExtractor(return_attention_mask=True, do_normalize=False)
    hf.Wav2Vec2Processor(extractor, hf.GPT2Tokenizer(**_byte_level())).save_pretrained(folder)
    config = hf.MoonshineConfig(
        vocab_size=300,
        hidden_size=32,
        intermediate_size=24,
        encoder_num_hidden_layers=2,
        decoder_num_hidden_layers=2,
        encoder_num_attention_heads=4,
        decoder_num_attention_heads=4,
        **SPEECH_IDS,
    )
    hf.MoonshineForConditionalGeneration(config).save_pretrained(folder)


VISION_IDS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1}


def _vision(folder, processor):
    encoder = hf.ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        image_size=12,
        patch_size=4,
    )
    decoder = hf.GPT2Config(n_embd=16, n_layer=2, n_head=4, n_positions=64, vocab_size=300, **VISION_IDS)
    decoder.add_cross_attention = decoder.is_decoder = True
    config = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.pad_token_id, config.decoder_start_token_id, config.eos_token_id = 0, 2, 1
    hf.VisionEncoderDecoderModel(config).save_pretrained(folder)
    tokenizer = hf.GPT2Tokenizer(**_byte_level())
    if processor:
        hf.TrOCRProcessor(_images(), tokenizer).save_pretrained(folder)
    else:
        _images().save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _images():
    return hf.ViTImageProcessorPil(size={"height": 12, "width": 12})


def trocr(folder):
    """Saved with a processor that holds both parts."""
    _vision(folder, processor=True)


def vit_gpt2(folder):
    """Saved with an image processor and a tokenizer side by side."""
    _vision(folder, processor=False)


TEXT = (marian, m2m100, mbart, t5, byt5, bart, gpt2, llama, bert, prophetnet)
TEXT_NAMES = tuple(build.__name__ for build in TEXT)
BUILDERS = {build.__name__: build for build in (*TEXT, whisper, speech2text, moonshine, trocr, vit_gpt2)}


@cache
def folder_of(name):
    """The folder of the tiny model `name`. Tests that change it work on a copy."""
    folder = ROOT / name
    folder.mkdir()
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(20170803)
        BUILDERS[name](folder)
    return folder


@cache
def loaded(name):
    """The tiny model `name`, through the real loading code."""
    return load_model(f"hf:{folder_of(name)}")


def _tokenizer_config(folder, **settings):
    text = json.dumps({"model_max_length": 512, **settings})
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
