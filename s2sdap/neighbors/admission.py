"""Whether a corpus may be built into, added to, or gone on with in an index that is there."""

from collections.abc import Mapping, Sequence

from s2sdap.neighbors.extraction import Bounds
from s2sdap.neighbors.identity import check_identity
from s2sdap.neighbors.manifest import CorpusRecord, Manifest, ModelIdentity
from s2sdap.neighbors.plan import BuildPlan
from s2sdap.neighbors.states import StateSite
from s2sdap.vocabulary.errors import S2sdapError


def unfinished(corpora: Sequence[CorpusRecord]) -> CorpusRecord | None:
    """The corpus whose states are not all in. There is one at most, the last."""
    return corpora[-1] if corpora and not corpora[-1].finished else None


def check_build(
    path: str,
    manifest: Manifest,
    model: ModelIdentity,
    plan: BuildPlan,
    bounds: Bounds,
    dimensions: Mapping[StateSite, int],
) -> None:
    """Refuse to build into an index of anything else than this corpus, these sites and this model.

    Raises:
        S2sdapError: `index_other_model`, `index_other_build`, `corpus_changed`.
    """
    check_identity(path, manifest.model, model)
    sites = {StateSite.parse(each.site): each.dimension for each in manifest.sites}
    if sites != dict(dimensions):
        raise S2sdapError(
            "index_other_build", path=path, reason=f"its sites are {', '.join(map(str, sites))}"
        )
    if not manifest.corpora:
        return
    there, wanted = manifest.corpora[0], plan.record(bounds, 0)
    if there.asked != wanted.asked:
        _check_unchanged(there, wanted)
        other = _told(wanted)
        reason = f"it is of {_told(there)}, not of {other}"
        if _told(there) == other:
            reason = f"it is of {other}, as the files were then"
        raise S2sdapError("index_other_build", path=path, reason=reason)
    _check_order(path, there, wanted)
    if len(manifest.corpora) > 1 and (rest := unfinished(manifest.corpora)):
        raise S2sdapError("corpus_unfinished", path=path, file=rest.file.path)


def check_addition(
    path: str, manifest: Manifest, model: ModelIdentity, plan: BuildPlan, bounds: Bounds
) -> None:
    """Refuse another corpus while the last is not finished, and another sample of one that is in already.

    The very same corpus is no addition, and nothing is done for it.

    Raises:
        S2sdapError: `index_other_model`, `index_other_build`, `corpus_there`, `corpus_unfinished`,
            `corpus_changed`.
    """
    check_identity(path, manifest.model, model)
    wanted, rest = plan.record(bounds, 0), unfinished(manifest.corpora)
    if rest is not None:
        _check_unchanged(rest, wanted)
        if rest.asked != wanted.asked:
            raise S2sdapError("corpus_unfinished", path=path, file=rest.file.path)
        _check_order(path, rest, wanted)
    for each in manifest.corpora:
        same_files = each.asked[:2] == wanted.asked[:2]
        if each.finished and same_files and each.asked != wanted.asked:
            last = each.first + each.sentences - 1
            file = wanted.file.path
            raise S2sdapError("corpus_there", file=file, path=path, first=each.first, last=last)


def _told(corpus: CorpusRecord) -> str:
    """What makes a corpus the one that it is."""
    reference = "without references" if corpus.reference is None else f"with {corpus.reference.path}"
    sample = "" if corpus.sample is None else f", {corpus.sample} sentences drawn with seed {corpus.seed}"
    return f"{corpus.file.path} {reference}{sample}"


def _check_unchanged(there: CorpusRecord, wanted: CorpusRecord) -> None:
    """Refuse a file that was changed since a build of it began."""
    if there.finished:
        return
    for before, now in ((there.file, wanted.file), (there.reference, wanted.reference)):
        if before is not None and now is not None and before.path == now.path and before != now:
            raise S2sdapError("corpus_changed", file=now.path, before=before.size, now=now.size)


def _check_order(path: str, there: CorpusRecord, wanted: CorpusRecord) -> None:
    if there.finished or there.order == wanted.order:
        return
    bounds = f"--batch {there.batch_sentences} --batch-tokens {there.batch_tokens}"
    reason = (
        f"its batches are {there.batches} of at most {there.batch_sentences} sentences and "
        f"{there.batch_tokens} tokens, not {wanted.batches} of {wanted.batch_sentences} and "
        f"{wanted.batch_tokens}; {bounds} goes on with it"
    )
    raise S2sdapError("index_other_build", path=path, reason=reason)
