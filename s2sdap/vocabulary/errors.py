"""The error catalogue: every refusal has a number, says what was wrong and where, and what to do.

Numbers are stable and never reused; the hundreds group them by what they are about. The number
travels as the `id` of a protocol error, and `docs/errors.md` is written from this file.
"""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row of the catalogue. `what` and `remedy` are templates over the error's details."""

    number: int
    name: str
    what: str
    remedy: str


class S2sdapError(Exception):
    """A refusal from the catalogue, with the details that fill its text.

    Raised as `S2sdapError("unknown_model", model="x", known="dates")`; the name is looked up in
    `CATALOGUE`, so a raise that forgets a detail fails in the tests that provoke it.
    """

    def __init__(self, name: str, /, **details: Any) -> None:
        self.kind = CATALOGUE[name]
        self.details = details
        self.what = self.kind.what.format(**details)
        self.remedy = self.kind.remedy.format(**details)
        super().__init__(self._text)

    @property
    def _text(self) -> str:
        return f"S2S{self.kind.number}: {_sentence(self.what)} {_sentence(self.remedy)}"

    def about(self, what: str) -> "S2sdapError":
        """The same refusal, which first says what it is about, for those who see several of it."""
        error = S2sdapError(self.name, **self.details)
        error.what = f"{what}: {self.what}"
        error.args = (error._text,)
        return error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, S2sdapError) and (self.number, self.what) == (other.number, other.what)

    def __hash__(self) -> int:
        return hash((self.number, self.what))

    @property
    def number(self) -> int:
        """The catalogue number."""
        return self.kind.number

    @property
    def name(self) -> str:
        """The catalogue name."""
        return self.kind.name


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _catalogue(*kinds: ErrorKind) -> dict[str, ErrorKind]:
    by_name = {kind.name: kind for kind in kinds}
    if len(by_name) != len(kinds) or len({kind.number for kind in kinds}) != len(kinds):
        raise ValueError("two rows of the error catalogue share a name or a number")
    return by_name


