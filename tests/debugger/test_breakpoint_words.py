"""How hit counts, messages of log points and places of stages are written; the rest is refused."""

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from models.small_networks import small_config
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError
from s2sdap.debugger.hit_counts import parse_hit_count
from s2sdap.debugger.log_messages import LONGEST, parse_log_message
from s2sdap.debugger.stage_places import StagePlace, parse_stage_place
from s2sdap.vocabulary.stages import Stage


def read(parse, *written, names):
    """What `parse` makes of a text; `None` where it refuses it by one of these names."""
    try:
        return parse(*written)
    except S2sdapError as error:
        refused = error.name
    assert refused in names
    return None


# ---------------------------------------------------------------- hit counts


@pytest.mark.parametrize(
    ("written", "shown", "met"),
    [
        (">2", ">2", [3, 4, 5, 6]),
        (" > 2 ", ">2", [3, 4, 5, 6]),
        (">=2", ">=2", [2, 3, 4, 5, 6]),
        ("<3", "<3", [1, 2]),
        ("<=3", "<=3", [1, 2, 3]),
        ("=5", "=5", [5]),
        ("==5", "=5", [5]),
        ("5", "=5", [5]),
        ("%2", "%2", [2, 4, 6]),
        (">0", ">0", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_hit_counts(written, shown, met):
    count = parse_hit_count(written)
    assert str(count) == shown
    assert [time for time in range(1, 7) if count.met(time)] == met
    assert parse_hit_count(shown) == count


@pytest.mark.parametrize(
    "written", ["", "x", "2.5", "-1", ">-1", "2>", "> >2", "!=2", "%0", "0", "<0", "1" * 10]
)
def test_what_is_no_hit_count(written):
    with pytest.raises(S2sdapError) as refused:
        parse_hit_count(written)
    assert refused.value.name == "bad_hit_count"


@given(st.text(max_size=20) | st.from_regex(r"\s?[<>=%!]{0,2}\s?\d{0,12}", fullmatch=True))
@hypothesis_settings(max_examples=150, deadline=None)
def test_any_text_is_a_hit_count_or_refused(written):
    count = read(parse_hit_count, written, names=("bad_hit_count",))
    assert count is None or count.met(1) in (True, False)


# ---------------------------------------------------------------- messages

FIELDS = {"token": "Haus", "p": 0.123456, "tokens": ["a", "b"], "step": 3, "attention": [1.0]}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", ""),
        ("as it is", "as it is"),
        ("{token} {p:.2f}", "Haus 0.12"),
        ("{ token }{step:>4}|{step:<3}|{step:03d}", "Haus   3|3  |003"),
        ("{p:.1%} {p:e}", "12.3% 1.234560e-01"),
        ("{{{token}}} {{}}", "{Haus} {}"),
        ("{tokens[-1:]} {tokens[0]}", "['b'] a"),
        ("{'}'} {\"a:b\"} {'{'}", "} a:b {"),
        ("{'yes' if p < 0.5 else 'no'}", "yes"),
        ("{attention[9]}!", "<Column 1: list index out of range>!"),
        ("{token:.1f}!", "<'Haus': Unknown format code 'f' for object of type 'str'>!"),
    ],
)
def test_messages(written, said):
    assert parse_log_message(written).text(FIELDS) == said


@pytest.mark.parametrize(
    ("written", "name", "column"),
    [
        ("a {p", "expression_syntax", 3),
        ("a {'p}", "expression_syntax", 3),
        ("a } b", "expression_syntax", 3),
        ("{}", "expression_syntax", 2),
        ("a {p <}", "expression_syntax", 7),
        ("a {tokn}", "expression_name", 4),
        ("{{}} {p + tokn}", "expression_name", 11),
        ("{p!r}", "expression_syntax", 3),
        ("{p:x}", "expression_syntax", 4),
        ("{p:9999d}", "expression_syntax", 4),
        ("{p:{step}}", "expression_syntax", 4),
        ("{token.upper()}", "expression_syntax", 2),
    ],
)
def test_what_is_no_message_and_where(written, name, column):
    with pytest.raises(S2sdapError) as refused:
        parse_log_message(written)
    assert (refused.value.name, refused.value.details["column"]) == (name, column)


def test_a_message_is_cut_where_it_grows_too_long():
    said = parse_log_message("{token}" * 3).text({"token": "x" * 1000})
    assert said == "x" * LONGEST + "…"


EXPRESSION = ("expression_syntax", "expression_name", "expression_limit")
BITS = st.sampled_from(
    [
        "{",
        "}",
        "{{",
        "}}",
        ":",
        "'",
        '"',
        "[",
        "]",
        "(",
        ")",
        "p",
        "token",
        " ",
        ".2f",
        "%",
        "!r",
        "é🎉",
        "\x00",
        "<",
    ]
)


@given(st.text(max_size=60) | st.lists(BITS, max_size=15).map("".join))
@example("{p:9.99f}")
@example("{p:999.99e}{step:999d}")
@example("{'\\''}")
@hypothesis_settings(max_examples=300, deadline=None)
def test_any_text_is_a_message_or_refused(written):
    message = read(parse_log_message, written, names=EXPRESSION)
    assert message is None or len(message.text(FIELDS)) <= LONGEST + 1


# ---------------------------------------------------------------- places of stages


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("attention", StagePlace(Stage.ATTENTION)),
        (" Encoder ", StagePlace(Stage.ENCODER)),
        ("attention:L0.H0", StagePlace(Stage.ATTENTION, 0, 0)),
        ("attention:L0", StagePlace(Stage.ATTENTION, 0)),
        ("attention : H0 @ 2", StagePlace(Stage.ATTENTION, None, 0, 2)),
        ("prediction@7", StagePlace(Stage.PREDICTION, step=7)),
        ('prediction:"x"', StagePlace(Stage.PREDICTION, token="x")),
        ("search:'x'@3", StagePlace(Stage.SEARCH, step=3, token="x")),
        ('search:L0.H0:"x"@3', StagePlace(Stage.SEARCH, 0, 0, 3, "x")),
    ],
)
def test_places_of_stages(written, place):
    for model in (None, rnn()):
        assert parse_stage_place(written, model) == place
        assert parse_stage_place(str(place), model) == place


