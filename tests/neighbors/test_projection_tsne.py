"""t-SNE in steps: its gradient, what it separates, that old points stay, and that it can be left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2sdap.neighbors.projection import Group, Layout, Refinement, project, project_in_steps, refinement
from s2sdap.neighbors.projection.affinities import affinities, conditional, perplexity_of
from s2sdap.neighbors.projection.faithfulness import squared_distances
from s2sdap.neighbors.projection.placing import alignment
from s2sdap.neighbors.projection.refining import (
    GATHERING,
    SETTLING,
    SPREADING,
    STILL,
    TOUCHING_UP,
)
from s2sdap.neighbors.projection.tsne import Descent

CLUSTERS, EACH, WIDTH = 6, 40, 20


def group(vectors, name="neighbours"):
    return Group(name, tuple(map(str, range(len(vectors)))), vectors)


@pytest.fixture(scope="module")
def planted():
    """Six clusters in twenty dimensions, in no order, and which point is of which."""
    draws = np.random.default_rng(1)
    labels = draws.permutation(np.repeat(np.arange(CLUSTERS), EACH))
    centres = draws.normal(size=(CLUSTERS, WIDTH)) * 2
    return centres[labels] + draws.normal(size=(CLUSTERS * EACH, WIDTH)) * 0.7, labels


@pytest.fixture(scope="module")
def first(planted):
    """A picture of all of them but the last twelve."""
    return project([group(planted[0][:-12])], "tsne", seed=4)


def same_cluster(points, labels, k=5):
    """The share of the `k` nearest of each point in the picture that are of its own cluster."""
    apart = squared_distances(points)
    np.fill_diagonal(apart, np.inf)
    return float((labels[np.argsort(apart, axis=1)[:, :k]] == labels[:, None]).mean())


@settings(max_examples=40, deadline=None)
@given(st.integers(4, 60), st.integers(1, 8), st.integers(0, 99), st.booleans())
def test_affinities_are_a_symmetric_distribution_of_the_perplexity(count, width, seed, doubled):
    vectors = np.random.default_rng(seed).normal(size=(count, width))
    if doubled:
        vectors[count // 2 :] = vectors[: count - count // 2]
    likely = affinities(squared_distances(vectors))
    np.testing.assert_allclose(likely.sum(dtype=np.float64), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(likely, likely.T)
    assert (likely >= 0).all()
    assert not likely.diagonal().any()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(3, 90), st.floats(1.5, 2.9), st.integers(0, 99), st.floats(-6, 6))
def test_each_row_has_the_perplexity_that_was_asked_for(rows, width, perplexity, seed, scale):
    apart = np.random.default_rng(seed).gamma(2.0, size=(rows, width)) * 10.0**scale
    likely = conditional(apart, perplexity)
    np.testing.assert_allclose(likely.sum(axis=1), 1.0)
    entropy = -(likely * np.log(np.maximum(likely, 1e-300))).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), perplexity, rtol=1e-4)


def test_copies_of_one_sentence_share_the_affinity_of_a_point():
    apart = np.array([[0.0] * 5 + [1.0] * 4])
    assert conditional(apart, 3.0)[0] == pytest.approx([0.2] * 5 + [0.0] * 4, abs=1e-9)
    assert conditional(np.zeros((1, 4)), 3.0)[0] == pytest.approx([0.25] * 4)
    assert [perplexity_of(count) for count in (4, 31, 1000)] == [1.0, 10.0, 30.0]


@pytest.mark.parametrize("rows", [None, [1, 4, 11]])
def test_the_gradient_is_that_of_the_divergence(rows):
    """By central differences, one coordinate at a time, of all points or of those that move."""
    likely = affinities(squared_distances(np.random.default_rng(0).normal(size=(12, 5)))).astype(np.float64)
    likely /= likely.sum()
    places = np.random.default_rng(1).normal(size=(12, 2)) * 2
    moving = None if rows is None else np.array(rows)
    found = Descent(likely, places, moving).gradient()
    for row, place in enumerate(range(12) if rows is None else rows):
        for axis in range(2):
            either = []
            for change in (1e-5, -1e-5):
                changed = places.copy()
                changed[place, axis] += change
                either.append(Descent(likely, changed).divergence())
            assert found[row, axis] == pytest.approx((either[0] - either[1]) / 2e-5, rel=1e-4, abs=1e-8)


def test_planted_clusters_come_apart_and_the_divergence_falls(planted):
    vectors, labels = planted
    begun = refinement([group(vectors)], "tsne", seed=4)
    assert isinstance(begun, Refinement)
    reached = []
    while not begun.done:
        if begun.steps in (0, GATHERING, GATHERING + SPREADING // 4, GATHERING + SPREADING // 2):
            reached.append(begun.layout().faithfulness.divergence)
        begun.advance()
    layout = begun.layout()
    reached.append(layout.faithfulness.divergence)
    assert reached == sorted(reached, reverse=True)
    assert reached[-1] < 0.5 * reached[0]
    assert layout.steps == GATHERING + SPREADING
    by_chance = (EACH - 1) / (CLUSTERS * EACH - 1)
    assert same_cluster(layout.points, labels) > 0.95 > 5 * by_chance
    flat = project([group(vectors)])
    assert layout.faithfulness.trustworthiness > flat.faithfulness.trustworthiness
    begun.advance()
    assert begun.layout().points.tobytes() == layout.points.tobytes()


def test_old_points_stay_when_others_come(planted, first):
    layout = project([group(planted[0])], "tsne", seed=4, previous=first)
    assert not layout.refitted
    assert SETTLING < layout.steps <= SETTLING + TOUCHING_UP
    assert layout.movement.points == len(first.keys)
    went = np.linalg.norm(layout.points[:-12] - first.points, axis=1)
    unit = np.sqrt(np.square(first.points - first.points.mean(axis=0)).sum(axis=1).mean())
    assert layout.movement.mean == pytest.approx(went.mean() / unit)
    assert layout.movement.largest == pytest.approx(went.max() / unit)
    assert 0 < layout.movement.mean <= STILL
    fresh = project([group(planted[0])], "tsne", seed=4)
    assert layout.faithfulness.trustworthiness > fresh.faithfulness.trustworthiness - 0.01
    assert same_cluster(layout.points, planted[1]) > 0.95


def test_new_points_settle_among_still_ones(planted, first):
    begun = refinement([group(planted[0])], "tsne", seed=4, previous=first)
    before = begun.layout()
    for _ in range(SETTLING):
        begun.advance()
    settled = begun.layout()
    assert settled.movement.largest == pytest.approx(0.0, abs=1e-6)
    assert settled.faithfulness.divergence < before.faithfulness.divergence
    assert np.abs(settled.points[-12:] - before.points[-12:]).max() > 0


@settings(max_examples=10, deadline=None)
@given(st.integers(6, 50), st.integers(1, 60), st.integers(0, 20))
def test_with_hold_old_points_stay_however_many_come(old, new, seed):
    vectors = np.random.default_rng(seed).normal(size=(old + new, 6))
    before = project([group(vectors[:old])], "tsne")
    after = project([group(vectors)], "tsne", previous=before, hold=True)
    assert not after.refitted
    assert after.movement.mean <= STILL
    assert np.isfinite(after.points).all()


def test_a_picture_that_has_outgrown_the_last_is_laid_out_again_and_turned_onto_it(planted):
    vectors = planted[0]
    small = project([group(vectors[:100])], "tsne")
    assert small.fitted == 100
    little = project([group(vectors[:140])], "tsne", previous=small)
    assert (little.refitted, little.fitted) == (False, 100)
    large = project([group(vectors[:160])], "tsne", previous=little)
    assert (large.refitted, large.fitted, large.steps) == (True, 160, GATHERING + SPREADING)
    np.testing.assert_allclose(large.points[:140].mean(axis=0), little.points.mean(axis=0), atol=1e-3)


def test_the_same_input_gives_the_same_picture_in_one_go_and_in_steps(planted, first):
    again = project([group(planted[0][:-12])], "tsne", seed=4)
    assert again.points.tobytes() == first.points.tobytes()
    steps = project_in_steps([group(planted[0][:-12])], "tsne", 4)
    taken = []
    while True:
        try:
            taken.append(next(steps))
        except StopIteration as stop:
            layout = stop.value
            break
    assert taken == list(range(1, GATHERING + SPREADING + 1))
    assert layout.points.tobytes() == first.points.tobytes()
    other = project([group(planted[0][:-12])], "tsne", seed=5)
    assert other.points.tobytes() != first.points.tobytes()


def test_it_begins_where_pca_stands_and_turns_as_pca_does(planted):
    flat = project([group(planted[0])])
    layout = project([group(planted[0])], "tsne", previous=flat)
    assert layout.movement is None
    assert not layout.refitted
    rotation, shift = alignment(layout.points, flat.points)
    np.testing.assert_allclose(rotation, np.eye(2), atol=1e-6)
    np.testing.assert_allclose(shift, 0.0, atol=1e-6)


def test_work_that_is_given_up_leaves_nothing_behind(planted, first):
    steps = project_in_steps([group(planted[0][:-12])], "tsne", 4)
    for _ in range(3):
        next(steps)
    steps.close()
    assert project([group(planted[0][:-12])], "tsne", seed=4).points.tobytes() == first.points.tobytes()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_too_few_points_are_drawn_by_pca(count):
    vectors = np.random.default_rng(0).normal(size=(count, 3))
    found = refinement([group(vectors)] if count else [], "tsne")
    assert isinstance(found, Layout)
    assert (found.method, len(found.points)) == ("pca", count)


def test_equal_points_stand_in_one_place():
    layout = project([group(np.ones((9, 3)))], "tsne")
    assert (layout.method, layout.points.tolist()) == ("pca", [[0.0, 0.0]] * 9)


@settings(max_examples=25, deadline=None)
@given(st.integers(5, 30), st.integers(1, 40), st.integers(1, 30), st.integers(0, 99))
def test_any_shape_gives_a_finite_picture(count, width, different, seed):
    """Fewer points than dimensions, a line, and many copies of few points among them."""
    draws = np.random.default_rng(seed)
    vectors = draws.normal(size=(different, width))[draws.integers(0, different, count)].astype(np.float16)
    layout = project([group(vectors)], "tsne")
    assert layout.points.shape == (count, 2)
    assert np.isfinite(layout.points).all()
    assert layout.faithfulness.divergence is None or np.isfinite(layout.faithfulness.divergence)
