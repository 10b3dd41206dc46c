"""The Marian example learns from a person's parallel text, resumes exactly, and writes a usual folder."""

import importlib.util
import itertools
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from generated_pairs import write_texts
from signalled import signalled
from transformers import AutoTokenizer, MarianMTModel, MarianTokenizer
from typer.testing import CliRunner
from warm_processes import HUGGING_FACE

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "marian"
SCRIPT = EXAMPLE / "train.py"
MULTI30K = ROOT.parent / "shared" / "data" / "multi30k-en-de"
STATE = "training-state.safetensors"
TINY = ("--epochs", "25", "--width", "32", "--layers", "1", "--vocabulary", "90", "--save-every", "1")

# Every Marian tokenizer says so; the normaliser that it misses is not used in reading text.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses:UserWarning"),
    pytest.mark.timeout(600),  # some tests train
]


@pytest.fixture(autouse=True)
def example_modules(monkeypatch):
    """The example's own modules can be imported, as its command imports them."""
    monkeypatch.syspath_prepend(EXAMPLE)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_texts(tmp_path_factory.mktemp("parallel"))


@pytest.fixture(scope="module")
def trained(warm, tmp_path_factory, data):
    """The folder that an uninterrupted training wrote, and what it said."""
    folder = tmp_path_factory.mktemp("marian") / "whole"
    code, said = train(warm, data, folder)
    assert code == 0, said
    return folder, said


def train(warm, data: Path, output: Path, *options: str, begin: Sequence[str] = ()) -> tuple[int, str]:
    """Run the command; its exit code, and what it said. `begin` stands in place of the script."""
    command = begin or ("-W", "error", str(SCRIPT))
    words = [*command, "--data", data, "--output", output, *TINY, *options]
    done = warm.run(words, imports=HUGGING_FACE, together=True, patience=600)
    return done.returncode, done.stdout


def tiny_trainer(data: Path, folder: Path, seed: int = 3, **settings):
    """A trainer of the generated pairs, whose epochs have several batches, and its validation pairs."""
    from learning import Pair, Settings, Trainer
    from parallel_text import the_text
    from shared_vocabulary import encoded, write_vocabulary

    texts = [the_text(data, split, "en", "de") for split in ("train", "val")]
    sentences = itertools.chain(texts[0].sources, texts[0].targets)
    tokenizer = write_vocabulary(folder, sentences, 90, "en", "de", longest=64)
    train, validation = (
        [
            Pair(*ids)
            for ids in zip(encoded(tokenizer, text.sources), encoded(tokenizer, text.targets), strict=True)
        ]
        for text in texts
    )
    plan = replace(
        Settings(epochs=2, seed=seed, width=16, layers=1, heads=2, dropout=0.1, batch_tokens=1000), **settings
    )
    return Trainer(plan, train, len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id), validation


def run(trainer, validation, updates: int | None = None):
    """Run `updates` updates, or all that are left."""
    while not trainer.finished:
        for _ in trainer.updates():
            updates = None if updates is None else updates - 1
            if updates == 0:
                return trainer
        trainer.end_epoch(validation, seconds=0.0)
    return trainer


def same_weights(one, other) -> bool:
    return all(torch.equal(weight, other.learned[name]) for name, weight in one.learned.items())


def test_transformers_loads_what_was_trained_and_it_has_learnt(trained, data):
    folder, said = trained
    model, tokenizer = MarianMTModel.from_pretrained(folder), MarianTokenizer.from_pretrained(folder)
    assert type(AutoTokenizer.from_pretrained(folder)) is MarianTokenizer
    assert model.config.vocab_size == len(tokenizer) <= 90
    assert (
        model.lm_head.weight
        is model.model.encoder.embed_tokens.weight
        is model.model.decoder.embed_tokens.weight
    )
    losses = [float(loss) for loss in re.findall(r"validation ([\d.]+) nats", said)]
    assert len(losses) == 25
    assert losses[-1] < losses[0] - 1


