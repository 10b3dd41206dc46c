"""The bundled model reads dates of days that it has never seen, and is small."""

import hashlib
import json
from collections import Counter
from datetime import date
from pathlib import Path

from s2sdap.decoding.batched.grouping import BatchBounds, grouped
from s2sdap.decoding.batched.search import run_batch
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.bundled import written_dates as data
from s2sdap.models.loading import load_model

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "s2sdap" / "models" / "bundled" / "dates"


def written(model, texts):
    """What the model writes greedily, in batches, as `s2sdap run` decodes; see `test_batched_search`."""
    sources, found = [model.tokenize(text) for text in texts], {}
    for batch in grouped([len(source.tokens) for source in sources], 1, BatchBounds()):
        outputs = run_batch(model, [sources[each] for each in batch], SearchSettings())().outputs
        found.update(zip(batch, (model.target.text(best.tokens) for best, *_ in outputs), strict=True))
    return [found[each] for each in range(len(texts))]


def test_dates_of_unseen_days_are_read():
    model = load_model("dates")
    dates = list(data.written_dates("test", 800, seed=99))
    outputs = written(model, [each.text for each in dates])
    wrong = [(each.text, got) for each, got in zip(dates, outputs, strict=True) if got != each.iso]
    assert len(wrong) < 0.01 * len(dates), wrong
    assert {each.format for each in dates} == set(data.FORMATS)


def test_the_bundle_is_small():
    files = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert files.keys() == {"config.json", "model.safetensors", "training.log"}
    assert sum(files.values()) < 150_000


def test_the_model_knows_every_character_of_the_formats():
    model = load_model("dates")
    for each in data.written_dates("test", 3000, seed=5):
        assert all(token.known for token in model.tokenize(each.text).tokens), each.text


def test_the_log_is_of_this_model():
    log = (FOLDER / "training.log").read_text()
    assert f"{load_model('dates').layout.parameters} parameters" in log
    config = json.loads((FOLDER / "config.json").read_text())
    assert config["network"]["attention"] == "general"


# ---------------------------------------------------------------- the data


def test_a_day_is_in_one_split():
    splits = {split: set(data.days(split)) for split in ("train", "validation", "test")}
    days = [day for split in splits.values() for day in split]
    assert len(days) == len(set(days)) == (date(2049, 12, 31) - date(1950, 1, 1)).days + 1
    assert 0.09 < len(splits["test"]) / len(days) < 0.11
    assert 0.04 < len(splits["validation"]) / len(days) < 0.06


def test_no_text_means_two_days():
    """In any case of letters, over every day and every format."""
    meaning = {}
    for split in ("train", "validation", "test"):
        for day in data.days(split)[::3]:
            for form in data.FORMATS:
                text = data.write(day, form)
                for cased in {text, text.lower(), text.upper()}:
                    assert meaning.setdefault(cased, day) == day, (cased, meaning[cased], day)


def test_formats_are_many_and_written_in_five_languages():
    assert len(data.FORMATS) >= 16
    assert len(set(data.FORMATS)) == len(data.FORMATS)
    assert set(Counter(form.language for form in data.FORMATS)) == set(data.LANGUAGES)
    for language in data.LANGUAGES.values():
        assert (len(language.months), len(language.short), len(language.weekdays)) == (12, 12, 7)
        assert len(set(language.months)) == 12
        assert len(set(language.short)) == 12


def test_the_words_of_a_date():
    forms = {(form.language, form.name): form for form in data.FORMATS}
    day = date(2030, 10, 24)
    assert data.write(day, forms["german", "weekday"]) == "Donnerstag, den 24. Oktober 2030"
    assert data.write(day, forms["english", "slashes, two-digit year"]) == "10/24/30"
    assert data.write(day, forms["english", "compact"]) == "20301024"
    ordinals = [
        data.write(date(2030, 1, n), forms["english", "month ordinal"]) for n in (1, 2, 3, 11, 13, 21, 22)
    ]
    assert [text.split()[1] for text in ordinals] == [
        "1st,",
        "2nd,",
        "3rd,",
        "11th,",
        "13th,",
        "21st,",
        "22nd,",
    ]


def test_the_seed_decides_the_data():
    first, again, other = (list(data.written_dates("train", 50, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_pairs_are_those_that_the_model_was_trained_on():
    """The file as the model's training read it, byte for byte, in any release since."""
    text = "".join(f"{source}\t{target}\n" for source, target in data.training_pairs())
    assert hashlib.sha256(text.encode()).hexdigest() == data.TRAINING_SHA256
    assert data.TRAINING_SHA256.startswith("abe011abfa5a4ff5")