CATALOGUE: Final[dict[str, ErrorKind]] = _catalogue(
    # 10xx: the program, that is, the sentences
    ErrorKind(1001, "program_missing", "Cannot read the program {path}: {reason}",
              "Give `program` the path of a text file with one source sentence a line"),
    ErrorKind(1002, "program_empty", "The program {path} has no sentence in it",
              "Write at least one line with text"),
    ErrorKind(1003, "program_not_utf8", "{path} is not UTF-8: byte {offset}, on line {line}, is 0x{byte:02x}",
              "Save the file as UTF-8; for a model of speech or vision, write a file with the path of one file a line"),
    ErrorKind(1004, "no_tokens", "Line {line} of {path} has no tokens for this model",
              "Its output is an empty line; remove it or write a sentence there"),
    ErrorKind(1005, "source_too_long", "Line {line} of {path} has {length} tokens; the limit is {limit}",
              "Split the sentence; `maxSourceLength`, a setting of a launch and of `--search`, may raise a limit that is not the model's own"),
    ErrorKind(1006, "reference_length", "The reference {path} has {found} lines, the program has {expected}",
              "Give one reference line for each line of the program"),
    ErrorKind(1007, "no_program", "The launch names neither `program` nor `source`",
              "Give one of them: a file of sentences, or one sentence inline"),
    ErrorKind(1008, "two_programs", "The launch names both `program` and `source`", "Give only one of them"),
    ErrorKind(1009, "program_too_large", "{path} has {size} bytes; the limit is {limit}",
              "Split the file into smaller ones"),
    ErrorKind(1010, "file_refused", "{path}: {reason}", "Give a path that exists, that you may use and that has room"),
    ErrorKind(1011, "program_columns", "Line {line} of {path} has one column, other lines have two",
              "Part source and reference of every line by a tab, or call a file of sources alone `.txt`"),
    ErrorKind(1012, "reference_missing", "Cannot read the references {path}: {reason}",
              "Give `reference` the path of a text file with one reference a line, in step with the program"),
    # 20xx: models and checkpoints
    ErrorKind(2001, "unknown_model", "There is no model {model!r}; known are {known}",
              "Give a checkpoint folder or one of the known names"),
    ErrorKind(2002, "checkpoint_missing", "The checkpoint {path} lacks {file}",
              "Give the folder that training wrote; it holds config.json and model.safetensors"),
    ErrorKind(2003, "checkpoint_malformed", "{path}: {field}: {reason}",
              "Restore the checkpoint, or write it again with save_checkpoint"),
    ErrorKind(2004, "checkpoint_version", "{path} is a checkpoint of version {found}; this release reads {supported}",
              "Use the release that wrote it, or train again"),
    ErrorKind(2005, "checkpoint_weights", "{path}: {reason}",
              "The weights do not fit config.json: take both from the same training run"),
    ErrorKind(2006, "bad_device", "The device {device!r} cannot be used: {reason}", "Use `cpu`, or a device that torch lists"),
    ErrorKind(2007, "model_failed", "The model failed in {where}: {reason}",
              "The traceback is in the exception details; mend the model, or set the edit that caused it back"),
    ErrorKind(2008, "family_missing", "No installed package reads models of the kind {scheme!r}",
              "Install one that offers {scheme!r} in the entry-point group {group}"),
    ErrorKind(2010, "transformers_missing", "`hf:` models need transformers, which cannot be imported: {reason}",
              "Install it with `pip install 's2sdap[huggingface]'`"),
    ErrorKind(2011, "not_a_model", "{path} is no Hugging Face model: {reason}",
              "Give a folder that `save_pretrained` wrote, or the id of a model on the hub"),
    ErrorKind(2012, "model_type_unknown", "{path} is of the type {type!r}, which transformers {version} does not know",
              "Update transformers; where the folder has code of its own, `trustRemoteCode` lets it run"),
    ErrorKind(2013, "model_writes_nothing", "{path} is a {architecture}, which writes no text",
              "Give a model that `generate` can run: an encoder-decoder, a speech or image reader, or a language model"),
    ErrorKind(2014, "processing_missing", "{path} has no usable {part}: {reason}",
              "Save it beside the model, with its own `save_pretrained`"),
    ErrorKind(2015, "weights_unusable", "The weights of {path} cannot be used: {reason}",
              "Take weights and config.json from the same `save_pretrained`"),
    ErrorKind(2016, "bad_dtype", "The dtype {dtype!r} cannot be used; known are {known}",
              "Use one of them, or leave `dtype` out to take the one that the model was saved in"),
    ErrorKind(2017, "remote_code_refused", "{path} needs code of its own to run: {files}",
              "Read that code; if you trust it, set `trustRemoteCode`"),
    ErrorKind(2018, "hub_unreachable", "{model} is not on this machine, and the hub gives no answer: {reason}",
              "Connect and try again, or give the folder of a model; what was loaded once is kept and needs no connection"),
    ErrorKind(2019, "hub_refused", "The hub does not give {model}: {reason}",
              "Check the id and `revision`; for a private or gated model, log in with `hf auth login`"),
    ErrorKind(2020, "out_of_memory", "{path} does not fit into the memory of {device}: {reason}",
              "Use a smaller `dtype`, another `device`, or a smaller model"),
    ErrorKind(2021, "option_unused", "`{option}` means nothing to {model}", "Leave it out: only `hf:` models read it"),
    ErrorKind(2022, "source_file", "The line {line!r} names no {kind} that can be read: {reason}",
              "Write the path of a file on the line, whole or from the program's folder"),
    ErrorKind(2023, "source_kind", "{model} reads {argument}, which no line of a program can name",
              "Call its `generate` yourself and attach to that"),
    ErrorKind(2024, "scheme_missing", "{path} is a Hugging Face model, not one of this package's own", "Write it as `hf:{path}`"),
    ErrorKind(2025, "tokenizer_foreign", "{model} reads {size} tokens, and its tokenizer gives token {token}",
              "Take the tokenizer from the same `save_pretrained` as the weights"),
    ErrorKind(2026, "half_character", "The source has half a character at position {position}, {code}",
              "Write the text as UTF-8, in which characters are whole"),
    ErrorKind(2030, "memory_ran_out", "Memory ran out in {where}: {reason}",
              "The session goes on; use fewer beams, a shorter source or a smaller `dtype`"),
    ErrorKind(2031, "opennmt_unreadable", "{path} is no checkpoint of OpenNMT-py that can be read: {reason}",
              "Give the .pt file that its training wrote; see docs/opennmt.md"),
    ErrorKind(2032, "pickle_forbidden", "{path} names {name}, which no checkpoint needs; torch.load might run it",
              "Nothing of it has been run. Do not open it with anything else, and ask where it comes from"),
    ErrorKind(2033, "opennmt_unsupported", "{path} is a model of OpenNMT-py with {part}, which cannot be read here",
              "See docs/opennmt.md for what can; a model in your own process can be attached to (docs/attach.md)"),
    ErrorKind(2034, "opennmt_weights", "The weights of {path} do not belong together: {reason}",
              "Take the file as its training wrote it, with weights and vocabularies of one run"),
    ErrorKind(2041, "h5py_missing", "`keras:` models need h5py, which cannot be imported: {reason}",
              "Install it with `pip install 's2sdap[keras]'`"),
    ErrorKind(2042, "keras_unreadable", "{path} is no Keras model that can be read: {reason}",
              "Give a .keras or .h5 file that `model.save` wrote; see docs/keras.md"),
    ErrorKind(2043, "keras_unsupported", "{path} is a Keras model with {part}, which cannot be read here",
              "See docs/keras.md for the one shape that can; attach to others in your own process (docs/attach.md)"),
    ErrorKind(2044, "keras_weights", "The weights of {path} do not fit its layers: {reason}",
              "Save the model again; weights and configuration must be of one model"),
    ErrorKind(2045, "keras_characters", "{path}: {reason}",
              "Write the characters into {beside}, in the order of their places, as in {{\"characters\": \" +01\", \"reversed\": true}}"),
    ErrorKind(2046, "training_missing", "There is no training in {path} to go on with: it lacks {file}",
              "Train without --resume; one that has ended is not gone on with, and has left its model there"),
    # 30xx: settings
    ErrorKind(3001, "bad_setting", "`{setting}` is {value!r}; it must be {expected}", "Change the setting"),
    ErrorKind(3002, "settings_clash", "{reason}", "Change one of the two settings"),
    ErrorKind(3003, "unknown_setting", "There is no setting `{setting}`{nearest}", "See the launch schema in docs/protocol.md"),
    ErrorKind(3004, "unknown_watch_rule", "There is no watch rule {rule!r}; known are {known}", "Use one of the known rules"),
    ErrorKind(3005, "other_search", "`{given}` does not steer {model}, which is searched by other rules",
              "Write its settings under `{wanted}`; see docs/huggingface.md"),
    ErrorKind(3006, "generate_refused", "`generate` refuses these settings: {reason}", "Change what it names"),
    # 40xx: what a person asks of a stop
    ErrorKind(4001, "not_launched", "`{request}` came before a launch", "Send `launch` first"),
    ErrorKind(4002, "already_launched", "This session is launched already", "Use `restart`, or open a second connection"),
    ErrorKind(4003, "running", "The decode is running, so `{request}` has nothing to look at", "Pause first, or wait for the next stop"),
    ErrorKind(4004, "ended", "The decode has ended", "Restart it"),
    ErrorKind(4005, "stale_frame", "Frame {id} is not of this stop", "Ask for the stack trace again"),
    ErrorKind(4006, "stale_variables", "Variables reference {id} is not of this stop", "Ask for scopes again"),
    ErrorKind(4007, "unknown_thread", "There is no live hypothesis {id}", "Ask for `threads` again"),
    ErrorKind(4008, "unknown_source", "There is no source with reference {reference} or path {path!r}", "Ask for `loadedSources`"),
    ErrorKind(4009, "at_start", "The cursor is at the first position of the program", "There is nothing before it"),
    ErrorKind(4010, "no_exception", "This stop is at no watch rule and no error", "Ask after a stop with the reason `exception`"),
    ErrorKind(4011, "no_weights", "The model {model} does not show its weights", "A model shows them by `named_weights` (docs/your-own-model.md)"),
    ErrorKind(4012, "stale_memory", "Memory reference {id} is not of this stop", "Ask for variables again"),
    # 41xx: edits
    ErrorKind(4101, "no_variable", "There is no variable {name!r} here", "Ask for `variables` again and use a name from it"),
    ErrorKind(4102, "not_editable", "{name!r} cannot be changed", "Change what an edit can change: see docs/edits.md"),
    ErrorKind(4103, "unknown_token", "{token!r} is not in the target vocabulary{nearest}", "Use a piece of the vocabulary, or `#` and its number"),
    ErrorKind(4104, "bad_attention", "{value!r} is no attention: {reason}", "Give weights of 0 or more that are not all 0"),
    ErrorKind(4105, "no_step_here", "No token has been predicted at the {stage} stage", "Step to a token first"),
    ErrorKind(4106, "no_such_site", "This model has no {site}", "See the model's sites in the Settings scope"),
    ErrorKind(4107, "bad_value", "{value!r} does not fit {name}: {reason}", "Give {expected}"),
    ErrorKind(4108, "not_yet", "{site} is not known yet at the {stage} stage", "Step on to the stage that computes it"),
    ErrorKind(4109, "bad_edit", "Edit {number} of the list is none: {reason}", "Write edits as an export has them"),
    ErrorKind(4110, "last_hypothesis", "Hypothesis {id} is the last one, and nothing has finished: nothing would be left",
              "Revive another continuation first, or choose another token"),
    ErrorKind(4111, "setting_fixed", "`{setting}` cannot change at step {step}: {reason}", "Launch again with it"),
    ErrorKind(4112, "edits_clash", "{reason}", "Take one of the edits of this step back"),
    ErrorKind(4113, "edit_unfit", "{what} cannot be changed here: {reason}", "Change a tensor of the step, or launch again"),
    ErrorKind(4114, "site_missing", "There is no {site} to see here: {reason}", "See the model's sites in the Settings scope"),
    ErrorKind(4120, "edit_syntax", "Column {column}: {reason}", "Write `help` in the console, or see docs/edits.md"),
    ErrorKind(4121, "no_place", "{name!r} names nothing that can be set{nearest}", "Set token, attention, state ...; see docs/edits.md"),
    ErrorKind(4122, "unknown_word", "{word!r} is no word of the source{nearest}", "Use a word or piece of it, or a position as in [3]"),
    ErrorKind(4123, "repeated_word", "{word!r} stands in the source {count} times", "Say which one: {word}#1 is the first"),
    ErrorKind(4124, "nothing_to_copy", "There is no {site} to copy at {where}: {reason}",
              "Copy from a step that has been computed, and to a place of the same shape"),
    ErrorKind(4125, "edits_of_other_model", "The edits were made for the model {found}, not for this {model}",
              "Open that model, or say that you want them anyway"),
    ErrorKind(4126, "edits_of_other_source", "The edits were made for the source {found!r}, not for {source!r}",
              "Go to that sentence, or say that you want them anyway"),
    ErrorKind(4127, "bad_export", "This is no export of edits: {reason}", "Give the text that an export wrote"),
    ErrorKind(4128, "no_edit_number", "There is no edit {number}; {count} are in force", "Ask for the list of edits"),
    ErrorKind(4140, "nothing_to_undo", "No edit of this sentence can be undone", "Switch to a branch instead: `s2s/branches` lists them"),
    ErrorKind(4141, "nothing_to_redo", "No edit of this sentence has been undone", "A new edit, too, takes away what could be done again"),
    ErrorKind(4142, "no_such_step", "There is no step {step}: the decode has come to step {last}", "Name a step that it comes to"),
    ErrorKind(4143, "unknown_branch", "There is no branch {branch}; known are {known}", "Ask for `s2s/branches` again"),
    ErrorKind(4144, "branch_stays", "Branch {branch} cannot be dropped: {reason}", "Switch to another branch and drop that one from there"),
    ErrorKind(4145, "other_branch", "That frame is of a run that branch {branch} had, which is not the current one", "Ask for the stack trace again"),
    ErrorKind(4146, "unknown_edit", "There is no edit at index {index}; {count} are in force", "Give an index of the session's `edits`, the first is 0"),
    ErrorKind(4147, "edit_does_not_fit", "Without edit {number} of the list another one means nothing: {reason}", "Take that one out first"),
    ErrorKind(4148, "source_fixed", "The source cannot be edited: {reason}", "Launch a session over the text that it should read"),
    ErrorKind(4149, "no_edits", "No edit was given", "Give one or more"),
    ErrorKind(4150, "stale_target", "Target {id} is not of this stop", "Ask for `gotoTargets` again"),
    # 42xx: expressions
    ErrorKind(4201, "expression_syntax", "Column {column}: {reason}", "See docs/expressions.md"),
    ErrorKind(4202, "expression_name", "Column {column}: there is no {name!r} here{nearest}", "See docs/expressions.md"),
    ErrorKind(4203, "expression_value", "Column {column}: {reason}", "See docs/expressions.md"),
    ErrorKind(4204, "expression_limit", "The expression is too large: {reason}", "Shorten it"),
    # 43xx: breakpoints
    ErrorKind(4301, "unknown_stage", "There is no stage {stage!r}; this model has {known}{nearest}", "Name one of its stages"),
    ErrorKind(4302, "unsupported_breakpoint", "{reason}", "Remove that part of the breakpoint"),
    ErrorKind(4303, "no_sentence_there", "There is no sentence at or after line {line}", "Set the breakpoint on a line with text"),
    ErrorKind(4304, "bad_hit_count", "{written!r} is no hit count: {reason}", "Write >2, >=2, =5, <3, <=3 or %10"),
    ErrorKind(4305, "bad_stage_place", "{written!r}: {reason}", 'Write a stage, as in `attention`, `attention:L3.H2`, `prediction@7` or `prediction:"Haus"`'),
    ErrorKind(4306, "no_token_there", "Line {line} has no source token at column {column} or after it", "Set the breakpoint on a token of the line"),
    ErrorKind(4307, "not_watchable", "{name!r} is nothing whose changes can be watched: {reason}", "Watch a value that has an expression, such as `focus`, `rank_of(\"x\")` or `best hypothesis`"),
    ErrorKind(4308, "rule_without_condition", "The filter {rule!r} takes no condition", "Switch it on without one"),
    # 44xx: comparing
    ErrorKind(4401, "side_clash", "A side of a comparison cannot name both `{one}` and `{other}`",
              "Name a branch or a hypothesis of the session, or another decode of its sentence"),
    ErrorKind(4403, "no_such_sentence", "There is no sentence {sentence}; there are {count}, the first is 0", "Name one of them"),
    ErrorKind(4404, "no_reference", "There is no reference for {sentence}", "Launch with `reference`, or give its text; on the command line, `--reference` or a .tsv"),
    ErrorKind(4405, "nothing_written", "{run} has written no token, so there is nothing to compare", "Step to a token first"),
    ErrorKind(4406, "call_not_ours", "`{what}` cannot be changed in a call of the program that was attached to",
              "Compare branches of it, or launch the model to compare it with another decode"),
    ErrorKind(4407, "no_hypothesis", "There is no hypothesis {hypothesis} in {run}", "Ask for `threads` again"),
    ErrorKind(4408, "nothing_to_compare", "Nothing is named that the decodes should be compared with",
              "Give --with-model, --with-search, --with-generation or --reference, or a .tsv with references"),
    # 442x: verdicts
    ErrorKind(4420, "nothing_wrong", "The output of {sentence} is its reference: no token of it is wrong",
              "Name the token that should stand at a step"),
    ErrorKind(4421, "no_wrong_token", "{sentence} has no reference, so nothing says which token is wrong",
              "Give a reference, or the step and the token that should stand there"),
    ErrorKind(4422, "wanted_is_there", "{token!r} stands at step {step} already", "Name another token, or another step"),
    ErrorKind(4423, "no_output_there", "The output of {sentence} has no step {step}; it has {count}", "Name one of its steps"),
    ErrorKind(4424, "several_at_once", "This decode is a batch of several sentences, which have one search together",
              "Decode the sentence by itself"),
    ErrorKind(4425, "too_few_steps", "{limit} steps are not enough to write the output and the reference once", "Allow more"),
    ErrorKind(4426, "cannot_tell_apart", "The output of {sentence} is its reference but for {lacking}, which the vocabulary lacks: "
              "{piece!r} stands there, whatever word is meant by it, and no edit can write the word",
              "Read the two texts, or name another token that should stand at a step"),
    ErrorKind(4427, "unwritable_reference", "The vocabulary lacks {lacking} of the reference of {sentence}, so no output can read like it: "
              "at step {step}, where they first part, only an unknown token could stand for it, and no stage is to blame",
              "Write what the model can write, or name the token that should stand at the step"),
    # 45xx: neighbours, that is, indexes of states
    ErrorKind(4501, "index_site", "{site!r} is no site whose neighbours can be looked for; those are {known}",
              "Write one of them; where a number follows, it is the layer"),
    ErrorKind(4502, "no_extraction", "No states can be taken from {model}: {reason}",
              "Give a model that decodes by single steps, or one of transformers"),
    ErrorKind(4503, "no_state_site", "{model} has no {site}; it has {known}", "Name sites and layers that it has"),
    ErrorKind(4504, "no_state_layer", "{site} has no layer {layer}; it has {count}", "Count layers from 0"),
    ErrorKind(4505, "pair_empty", "The {side} of sentence {sentence} has no tokens", "Nothing is taken from it"),
    ErrorKind(4506, "pair_too_long", "The {side} of sentence {sentence} has {length} tokens; the limit is {limit}",
              "Nothing is taken from it; split it, or raise the limit where it is a setting"),
    ErrorKind(4510, "neighbors_missing", "Neighbours need the package {package}, which cannot be imported: {reason}",
              "Install it with: pip install 's2sdap[{extra}]'"),
    ErrorKind(4511, "index_missing", "There is no index at {path}: {reason}", "Build one with `s2sdap index build`, or give the folder of one"),
    ErrorKind(4512, "index_newer", "{path} is an index of version {found}; this release reads up to {supported}",
              "Use s2sdap {release}, which wrote it, or a newer one"),
    ErrorKind(4513, "index_damaged", "The index {path} cannot be read: {where}: {reason}", "Take another copy of it, or build it again"),
    ErrorKind(4514, "index_other_model", "The index {path} is of the model {found}, not of this {model}: {reason}",
              "Open that model, or build an index of this one"),
    ErrorKind(4515, "index_dimension", "{site} has vectors of {expected} numbers in {path}, not of {found}",
              "Use the model that the index was built with"),
    ErrorKind(4516, "index_no_site", "The index {path} has no states of {site}; it has {known}",
              "Name one of them, or build an index with that site"),
    ErrorKind(4517, "index_no_row", "The index {path} has no {what} {number}; there are {count}",
              "Count from 0; of an index that is still being built, open it again later"),
    ErrorKind(4518, "index_busy", "The index {path} is being written by another process{who}", "Wait until that one is done, or end it"),
    ErrorKind(4519, "index_unwritable", "Cannot write the index {path}: {reason}",
              "Make room or give a place that you may write to, and give the same command again: what was committed is kept"),
    ErrorKind(4520, "index_foreign", "{path} holds other things than an index", "Give an empty folder, or one that is not there yet"),
    ErrorKind(4521, "index_other_build", "{path} is another index than this would be: {reason}",
              "Give another folder; to put a corpus into this one, use `s2sdap index add`"),
    ErrorKind(4522, "index_budget", "The index in {path} needs {need} bytes more; {bound}: {limit}",
              "Draw a --sample, name fewer --sites, or allow more"),
    ErrorKind(4523, "index_no_tokens", "Of no line of {path} can states be taken; the first: {reason}",
              "Give a corpus of sentences that this model reads"),
    ErrorKind(4524, "corpus_there", "Another sample of {file} is in the index {path} already, sentences {first} to {last}",
              "Build another index: sentences of both samples would be there twice"),
    ErrorKind(4525, "corpus_unfinished", "The states of {file} are not all in the index {path} yet",
              "Go on with that corpus first, by the command that added it"),
    ErrorKind(4526, "corpus_changed", "{file} was changed since its states began to be indexed: it had {before} bytes, now {now}",
              "Put the earlier file back to go on, or build another index"),
    ErrorKind(4527, "corpus_missing", "Cannot read the corpus {path}: {reason}",
              "Give `--corpus` the path of a UTF-8 text file with one source sentence a line"),
    ErrorKind(4528, "corpus_empty", "The corpus {path} has no sentence in it", "Give a file that has at least one line with text"),
    ErrorKind(4530, "query_shape", "A query has the shape {found}; the states of this index have {dimension} features",
              "Ask with vectors of that site and that model: [Q, {dimension}], or one of [{dimension}]"),
    ErrorKind(4531, "query_not_finite", "Query {query} has {value} at feature {feature}, which is no finite float16",
              "Such a state has no neighbours; look where the model's numbers leave that range"),
    ErrorKind(4532, "query_count", "Cannot look for {k} neighbours", "Ask for 0 or more"),
    ErrorKind(4533, "filter_predictions", "These states belong to source tokens, where the model predicts nothing",
              "Leave `right` out of the filter, or ask for neighbours of a decoder's site"),
    ErrorKind(4534, "search_unknown", "There is no {what} {name!r} to search with; those are {known}",
              "Give one of them, or leave it out"),
    ErrorKind(4535, "search_not_built", "Cannot search with {kind}: {reason}",
              "Build it with `s2sdap index tune`, or leave the kind to be chosen"),
    ErrorKind(4536, "search_cancelled", "The search for neighbours was cancelled", "Ask again if you still want it"),
    ErrorKind(4540, "projection_method", "There is no way to draw states called {method!r}; there are {known}", "Write one of them"),
    ErrorKind(4541, "projection_widths", "States of different widths ({widths}) cannot be drawn in one picture",
              "Draw each site in a picture of its own"),
    ErrorKind(4542, "projection_keys", "The points of {group!r} cannot be told apart: {reason}", "Give each point of a group a key of its own"),
    ErrorKind(4543, "neighbor_temperature", "The temperature {temperature} is not above 0", "Give a positive number, or none"),
    ErrorKind(4544, "no_embeddings", "{model} shows no embeddings of {side} tokens",
              "Ask for those of the other side; a model of your own shows them by `source_embeddings` and `target_embeddings`"),
    ErrorKind(4545, "no_word", "{word!r} holds no token of the {side}", "Write a word"),
    ErrorKind(4546, "no_token_number", "There is no {side} token {token}; there are {count}, the first is 0", "Name one of them"),
    ErrorKind(4550, "no_index", "This session of {model} has no index of training states: {reason}",
              "Build one with `s2sdap index build --model MODEL --corpus FILE --out DIR`, and launch with `index`, or give `--index DIR`"),
    ErrorKind(4551, "no_state_here", "The index {path} has no states of the {stage} stage; it has {known}",
              "Name one of those, or step on to a stage that has one"),
    ErrorKind(4552, "no_such_neighbor", "There is no neighbour {number} of {place}; there are {count}", "Count them from 0, the nearest"),
    ErrorKind(4553, "stale_location", "Location {id} is not of this stop", "Ask for the variables again"),
    ErrorKind(4554, "stale_picture", "Picture {id} is not of this session, or was let go", "Ask for a new one, without an `id`"),
    ErrorKind(4555, "other_space", "States of {other} cannot be drawn among those of {model}: they are of another space",
              "Draw another decode of the same model"),
    # 50xx: the protocol
    ErrorKind(5001, "bad_json", "The message is not JSON: {reason}", "Send one JSON object a frame"),
    ErrorKind(5002, "bad_message", "The message is no protocol request: {reason}", "Send `seq`, `type` and `command`"),
    ErrorKind(5003, "bad_framing", "The framing is broken: {reason}", "Write `Content-Length: N`, an empty line and N bytes; the connection closes now"),
    ErrorKind(5004, "unknown_request", "There is no request {command!r}{nearest}", "See the capabilities in the answer to `initialize`"),
    ErrorKind(5005, "bad_arguments", "`{command}`: {reason}", "See docs/protocol.md"),
    ErrorKind(5006, "too_large", "The message has {size} bytes; the limit is {limit}", "Send less at a time"),
    ErrorKind(5007, "internal", "The adapter failed in `{command}`: {reason}", "This is a defect of s2sdap; the session goes on. Please report it with the log"),
    ErrorKind(5008, "cancelled", "`{command}` was cancelled", "Send it again if you still want it"),
    ErrorKind(5009, "not_initialized", "`{command}` came before `initialize`", "Send `initialize` first"),
    ErrorKind(5010, "busy", "More than {limit} requests wait for an answer", "Wait for some of them"),
    ErrorKind(5011, "debugpy_missing", "The model's Python cannot be debugged without debugpy, which cannot be imported: {reason}",
              "Install it where the model runs: `pip install 's2sdap[python-debug]'`"),
    ErrorKind(5012, "python_debugged", "A Python debugger is in this process already: {reason}",
              "Use that one: attach to it, or go on in its session"),
    ErrorKind(5013, "child_unreachable", "The debugger of this child session does not answer at {address}: {reason}",
              "It ends with the session that began it; begin it again from there"),
    # 51xx: who may connect
    ErrorKind(5101, "bad_token", "The token is missing or wrong", "Take it from the file that `s2sdap serve` names, and send it as `token`"),
    ErrorKind(5102, "bad_origin", "The origin {origin!r} may not connect", "Start the server with --allow-origin to let a page in"),
    ErrorKind(5103, "bad_host", "The host {host!r} is not this server", "Connect to the loopback address that the server printed"),
    ErrorKind(5104, "not_loopback", "{host!r} is not a loopback address", "Serve on 127.0.0.1 and use a tunnel to reach it from elsewhere"),
    ErrorKind(5105, "too_many_connections", "The server already has {limit} connections", "Close one of them"),
    ErrorKind(5106, "handshake_late", "No launch with the token came in time", "Connect again and launch at once"),
    ErrorKind(5107, "only_watching", "`{command}` is for whoever began this session", "Ask what changes nothing, or begin a session of your own"),
    ErrorKind(5108, "no_session", "There is no session {number}", "Ask for the list of sessions again"),
    # 52xx: the scripted client
    ErrorKind(5201, "connection_refused", "Nothing answers at {address}: {reason}", "Start `s2sdap serve` and use the address it prints"),
    ErrorKind(5202, "connection_lost", "The adapter closed the connection{word}", "Connect again"),
    ErrorKind(5203, "no_answer", "No {what} came within {seconds} s", "Raise the timeout, or pause the decode"),
    ErrorKind(5204, "handshake_refused", "The server at {address} let nobody in: {reason}", "Use the address that `s2sdap serve` prints"),
    ErrorKind(5205, "reverse_request", "A scripted client cannot do `{command}`", "Do without it: no editor is at the other end"),
    ErrorKind(5206, "bad_address", "{address!r} is no address of an adapter: {reason}", "Write tcp://HOST:PORT or ws://HOST:PORT"),
    ErrorKind(5207, "token_unreadable", "Cannot read a token from {path}: {reason}", "Give the file that `s2sdap serve` names"),
    ErrorKind(5208, "unreadable", "What the adapter sent for `{what}` cannot be read: {reason}", "Use the same release of s2sdap on both sides"),

    ErrorKind(5301, "page_not_built", "The browser page has not been built: {folder} holds none", "In a checkout run `make page`; a wheel made with S2SDAP_WITHOUT_PAGE has none"),
    # 61xx: attaching to a process of one's own
    ErrorKind(6101, "listening_already", "This process listens already, on {address}", "Attach there; a process listens once"),
    ErrorKind(6102, "not_listening", "This process does not listen", "Call `s2sdap.listen` first"),
    ErrorKind(6103, "port_taken", "Cannot listen on {host}:{port}: {reason}", "Give another port; 0 picks a free one"),
    ErrorKind(6104, "attach_only", "This process runs its own decode, so nothing can be launched in it", "Send `attach`, or launch on `s2sdap serve`"),
    ErrorKind(6105, "launch_only", "Nothing runs in this server that could be attached to",
              "Send `launch`, or attach to a process that called `s2sdap.listen`"),
    ErrorKind(6106, "attached_already", "A client is attached to this process already", "Disconnect it first"),
    ErrorKind(6107, "cannot_restart", "The calls are made by the program that was attached to, so they cannot be restarted",
              "Step back, or run that program again"),
    ErrorKind(6108, "no_call", "No call has been made yet, so there is nothing to look at", "Wait for a call of `generate`, or of the module"),
    ErrorKind(6109, "bad_site_map", "`sites` cannot be used: {name!r}: {reason}",
              "Write names of submodules, with `:N` after the one whose output is a tuple, and the site of each"),
    ErrorKind(6110, "cannot_step", "This call cannot be stepped: {reason}", "Without that it can be stepped"),
    ErrorKind(6111, "nothing_to_debug", "A {type} cannot be debugged: {reason}", "Give a transformers model that generates, or a torch module with `sites`"),
    # 71xx: session files
    ErrorKind(7101, "session_missing", "Cannot read the session {path}: {reason}", "Give the path of a file that a session was saved to"),
    ErrorKind(7102, "session_foreign", "{path} is no session file: {reason}", "Give a file that a session was saved to"),
    ErrorKind(7103, "session_newer", "{path} is a session file of version {found}; this release reads up to {supported}",
              "Open it with s2sdap {release}, which wrote it, or a newer one"),
    ErrorKind(7104, "session_damaged", "{path}: {where}: {reason}", "Take another copy of the file, or save the session again"),
    ErrorKind(7105, "session_too_large", "{what} of the session file would have {size} bytes; the limit is {limit}",
              "Save a session over fewer sentences, or with `light` sites"),
    ErrorKind(7106, "session_unwritable", "Cannot write {path}: {reason}", "Give a path in a folder that you may write to"),
    ErrorKind(7107, "session_overwrite", "{path} exists and is no session file", "Give another path; only a session file is replaced"),
    ErrorKind(7108, "nothing_to_save", "Nothing has run yet, so there is nothing to save", "Save at a stop"),
    ErrorKind(7109, "post_mortem", "This is a recording of {model}, which cannot {what}",
              "Replay it with the model, or launch the model on its program; see docs/session-files.md"),
    ErrorKind(7110, "not_recorded", "The recording does not hold {what}", "Run so far with the model, and save the session again"),
    ErrorKind(7111, "cannot_replay", "The session in {path} cannot be replayed: {reason}", "Look at it without the model"),
    ErrorKind(7112, "session_and_more", "A launch of the recording {path} takes no {other}", "Leave it out: the recording has its own"),
    ErrorKind(7113, "no_recording", "This session runs a model, and `path` names no recording to replay", "Give the `path` of a session file"),
    ErrorKind(7114, "relative_path", "{path!r} is no path from the root", "Write the whole path: the adapter may run in another folder"),
    # 72xx: a corpus that nobody watches
    ErrorKind(7201, "runs_singly", "Sentences are decoded one by one: {reason}", "Nothing has to be mended; it takes longer"),
    ErrorKind(7202, "no_such_token", "Line {line} of {path} does not pause{where}{rule}",
              "Give a step that its output has, and a rule that fires there; one about the source fires before any step: leave `--step` out"),
    ErrorKind(7203, "batches_failed", "Something failed in {count} of the batches, whose sentences were decoded one by one; the first time: {reason}",
              "The outputs are those of single runs; make batches smaller (`--batch-size`), or mend what failed"),
    # 73xx: clusters
    ErrorKind(7301, "ray_missing", "Work on a cluster needs Ray, which cannot be imported: {reason}",
              "Install it with `pip install 's2sdap[scale]'`, on every node the same version"),
    ErrorKind(7302, "cluster_address", "{written!r} names no cluster",
              "Write `ray` for the one that runs here, or `ray://host:port`, with the port that `ray start` told"),
    ErrorKind(7303, "cluster_unreachable", "The cluster {address} does not answer: {reason}",
              "Start it with `ray start --head`, and give the address that it prints"),
    ErrorKind(7304, "cluster_small", "The cluster {address} has no room for one worker: {needed} are needed, {found} are there",
              "Add a node, or ask for less a worker; one CPU stays free for what feeds the workers"),
    ErrorKind(7305, "cluster_failed", "The cluster could not do its part of the work: {reason}",
              "The logs of Ray's session say more; what was done until then is kept, and the same command goes on"),
    ErrorKind(7306, "cluster_stalled", "No part of the work has come back for {seconds} s",
              "See `ray status`: nodes may have gone, or other work may hold all CPUs"),
    # 74xx: the language server
    ErrorKind(7401, "report_malformed", "Line {line} of {path} is no line of a report: {reason}",
              "Name a file that `s2sdap run --report` wrote"),
    ErrorKind(7402, "not_read", "{uri} is not read as a file of source sentences",
              "Name it under `files` in s2sdap.toml, or let the language server read it with `s2sdap.source.enableFile`"),
)  # fmt: skip