def test_the_loaded_model_translates_as_the_trained_one_did(trained, data):
    from translating import translations

    model, tokenizer = MarianMTModel.from_pretrained(trained[0]), MarianTokenizer.from_pretrained(trained[0])
    sentences = (data / "test_small.tok.en").read_text("utf-8").splitlines()
    shown = re.findall(r"^  -> (.*)$", trained[1], re.MULTILINE)
    assert len(shown) == 2
    assert translations(model, tokenizer, sentences)[:2] == shown


def test_the_settings_are_those_of_a_published_marian(trained):
    folder, _ = trained
    model, tokenizer = MarianMTModel.from_pretrained(folder), MarianTokenizer.from_pretrained(folder)
    assert tokenizer.model_max_length == model.config.max_position_embeddings == 256
    end, pad, settings = tokenizer.eos_token_id, tokenizer.pad_token_id, model.generation_config
    assert (end, pad) == (0, len(tokenizer) - 1)
    assert (settings.num_beams, settings.max_length, settings.bad_words_ids) == (4, 128, [[pad]])
    assert settings.eos_token_id == settings.forced_eos_token_id == model.config.eos_token_id == end
    assert settings.decoder_start_token_id == model.config.decoder_start_token_id == pad


def test_training_reads_text_as_the_loaded_tokenizer_does(trained, data):
    from shared_vocabulary import encoded

    tokenizer = MarianTokenizer.from_pretrained(trained[0])
    sentences = [*(data / "val.tok.en").read_text("utf-8").splitlines(), "the zebra 7 .", "Ünknown ☃ dog"]
    ids = encoded(tokenizer, sentences)
    assert ids == tokenizer(sentences).input_ids
    assert tokenizer.unk_token_id in ids[-1]
    targets = (data / "val.tok.de").read_text("utf-8").splitlines()
    assert encoded(tokenizer, targets) == tokenizer(text_target=targets).input_ids
    assert tokenizer.batch_decode(encoded(tokenizer, targets), skip_special_tokens=True) == targets


def test_the_log_has_every_epoch_and_bleu_or_why_not(trained):
    folder, said = trained
    log = (folder / "training.log").read_text("utf-8")
    assert len(re.findall(r"^epoch +\d+  loss", log, re.MULTILINE)) == 25
    (bleu,) = re.findall(r"^test_small.tok: (.*)", log, re.MULTILINE)
    if importlib.util.find_spec("sacrebleu") is None:
        assert bleu == "BLEU not measured: sacrebleu is not installed"
    else:
        assert bleu.startswith("BLEU = ")
    assert bleu in said
    assert not (folder / STATE).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_after_ctrl_c_it_goes_on_to_the_same_weights(warm, trained, data, tmp_path):
    code, said = train(warm, data, tmp_path, begin=signalled(SCRIPT, signal.SIGINT, STATE, 5))
    assert code == 130, said
    assert "Go on with --resume" in said
    assert not (tmp_path / "model.safetensors").exists()
    code, said = train(warm, data, tmp_path, "--resume")
    assert code == 0, said
    assert not (tmp_path / STATE).exists()
    for file in ("model.safetensors", "config.json", "generation_config.json", "vocab.json", "source.spm"):
        assert (tmp_path / file).read_bytes() == (trained[0] / file).read_bytes(), file


@pytest.mark.parametrize("updates", [1, 9, 16])
def test_a_saved_state_goes_on_to_the_bit(data, tmp_path, updates):
    whole, validation = tiny_trainer(data, tmp_path)
    run(whole, validation)
    stopped, _ = tiny_trainer(data, tmp_path)
    run(stopped, validation, updates).save(tmp_path / STATE)
    torch.manual_seed(99)  # a new process has another random state
    resumed, _ = tiny_trainer(data, tmp_path)
    resumed.resume(tmp_path / STATE)
    assert same_weights(resumed, stopped)
    assert not same_weights(resumed, whole)
    run(resumed, validation)
    assert same_weights(resumed, whole)
    assert [(epoch.loss, epoch.validation) for epoch in resumed.history] == [
        (epoch.loss, epoch.validation) for epoch in whole.history
    ]