def test_a_token_by_its_number_is_its_piece_once_the_model_is_known():
    number = rnn().target.find("x")
    assert parse_stage_place(f'search:"#{number}"', None).token == f"#{number}"
    assert parse_stage_place(f'search:"#{number}"', rnn()).token == "x"


@pytest.mark.parametrize("token", ['"', "\\", "'", '\\"', "a b", "日本🎉"])
def test_any_token_can_be_written(token):
    place = StagePlace(Stage.SEARCH, token=token)
    assert parse_stage_place(str(place), None) == place


@pytest.mark.parametrize(
    ("written", "name", "said"),
    [
        ("", "unknown_stage", "encoder"),
        ("atention", "unknown_stage", "did you mean 'attention'"),
        ("atention:L0", "unknown_stage", "did you mean 'attention'"),
        ("attention:L1", "bad_stage_place", "1 layers"),
        ("attention:H1", "bad_stage_place", "1 heads"),
        ("attention:X0", "bad_stage_place", "no narrowing"),
        ("attention:", "bad_stage_place", "no narrowing"),
        ("attention@x", "bad_stage_place", "no narrowing"),
        ('attention:"x"', "bad_stage_place", "no token yet"),
        ("decoder:L0", "bad_stage_place", "no heads"),
        ("encoder@1", "bad_stage_place", "before every step"),
        ('prediction:"no such"', "unknown_token", "no such"),
    ],
)
def test_what_is_no_place_and_why(written, name, said):
    with pytest.raises(S2sdapError) as refused:
        parse_stage_place(written, rnn())
    assert refused.value.name == name
    assert said in str(refused.value)


def test_what_a_model_lacks_is_no_place():
    for written, model, name in (
        ("attention:L0", rnn(small_config(attention="none")), "unknown_stage"),
        ("search:L0", rnn(small_config(attention="none")), "bad_stage_place"),
        ("encoder", PromptedModel(), "unknown_stage"),
    ):
        assert parse_stage_place(written, None).stage.value == written.partition(":")[0]
        with pytest.raises(S2sdapError) as refused:
            parse_stage_place(written, model)
        assert refused.value.name == name


PLACE = ("unknown_stage", "bad_stage_place", "unknown_token")
PIECES = st.sampled_from(
    [
        "attention",
        "prediction",
        "search",
        "encoder",
        ":",
        "@",
        "L0",
        ".H0",
        "H7",
        "7",
        '"',
        "'",
        "x",
        "\\",
        " ",
        "#3",
    ]
)


@given(st.text(max_size=40) | st.lists(PIECES, max_size=8).map("".join))
@hypothesis_settings(max_examples=300, deadline=None)
def test_any_text_is_a_place_or_refused(written):
    for model in (None, rnn()):
        place = read(parse_stage_place, written, model, names=PLACE)
        assert place is None or parse_stage_place(str(place), model) == place
