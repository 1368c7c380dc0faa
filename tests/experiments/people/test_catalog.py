"""The words of a session: the same keys in every language, none missing, none said too early."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

import experiments
from experiments.paradigms.choosing import PARADIGMS
from experiments.people.catalog import LANGUAGES, PROFILES, load_catalog, spoken_keys
from experiments.window.fonts import FAMILIES
from protocols.base.errors import InputError, UsageError
from protocols.plan.sessions import Paradigm, Scale

CATALOGS = {language: load_catalog(language) for language in LANGUAGES}
SECTIONS = ("instruction", "question", "low", "high", "answer", "truth", "feedback", "hint", "screen")
EVERYWHERE = pytest.mark.parametrize("catalog", CATALOGS.values(), ids=CATALOGS)

# What may tell how films are made, or that it matters: the tasks about it. All else can come before passive viewing.
TELLING = re.compile(
    r"instruction\.(same_different|pair_comparison|detection)\."
    r"|(question|low|high)\.(made_how|same_or_different|which_\w+|find\.\w+|realness)$"
    r"|(answer|truth)\.(camera|computer|same|different|first|second|left|right)$"
)
HINTS = {
    "en": r"\b(ai|a\.i\.|artificial\w*|computer\w*|machine\w*|camera\w*|real|really|realis\w+|realness|fake\w*"
    r"|gener\w+|made|make|synthetic|animat\w+|cartoon\w*|digital\w*|actors?|same|different)\b",
    "zh": r"AI|人工|智能|电脑|计算机|机器|摄像|镜头|真|假|伪|生成|制作|做出来|合成|动画|卡通|数字人|演员|一样|不同",
}


def texts(catalog):
    return {(key, profile): catalog.text(key, profile) for key in catalog.keys for profile in PROFILES}


def test_all_languages_have_the_same_keys():
    first, *others = CATALOGS.values()
    for other in others:
        assert set(other.keys) == set(first.keys)
    assert set(FAMILIES) == set(LANGUAGES), "every language needs fonts"


@EVERYWHERE
def test_no_text_is_empty_and_none_has_a_placeholder_that_nobody_fills(catalog):
    for where, text in texts(catalog).items():
        assert isinstance(text, str), where
        assert text == " ".join(text.split()), where
        assert text, where
        assert not set("{}<>%") & set(text), where


@EVERYWHERE
def test_keys_belong_to_a_section_and_every_form_to_a_profile(catalog):
    assert {key.partition(".")[0] for key in catalog.keys} == set(SECTIONS)
    assert not [key for key in catalog.keys if set(key.split(".")) & set(PROFILES)]


@EVERYWHERE
def test_nothing_that_can_come_before_passive_viewing_tells_how_films_are_made(catalog):
    hints = re.compile(HINTS[catalog.language], re.I)
    found = {
        where: text
        for where, text in texts(catalog).items()
        if not TELLING.match(where[0]) and hints.search(text)
    }
    assert found == {}


@EVERYWHERE
def test_the_words_that_tell_would_be_noticed(catalog):
    hints = re.compile(HINTS[catalog.language], re.I)
    for key in ("question.made_how", "instruction.detection.1", "truth.computer", "low.realness"):
        assert hints.search(catalog.text(key)), key


@EVERYWHERE
def test_no_task_but_those_that_ask_about_it_names_the_computer(catalog):
    computer = {"en": "computer", "zh": "电脑"}[catalog.language]
    allowed = re.compile(
        r"instruction\.(detection|pair_comparison)\.|question\.(made_how|which_computer|find\.computer)$"
        r"|answer\.computer$|truth\.(computer|first|second)$"
    )
    named = {key for (key, _), text in texts(catalog).items() if computer in text.lower()}
    assert {key for key in named if not allowed.match(key)} == set()


@EVERYWHERE
@pytest.mark.parametrize(
    "section",
    ["instruction.", "question.", "truth.", "feedback.", "hint.", "screen."],
    ids=lambda one: one[:-1],
)
def test_children_hear_words_of_their_own(section, catalog):
    alike = [
        key
        for key in catalog.keys
        if key.startswith(section) and len({catalog.text(key, p) for p in PROFILES}) == 1
    ]
    assert alike == []


@EVERYWHERE
def test_what_a_child_is_told_at_once_is_short(catalog):
    longest = {"en": 30, "zh": 60}[catalog.language]
    for key in catalog.keys:
        text = catalog.text(key, "child")
        assert (len(text.split()) if catalog.language == "en" else len(text)) <= longest, key


@EVERYWHERE
def test_each_page_of_an_instruction_is_written(catalog):
    for task in get_args(Paradigm):
        pages = [key for key in catalog.keys if key.startswith(f"instruction.{task}.")]
        assert pages == [f"instruction.{task}.{page}" for page in range(1, len(PARADIGMS[task].pages) + 1)]


@EVERYWHERE
def test_what_is_asked_about_practice_and_scales_is_written(catalog):
    for word in {word for one in PARADIGMS.values() for word in one.practices or ()}:
        assert catalog.text(f"question.find.{word}")
    for scale in (*get_args(Scale), "how_sure"):
        low, high = (catalog.text(f"{end}.{scale}") for end in ("low", "high"))
        assert catalog.text(f"question.{scale}")
        assert low != high


@EVERYWHERE
def test_the_two_answers_of_a_question_differ(catalog):
    for two in [("camera", "computer"), ("same", "different"), ("first", "second"), ("yes", "no")]:
        for profile in PROFILES:
            assert len({catalog.text(f"answer.{word}", profile) for word in two}) == 2


# -- what the code asks for


def asked_for():
    """Keys in the code's calls, and the beginnings of those it puts together."""
    whole, beginnings = set(), set()
    for path in Path(experiments.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            name = call.func.attr
            if name in ("choose", "scale") and call.args and isinstance(call.args[0], ast.Constant):
                whole.add(f"question.{call.args[0].value}")
                if name == "scale":
                    whole |= {f"{end}.{call.args[0].value}" for end in ("low", "high")}
                elif isinstance(call.args[1], ast.Tuple):
                    whole |= {f"answer.{word.value}" for word in call.args[1].elts}
                continue
            if name not in ("words", "tell", "speak", "text", "spoken", "_goodbye"):
                continue
            for part in (
                part for one in (*call.args, *(k.value for k in call.keywords)) for part in pieces(one)
            ):
                if isinstance(part, ast.JoinedStr) and isinstance(part.values[0], ast.Constant):
                    beginnings.add(part.values[0].value)
                elif isinstance(part, ast.Constant) and str(part.value).partition(".")[0] in SECTIONS:
                    whole.add(part.value)
    return {key for key in whole if "." in key}, {
        one for one in beginnings if one.partition(".")[0] in SECTIONS
    }


def pieces(node):
    """Strings in an expression; those put together stay in one piece."""
    if isinstance(node, ast.JoinedStr | ast.Constant):
        yield node
    else:
        for child in ast.iter_child_nodes(node):
            yield from pieces(child)


@EVERYWHERE
def test_every_text_the_code_asks_for_is_written(catalog):
    whole, beginnings = asked_for()
    assert {"question.made_how", "answer.camera", "low.how_sure", "screen.welcome"} <= whole, (
        "the scan is blind"
    )
    assert "instruction." in beginnings
    assert whole - set(catalog.keys) == set()
    assert {one for one in beginnings if not any(key.startswith(one) for key in catalog.keys)} == set()


def test_every_right_answer_can_be_told():
    for word in ("camera", "computer", "same", "different", "first", "second", "left", "right"):
        for catalog in CATALOGS.values():
            assert catalog.text(f"truth.{word}")
            assert catalog.text(f"answer.{word}")


# -- asking for texts


def test_a_child_and_an_adult_read_different_words():
    catalog = load_catalog("en")
    assert catalog.text("question.made_how") == "Was this filmed with a camera, or did a computer make it?"
    assert catalog.text("question.made_how", "child").startswith("Was it really there")
    assert catalog.text("answer.go_on.yes", "child") == "Yes!"


def test_one_form_serves_both():
    assert {load_catalog("zh").text("answer.computer", profile) for profile in PROFILES} == {"电脑"}


def test_a_text_nobody_wrote_is_named_with_its_language():
    catalog = load_catalog("zh")
    for ask in (catalog.text, catalog.spoken):
        with pytest.raises(KeyError, match=r"'zh' has no text 'question\.made_hwo'"):
            ask("question.made_hwo", "child")


def test_a_language_nobody_speaks_is_refused_with_those_there_are():
    with pytest.raises(UsageError) as refused:
        load_catalog("zn")
    assert "accepted: en, zh" in str(refused.value)
    assert "did you mean 'zh'?" in str(refused.value)


def test_the_characters_for_the_font_are_all_of_them_once():
    for catalog in CATALOGS.values():
        characters = catalog.texts()
        assert len(set(characters)) == len(characters)
        assert set(characters) == set("".join(texts(catalog).values()))


# -- recordings


@pytest.fixture
def recorded(tmp_path):
    def record(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"sound")
        return tmp_path

    return record


def test_recordings_are_found_by_language_profile_and_key(recorded):
    folder = recorded(
        "en/child/question.made_how.wav", "en/child/instruction.film.1.MP3", "zh/child/question.go_on.ogg"
    )
    catalog = load_catalog("en", folder)
    assert catalog.spoken("question.made_how", "child") == folder / "en/child/question.made_how.wav"
    assert catalog.spoken("instruction.film.1", "child").name == "instruction.film.1.MP3"
    assert catalog.spoken("question.made_how", "adult") is None
    assert catalog.spoken("question.go_on", "child") is None
    assert load_catalog("zh", folder).spoken("question.go_on", "child").name == "question.go_on.ogg"


def test_what_nobody_says_is_listed_in_order(recorded):
    keys = ["screen.thanks", "question.made_how", "question.go_on"]
    folder = recorded("en/child/question.made_how.flac", "en/child/question.go_on.txt")
    assert load_catalog("en", folder).missing_spoken(keys, "child") == ["screen.thanks", "question.go_on"]
    assert load_catalog("en").missing_spoken(keys, "child") == keys


def test_a_folder_of_recordings_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        load_catalog("en", tmp_path / "voices")


def test_a_text_recorded_twice_is_refused(recorded):
    folder = recorded("en/child/question.go_on.wav", "en/child/question.go_on.mp3")
    with pytest.raises(InputError, match=r"question\.go_on\.wav"):
        load_catalog("en", folder)


def test_a_lab_is_asked_for_recordings_of_what_its_tasks_say():
    keys = spoken_keys(["same_different", "detection"])
    assert {"instruction.detection.2", "question.made_how", "question.find.same", "question.go_on"} <= set(
        keys
    )
    assert not [key for key in keys if "ratings" in key or "film.1" in key]
    assert len(set(keys)) == len(keys)
    assert {"question.beauty", "instruction.ratings.1"} <= set(spoken_keys(["ratings"], ["beauty"]))


def test_all_that_is_said_aloud_is_among_what_can_be_recorded():
    known = set(spoken_keys(get_args(Paradigm), get_args(Scale)))
    assert known <= set(CATALOGS["en"].keys)
    whole, _ = asked_for()
    silent = re.compile(
        r"(answer|low|high|truth|hint)\.|screen\.(pause|waiting_for_scanner)$|question\.which_computer$"
    )
    assert {key for key in whole if not silent.match(key)} - known == set()
