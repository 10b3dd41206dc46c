"""PCA and classical scaling, what is gathered for them, and how far a picture can be believed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.manifold import trustworthiness as peer_trustworthiness

from s2sdap.neighbors.projection import Group, method_named, pca, project
from s2sdap.neighbors.projection.faithfulness import squared_distances, trustworthiness
from s2sdap.neighbors.projection.layout import spread
from s2sdap.neighbors.projection.leading import leading
from s2sdap.neighbors.projection.placing import alignment, place
from s2sdap.vocabulary.errors import S2sdapError

numbers = st.floats(-100, 100, width=16)
matrices = arrays.arrays(
    np.float64, st.tuples(st.integers(0, 12), st.integers(1, 9)), elements=st.floats(-100, 100, width=16)
)
LINEAR = ("pca", "mds")


def group(vectors, name="neighbours", first=0, **options):
    return Group(name, tuple(str(first + row) for row in range(len(vectors))), vectors, **options)


def drawn(*count_and_width, seed=0):
    return np.random.default_rng(seed).normal(size=count_and_width)


def apart(points):
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))


@settings(max_examples=150, deadline=None)
@given(matrices, st.sampled_from(LINEAR))
def test_the_plane_is_that_of_a_singular_value_decomposition(vectors, method):
    layout = project([group(vectors)], method)
    assert layout.points.shape == (len(vectors), 2)
    if not len(vectors):
        return
    centred = vectors - vectors.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False)
    best = np.zeros(2)
    best[: min(2, len(values))] = values[:2] ** 2
    seen = np.square(layout.points - layout.points.mean(axis=0)).sum(axis=0)
    np.testing.assert_allclose(seen, best, rtol=1e-6, atol=1e-9 * max(1.0, (values**2).sum()))
    if (whole := (values**2).sum()) > 0:
        np.testing.assert_allclose(layout.faithfulness.explained, best / whole, atol=1e-9)
    else:
        assert layout.faithfulness.explained is None


def test_axes_are_those_of_a_singular_value_decomposition_up_to_their_sign():
    vectors = drawn(40, 7) * np.arange(7, 0, -1)
    basis = pca.fit(vectors)
    _, _, right = np.linalg.svd(vectors - vectors.mean(axis=0))
    np.testing.assert_allclose(np.abs(np.sum(right[:2].T * basis.axes, axis=0)), 1.0, atol=1e-12)
    assert (basis.axes[np.abs(basis.axes).argmax(axis=0), [0, 1]] > 0).all()
    mirrored = pca.fit(vectors[::-1])
    np.testing.assert_allclose(mirrored.axes, basis.axes, atol=1e-12)


@pytest.mark.parametrize("shape", [(400, 200), (200, 400), (150, 150)])
@pytest.mark.parametrize("spectrum", ["falling", "twins", "flat", "one", "two"])
def test_the_leading_directions_of_large_matrices_are_those_of_a_whole_decomposition(shape, spectrum):
    """Also where two are equally long, where all nearly are, and where there are only one or two."""
    size = min(shape)
    lengths = {
        "falling": 0.9 ** np.arange(size),
        "twins": np.array([5.0, 5.0, *np.linspace(2, 1, size - 2)]),
        "flat": np.linspace(1.001, 1, size),
        "one": np.array([3.0, *[0.0] * (size - 1)]),
        "two": np.array([3.0, 1.0, *[0.0] * (size - 2)]),
    }[spectrum]
    left, _ = np.linalg.qr(drawn(shape[0], size))
    right, _ = np.linalg.qr(drawn(shape[1], size, seed=1))
    matrix = (left * lengths) @ right.T
    values, directions = leading(matrix)
    np.testing.assert_allclose(values, lengths[:2] ** 2, rtol=1e-8, atol=1e-10)
    seen = np.linalg.norm(matrix @ directions, axis=0)
    np.testing.assert_allclose(seen, lengths[:2], rtol=1e-6, atol=1e-6)
    there = np.diag((lengths[:2] > 0).astype(float))
    np.testing.assert_allclose(directions.T @ directions, there, atol=1e-8)


@pytest.mark.parametrize("width", [2, 9, 300])
def test_classical_scaling_gives_planar_distances_back(width):
    planar = drawn(30, 2)
    across, _ = np.linalg.qr(drawn(width, 2, seed=1))
    layout = project([group(planar @ across.T + 5.0)], "mds")
    np.testing.assert_allclose(apart(layout.points), apart(planar), atol=1e-9)
    assert layout.faithfulness.trustworthiness == 1.0
    assert sum(layout.faithfulness.explained) == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 40), st.integers(1, 6), st.integers(1, 12), st.integers(0, 99))
def test_trustworthiness_is_that_of_scikit_learn(count, width, k, seed):
    vectors, points = drawn(count, width, seed=seed), drawn(count, 2, seed=seed + 1)
    found, used = trustworthiness(squared_distances(vectors), points, k)
    assert used == min(k, (count - 1) // 2)
    assert found == pytest.approx(peer_trustworthiness(vectors, points, n_neighbors=used), abs=1e-12)


def test_the_squared_distances_of_far_points_do_not_cancel():
    vectors = drawn(20, 5) + 1e6
    np.testing.assert_allclose(np.sqrt(squared_distances(vectors)), apart(vectors), rtol=1e-6, atol=1e-9)
    assert squared_distances(np.ones((4, 3))).max() == 0.0


@pytest.mark.parametrize("method", LINEAR)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_points_are_drawn_and_nothing_is_said_that_they_cannot_show(method, count):
    vectors = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]])[:count]
    layout = project([group(vectors)], method)
    assert layout.faithfulness.trustworthiness is None
    assert np.isfinite(layout.points).all()
    if count == 2:
        assert apart(layout.points)[0, 1] == pytest.approx(5.0)


def test_no_group_is_an_empty_picture():
    layout = project([])
    assert layout.points.shape == (0, 2)
    assert (layout.keys, layout.movement, layout.left_out) == ((), None, ())


@pytest.mark.parametrize("method", LINEAR)
def test_equal_points_stand_in_one_place(method):
    layout = project([group(np.full((6, 4), 2.5))], method)
    assert layout.points.tolist() == [[0.0, 0.0]] * 6
    assert layout.faithfulness.trustworthiness is None
    assert layout.faithfulness.explained is None


def test_what_is_not_finite_is_left_out_and_said():
    vectors = drawn(6, 3)
    vectors[1, 0], vectors[4, 2] = np.nan, np.inf
    layout = project([group(vectors[:3], "a"), group(vectors[3:], "b")])
    assert [(each.group, each.key, each.reason) for each in layout.left_out] == [
        ("a", "1", "not_finite"),
        ("b", "1", "not_finite"),
    ]
    assert layout.keys == (("a", "0"), ("a", "2"), ("b", "0"), ("b", "2"))
    np.testing.assert_array_equal(layout.points, project([group(vectors[[0, 2, 3, 5]])]).points)
    assert layout.point("a", "1") is None
    assert layout.point("b", "2") == tuple(layout.points[3])
    assert layout.rows_of("b").tolist() == [2, 3]


def test_more_points_than_can_be_drawn_are_thinned_alike_in_every_call():
    line, cloud = group(drawn(5, 4), "decode", trajectory=True), group(drawn(60, 4, seed=1))
    layout = project([cloud, line], limit=25)
    again = project([cloud, line], limit=25)
    assert layout.keys == again.keys
    assert len(layout.keys) == 25
    assert len(layout.rows_of("decode")) == 5
    assert {each.reason for each in layout.left_out} == {"bound"}
    assert len(layout.left_out) == 40
    more = project([group(drawn(61, 4, seed=2)), line], limit=25)
    assert len(set(layout.keys) - set(more.keys)) <= 1
    assert project([cloud, line], seed=1, limit=25).keys != layout.keys


@pytest.mark.parametrize("method", LINEAR)
def test_the_same_input_gives_the_same_layout(method):
    groups = [group(drawn(50, 20).astype(np.float16))]
    first, second = (project(groups, method, seed=3) for _ in range(2))
    assert first.points.tobytes() == second.points.tobytes()
    assert first.faithfulness == second.faithfulness


def test_in_the_plane_that_is_kept_no_old_point_moves():
    vectors = drawn(60, 10) * np.array([9, 7, 1, 1, 1, 1, 1, 1, 1, 1])
    first = project([group(vectors[:40])])
    second = project([group(vectors)], previous=first)
    np.testing.assert_array_equal(second.points[:40], first.points)
    assert (second.movement.points, second.movement.mean, second.movement.largest) == (40, 0.0, 0.0)
    assert not second.refitted
    np.testing.assert_array_equal(second.points[40:], (vectors[40:] - first.basis.mean) @ first.basis.axes)


def test_a_plane_that_has_come_to_show_little_is_given_up_and_what_stood_there_is_followed():
    vectors = drawn(60, 6)
    vectors[:30] *= [5, 4, 0.1, 0.1, 0.1, 0.1]
    vectors[30:] *= [1, 1, 1, 1, 90, 80]
    first = project([group(vectors[:30])])
    second = project([group(vectors)], previous=first)
    assert second.refitted
    assert second.movement.points == 30
    assert second.movement.largest > 0
    own = project([group(vectors)])
    np.testing.assert_allclose(apart(second.points), apart(own.points), atol=1e-9)
    assert sum(second.faithfulness.explained) == pytest.approx(sum(own.faithfulness.explained))
    assert not project([group(vectors)], previous=second).refitted
    third = project([group(vectors)], previous=second)
    np.testing.assert_allclose(third.points, second.points, atol=1e-9)


def test_a_first_picture_of_one_point_or_of_a_line_binds_nothing():
    vectors = drawn(30, 5)
    for first in (vectors[:1], vectors[:2]):
        second = project([group(vectors)], previous=project([group(first)]))
        np.testing.assert_allclose(apart(second.points), apart(project([group(vectors)]).points), atol=1e-9)


def test_scaling_lays_the_new_picture_over_the_old_one():
    vectors = drawn(80, 12) * np.linspace(3, 1, 12)
    first = project([group(vectors[:70])], "mds")
    second = project([group(vectors)], "mds", previous=first)
    own = project([group(vectors)], "mds")
    turned = own.points[:70] - first.points
    assert second.movement.points == 70
    assert 0 < second.movement.mean <= np.linalg.norm(turned, axis=1).mean() / spread(first.points)
    assert second.movement.mean < 0.3
    np.testing.assert_allclose(apart(second.points), apart(own.points), atol=1e-9)


def test_movement_is_told_of_one_method_and_one_space_only():
    vectors = drawn(20, 4)
    first = project([group(vectors)])
    assert project([group(vectors)], "mds", previous=first).movement is None
    assert project([group(vectors)], previous=first, space="cosine").movement is None
    assert project([group(vectors, "others")], previous=first).movement is None


def test_under_the_cosine_only_directions_count():
    vectors = drawn(20, 4)
    lengths = np.linspace(0.5, 9, 20)[:, None]
    plain, scaled = (project([group(each)], space="cosine") for each in (vectors, vectors * lengths))
    np.testing.assert_allclose(scaled.points, plain.points, atol=1e-9)
    assert np.isfinite(project([group(np.zeros((3, 2)))], space="cosine").points).all()


def test_two_decodes_share_one_plane():
    one, other = drawn(10, 6), drawn(12, 6, seed=1)
    layout = project([group(one, "first", trajectory=True), group(other, "second", trajectory=True)])
    together = project([group(np.concatenate([one, other]))])
    np.testing.assert_array_equal(layout.points, together.points)
    assert layout.rows_of("second").tolist() == list(range(10, 22))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(0, 5), st.integers(0, 50))
def test_a_new_point_stands_between_its_nearest_and_on_its_equal(old, new, seed):
    vectors, points = drawn(old + new, 4, seed=seed), drawn(old, 2, seed=seed + 1)
    if new:
        vectors[old] = vectors[0]
    placed = place(vectors, np.arange(old), points)
    np.testing.assert_array_equal(placed[:old], points)
    if new:
        np.testing.assert_array_equal(placed[old], points[0])
        assert (placed[old:].min(axis=0) >= points.min(axis=0) - 1e-9).all()
        assert (placed[old:].max(axis=0) <= points.max(axis=0) + 1e-9).all()


def test_an_alignment_undoes_a_turn_and_a_shift():
    points = drawn(15, 2)
    turn = np.array([[np.cos(0.7), np.sin(0.7)], [np.sin(0.7), -np.cos(0.7)]])
    rotation, shift = alignment(points @ turn + 4.0, points)
    np.testing.assert_allclose((points @ turn + 4.0) @ rotation + shift, points, atol=1e-12)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([group(drawn(2, 3), "a"), group(drawn(2, 4), "b")], "S2S4541.*3, 4"),
        ([group(drawn(2, 3), "a"), group(drawn(2, 3), "a")], "S2S4542.*'a'.*two groups"),
        ([Group("a", ("0", "0"), drawn(2, 3))], "S2S4542.*two points"),
        ([Group("a", ("0",), drawn(2, 3))], "S2S4542.*1 keys for 2"),
    ],
)
def test_groups_that_do_not_fit_together_are_refused(groups, words):
    with pytest.raises(S2sdapError, match=words):
        project(groups)


def test_an_unknown_method_is_refused_with_those_that_there_are():
    with pytest.raises(S2sdapError, match=r"S2S4540.*'umap'.*pca, mds"):
        method_named("umap")
    assert method_named("mds") == "mds"
