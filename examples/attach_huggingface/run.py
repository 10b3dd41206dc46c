"""Your own program, debugged: it translates its lines as ever, and a client may look into `generate`.

    python examples/attach_huggingface/run.py                      # a tiny untrained model, made on the spot
    python examples/attach_huggingface/run.py --model FOLDER_OR_ID --text "Guten Morgen"

It says where it listens, waits for a client, and prints what `generate` came to. See README.md beside it.
"""

import argparse
from typing import Any

from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    ByT5Tokenizer,
    T5Config,
    T5ForConditionalGeneration,
    set_seed,
)

import s2sdap


def model_and_tokenizer(name: str | None) -> tuple[Any, Any]:
    """The model of that folder or id, or one that knows nothing yet and reads bytes."""
    if name is not None:
        return AutoModelForSeq2SeqLM.from_pretrained(name).eval(), AutoTokenizer.from_pretrained(name)
    set_seed(7)
    config = T5Config(
        vocab_size=384, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, initializer_factor=8.0
    )
    config.decoder_start_token_id = config.pad_token_id
    return T5ForConditionalGeneration(config).eval(), ByT5Tokenizer()


def main() -> None:
    """Load, listen, wait for a client, generate."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--model", help="folder or hub id of an encoder-decoder; by default a tiny one")
    options.add_argument("--text", nargs="+", default=["Good morning", "Good night"], help="the source lines")
    options.add_argument("--port", type=int, default=5680, help="where to listen; 0 picks a free port")
    options.add_argument("--beams", type=int, default=4)
    options.add_argument(
        "--go-on-without", type=float, metavar="SECONDS", help="how long to wait for a client"
    )
    given = options.parse_args()

    model, tokenizer = model_and_tokenizer(given.model)
    inputs = tokenizer(given.text, return_tensors="pt", padding=True)

    s2sdap.listen(given.port)
    s2sdap.wait_for_client(given.go_on_without)
    with s2sdap.debug(model, tokenizer):
        ids = model.generate(**inputs, num_beams=given.beams, max_new_tokens=20)

    for text, output in zip(given.text, tokenizer.batch_decode(ids, skip_special_tokens=True), strict=True):
        print(f"{text!r}: {output!r}")


if __name__ == "__main__":
    main()
