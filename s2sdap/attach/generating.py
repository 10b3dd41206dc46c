"""Debugging `generate`: while a block is open, transformers' own stands behind one that looks first.

`GenerationMixin.generate` is replaced for as long as any block is open; a model that is in none of them is
passed on. Models that wrap it in a `generate` of their own come by here with what they pass to it.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from s2sdap.attach.process import HERE
from s2sdap.attach.stepped import stepped
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.dap.adapter import Adapter
    from s2sdap.decoding.generation.forward import Luck
    from s2sdap.decoding.generation.plan import GeneratePlan
    from s2sdap.decoding.plan import Plan
    from s2sdap.decoding.records import EncoderRecord

Generate = Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Generating:
    """A model of transformers in an open block. `compiled`: it was given wrapped by `torch.compile`."""

    model: Any
    tokenizer: Any
    name: str | None
    compiled: bool

    @property
    def label(self) -> str:
        """What calls of it are called."""
        return self.name or type(self.model).__name__


_lock: Final = threading.Lock()
_open: Final[list[Generating]] = []
_stands_behind: Final[dict[str, Generate]] = {}


@contextmanager
def generating(subject: Generating) -> Iterator[None]:
    """Debug the `generate` of a model inside the block; afterwards all is as it was before."""
    with _lock:
        if not _open:
            _stand_in()
        _open.append(subject)
    try:
        yield
    finally:
        with _lock:
            _open.remove(subject)
            if not _open:
                _stand_back()


def _stand_in() -> None:
    from transformers import GenerationMixin  # noqa: PLC0415 - only whoever debugs its models has it

    original: Generate = vars(GenerationMixin)["generate"]

    @functools.wraps(original)
    def generate(model: Any, *args: Any, **kwargs: Any) -> Any:
        subject = next((each for each in reversed(_open) if each.model is model), None)
        if subject is None or HERE.client is None or HERE.inside:
            return original(model, *args, **kwargs)
        with HERE.turn() as client:
            if client is None:  # it has left while we waited
                return original(model, *args, **kwargs)
            plain = functools.partial(original, model, *args, **kwargs)
            return _debugged(client, subject, plain, args, kwargs)

    _stands_behind["original"], _stands_behind["ours"] = original, generate
    _put_in_place(generate)


def _stand_back() -> None:
    from transformers import GenerationMixin  # noqa: PLC0415

    original, ours = _stands_behind.pop("original"), _stands_behind.pop("ours")
    if vars(GenerationMixin)["generate"] is ours:  # else somebody stands before us, whom we let pass
        _put_in_place(original)


def _put_in_place(generate: Generate) -> None:
    from transformers import GenerationMixin  # noqa: PLC0415

    setattr(GenerationMixin, "generate", generate)  # noqa: B010 - no assignment: it is a method


def _debugged(
    client: "Adapter", subject: Generating, plain: Callable[[], Any], args: tuple[Any, ...], kwargs: Any
) -> Any:
    """A call of `generate` under the client's eyes, or plainly where that cannot be."""
    from s2sdap.decoding.generation.forward import Luck  # noqa: PLC0415 - imports torch and transformers
    from s2sdap.decoding.generation.plan import GeneratePlan  # noqa: PLC0415
    from s2sdap.models.huggingface.face import HuggingFaceModel  # noqa: PLC0415

    call = f"generate call {HERE.next_number()} of {subject.label}"
    luck = Luck.now(subject.model.device)
    try:
        _check_streamer(subject, kwargs)
        # The model may have been moved, trained or rebuilt since the last call: look at it anew.
        face = HuggingFaceModel.around(subject.model, subject.tokenizer, subject.name)
        plan = GeneratePlan.of_call(face, args, kwargs)
        with plan.installed():
            begun = plan.begin()
    except S2sdapError as refusal:
        return _run_plainly(client, call, refusal, luck, plain)
    except Exception as error:  # the call's own arguments are wrong, or its encoder fails
        HERE.tell(client, f"{call} raised {type(error).__name__}: {error}", "stderr")
        raise
    try:
        return _stepped(client, subject, plan, begun, call, kwargs.get("streamer"))
    except S2sdapError as refusal:
        if refusal.name != "cannot_step":
            raise
        return _run_plainly(client, call, refusal, luck, plain)


def _run_plainly(
    client: "Adapter", call: str, why: S2sdapError, luck: "Luck", plain: Callable[[], Any]
) -> Any:
    """The call as if nobody had looked; the client is told why."""
    luck.restore()
    HERE.tell(client, f"{call} runs undebugged. {why}", "important")
    return plain()


def _stepped(
    client: "Adapter",
    subject: Generating,
    plan: "GeneratePlan",
    begun: "EncoderRecord",
    call: str,
    streamer: Any,
) -> Any:
    with plan.installed():
        if subject.compiled or plan.model.taps.compiled:
            HERE.tell(client, f"{subject.label} is compiled. Compiled code shows nothing: it runs eagerly.")
        count = len(plan.sources)
        title = f"{call}: {count} sentence{'s' if count > 1 else ''}"
        timeline = stepped(
            HERE, client, cast("Plan", plan), begun, [each.text for each in plan.sources], title
        )
        branch = timeline.branch
        result = plan.returned(branch.encoder, branch.tip)
    if branch.tip.state.luck is not None:  # random numbers go on as after the same call undebugged
        branch.tip.state.luck.restore()
    if streamer is not None:
        _stream(streamer, branch.encoder.encoded.ids, branch.tip.state.ids)
    return result


def _check_streamer(subject: Generating, kwargs: Any) -> None:
    config = kwargs.get("generation_config") or subject.model.generation_config
    beams = kwargs.get("num_beams", config.num_beams) or 1
    if kwargs.get("streamer") is not None and beams > 1:
        raise S2sdapError("cannot_step", reason="`streamer` does not go with beam search")


def _stream(streamer: Any, prompt: Any, ids: Any) -> None:
    """Stream what the call has come to: what had been printed before its end, an edit could not take back."""
    streamer.put(prompt.cpu())
    for place in range(prompt.shape[1], ids.shape[1]):
        streamer.put(ids[:, place].cpu())
    streamer.end()
