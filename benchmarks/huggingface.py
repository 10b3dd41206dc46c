"""What debugging costs a Hugging Face model, against its own `generate` in the same run.

The model has the shape of a common translation model (6 + 6 layers, d = 512, 58,101 tokens) with
random weights; a narrow one (d = 32), where a step is all Python, is the worst case. Seconds are of
this process's own processor time, and both sides take turns.
"""

import gc
import time
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import torch
import transformers
from transformers import GenerationMixin, MarianConfig, MarianMTModel, PreTrainedModel

from benchmarks.measuring import Row, milliseconds, paired
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.program import make_program
from s2sdap.debugger.session import Session
from s2sdap.debugger.watch_rules import arm
from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.models.huggingface.face import HuggingFaceModel

TOKENS = 64
SOURCE = 32
SKIPPED = (torch.nn.Module, torch.nn.Parameter, HuggingFaceModel, type, ModuleType)
"""What a record may point at without holding it: the model was there before."""


def marian(width: int, layers: int, vocabulary: int) -> PreTrainedModel:
    """A Marian with random weights."""
    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=vocabulary,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=8,
        decoder_attention_heads=8,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        max_position_embeddings=512,
        pad_token_id=vocabulary - 1,
        eos_token_id=0,
        decoder_start_token_id=vocabulary - 1,
        forced_eos_token_id=None,
    )
    return MarianMTModel(config).eval()


def arguments(model: PreTrainedModel, beams: int) -> dict[str, Any]:
    """A call of `generate` that writes exactly `TOKENS` tokens."""
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, model.config.vocab_size - 1, (1, SOURCE), generator=draw)
    length = {"min_new_tokens": TOKENS, "max_new_tokens": TOKENS}
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "num_beams": beams, **length}


def debugged(face: HuggingFaceModel, call: dict[str, Any]) -> Session:
    """The call run to its end under a session with a watch rule that is asked at every step."""
    plan = GeneratePlan.of_call(face, (), call)
    program = make_program(["the source"], path=None)
    with plan.installed():
        session = Session(
            face, program, planner=lambda _text, **_where: plan, of_call=True, stop_on_entry=False
        )
        session.armed = Armed.of(rules=[arm("lowConfidence", "p < 0.0")])
        session.start()
    if len(session.results) != 1:
        raise RuntimeError("the decode did not come to its end")
    return session


def spent(run: Callable[[], Any]) -> float:
    """Processor seconds of one run."""
    gc.collect()
    begin = time.process_time()
    run()
    return time.process_time() - begin


def rows(runs: int = 7) -> list[Row]:
    """Time, memory and going back."""
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    out: list[Row] = []
    wide = marian(512, 6, 58_101)
    out += _times(wide, "6+6 layers, d=512", runs, 1.05)
    out += _memory(wide)
    out += _going_back(wide, runs)
    out += _times(marian(32, 2, 200), "worst case: 2+2 layers, d=32", runs, None)
    return out


def _times(model: PreTrainedModel, what: str, runs: int, goal: float | None) -> list[Row]:
    face = HuggingFaceModel.around(model)
    out = []
    for beams in (1, 4):
        call = arguments(model, beams)
        ours, peer, ratio = paired(
            lambda call=call: spent(lambda: debugged(face, call)),
            lambda call=call: spent(lambda: GenerationMixin.generate(model, **call)),
            runs,
        )
        title = f"{what}, beam of {beams}, {TOKENS} tokens, rules armed, peer plain generate"
        out.append(Row(title, f"{ours:.2f} s", f"{peer:.2f} s", ratio, goal))
    return out


def _memory(model: PreTrainedModel) -> list[Row]:
    """Bytes of tensors that a finished decode keeps, against those of the by-hand way."""
    face = HuggingFaceModel.around(model)
    before = model.config._attn_implementation
    out = []
    for beams in (1, 4):
        call = arguments(model, beams)
        session = debugged(face, call)
        timeline = session.walk.timeline_of(0)
        timeline.branch.records[-1].sites.slim()  # as it is left when the next sentence of a run begins
        ours = held([timeline])
        model.set_attn_implementation("eager")
        by_hand = GenerationMixin.generate(
            model,
            **call,
            return_dict_in_generate=True,
            output_attentions=True,
            output_hidden_states=True,
            output_scores=True,
        )
        peer = held([by_hand])
        model.set_attn_implementation(before)
        mib = 1024 * 1024
        title = f"memory, 6+6 layers, d=512, beam of {beams}, peer output_attentions, _hidden_states, _scores"
        out.append(Row(title, f"{ours / mib:.1f} MiB", f"{peer / mib:.1f} MiB", ours / peer, 0.15))
    return out


def _going_back(model: PreTrainedModel, runs: int) -> list[Row]:
    """To the step before, and a step from the middle through a cache that is put together again."""
    face = HuggingFaceModel.around(model)
    call = arguments(model, 4)
    plan = GeneratePlan.of_call(face, (), call)
    with plan.installed():
        program = make_program(["the source"], path=None)
        session = Session(face, program, planner=lambda _text, **_where: plan, of_call=True)
        session.start()
        while session.cursor.step < 40:
            session.next()
        ours, peer, ratio = paired(
            lambda: spent(session.step_back), lambda: spent(session.next) and _new_step(session), runs
        )
        records = session.walk.branch.records
        cache, step, share = paired(
            lambda: spent(records[40].before.state.cache.cache), lambda: _new_step(session), runs
        )
    return [
        Row("step back at step 40, peer one new step", milliseconds(ours), milliseconds(peer), ratio, 1.0),
        Row(
            "a cache of step 40 again, peer one new step", milliseconds(cache), milliseconds(step), share, 1.0
        ),
    ]


def _new_step(session: Session) -> float:
    """Processor seconds of computing one step."""
    branch = session.walk.branch
    plan = session.walk.timeline.decode
    last = branch.records[-1]
    plan.step(branch.encoder, last.before)  # so that the cache at hand is the one after it
    return spent(lambda: plan.step(branch.encoder, last.before))


def held(roots: list[Any]) -> int:
    """Bytes of the tensors' storages that can be reached from `roots`, each counted once."""
    seen: set[int] = set()
    storages: dict[int, int] = {}
    waiting: list[Any] = list(roots)
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, SKIPPED):
            continue
        seen.add(id(each))
        if isinstance(each, torch.Tensor):
            storage = each.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
        elif isinstance(each, FunctionType):  # what it encloses, and not all that its module knows
            waiting += [each.__closure__, each.__defaults__, each.__kwdefaults__]
        else:
            waiting += gc.get_referents(each)
    return sum(storages.values())