def test_another_training_cannot_go_on_from_a_state(data, tmp_path):
    from parallel_text import DataError

    trainer, validation = tiny_trainer(data, tmp_path)
    run(trainer, validation, 1).save(tmp_path / STATE)
    with pytest.raises(DataError, match="other settings or another text"):
        tiny_trainer(data, tmp_path, seed=4)[0].resume(tmp_path / STATE)
    (tmp_path / STATE).write_bytes(b"half a file")
    with pytest.raises(DataError, match="cannot be read"):
        trainer.resume(tmp_path / STATE)
    with pytest.raises(DataError, match="leave --resume out"):
        trainer.resume(tmp_path / "nothing" / STATE)


def test_an_epoch_has_every_pair_once_in_batches_of_like_length(data, tmp_path):
    from learning import batches_of

    trainer, _ = tiny_trainer(data, tmp_path)
    first, again, second = (batches_of(trainer.pairs, trainer.settings, epoch) for epoch in (0, 0, 1))
    assert first == again != second
    assert sorted(itertools.chain(*first)) == list(range(200))
    for batch in first:
        widths = [len(trainer.pairs[number].source) + len(trainer.pairs[number].target) for number in batch]
        assert max(widths) * len(widths) <= trainer.settings.batch_tokens
    assert max(len(batch) for batch in first) > 10


def test_translations_come_back_in_the_order_of_the_sentences(trained):
    from translating import translations

    model, tokenizer = MarianMTModel.from_pretrained(trained[0]), MarianTokenizer.from_pretrained(trained[0])
    sentences = [
        "a dog .",
        "the man hears this bird in the garden .",
        "this tree likes a table .",
        "the table .",
    ]
    written = translations(model, tokenizer, sentences, batch_size=2)
    assert len(set(written)) > 2
    assert translations(model, tokenizer, sentences[::-1], batch_size=2) == written[::-1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: (data / "train.tok.de").unlink(), r"train.tok.en has no train.tok.de beside it"),
        (lambda data: (data / "val.tok.en").unlink(), r"one pair of files val\*.en and .de; it has none"),
        (lambda data: (data / "train.b.en").touch(), r"train.b.en has no train.b.de"),
        (lambda data: (data / "val.tok.de").write_text("eins\n"), r"has 20 lines and val.tok.de has 1"),
        (lambda data: (data / "val.tok.en").write_bytes(b"\xff\n" * 20), r"val.tok.en is not UTF-8"),
        (lambda data: (data / "val.tok.en").write_text("\n" * 20), r"have no sentence pair"),
    ],
)
def test_data_that_cannot_be_used_is_refused_with_its_reason(tmp_path, change, said):
    from parallel_text import DataError, the_text

    data = write_texts(tmp_path)
    change(data)
    with pytest.raises(DataError, match=said):
        [the_text(data, split, "en", "de") for split in ("train", "val")]


def test_a_refusal_of_the_command_is_a_line_and_not_a_traceback(tmp_path):
    """As typer runs the command, in this process: a process of its own takes five seconds to import."""
    spec = importlib.util.spec_from_file_location("marian_train", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    command = typer.Typer()
    command.command()(script.main)
    done = CliRunner().invoke(
        command, ["--data", str(tmp_path / "nothing"), "--output", str(tmp_path / "output"), *TINY]
    )
    said = " ".join(done.output.split())
    assert (done.exit_code, said) == (1, f"{tmp_path / 'nothing'} is no folder.")


def test_the_loss_falls_on_real_text(tmp_path):
    if not MULTI30K.is_dir():
        pytest.skip("../shared/data/multi30k-en-de is absent: the loss fell on generated sentences only")
    for name in ("train.lc.norm.tok", "val.lc.norm.tok"):
        for language in ("en", "de"):
            lines = (MULTI30K / f"{name}.{language}").read_text("utf-8").splitlines()[:500]
            (tmp_path / f"{name}.{language}").write_text("\n".join(lines) + "\n", "utf-8")
    trainer, validation = tiny_trainer(tmp_path, tmp_path / "output", width=32, epochs=3)
    before = trainer.validation_loss(validation)
    run(trainer, validation)
    losses = [before, *(epoch.validation for epoch in trainer.history)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < before - 0.5
