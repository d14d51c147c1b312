"""Study files as people write them: read as they were meant, or refused in one sentence."""

import random

import pytest
import yaml

from cood.errors import CoodError, StudyError
from cood.settings.study_file import Study, load_study

MUTATIONS = 200
ODD = [
    *("null", "~", "[]", "{}", "''", "true", "no", "on", "-1", "0", "1e999", ".nan", "010", "1:30"),
    *("3e-3", "9" * 5000, "2001-99-99", "!!python/object:os.system x", "&a [*a]", "*gone", "<<: 1"),
    *(
        "\ufeff",
        "\u2028",
        "\x00",
        "\x85",
        "\u00a0",
        "\t",
        "é",
        "🍎",
        "%",
        "@",
        "`",
        '"',
        "'",
        "#",
        ":",
    ),
    *(
        "- ",
        "? ",
        "|\n",
        "---\n",
        "{",
        "[",
        "}",
        "]",
        ",",
        "[" * 2000,
        "name: ../x\n",
        "\r",
        "\r\n",
    ),
]


def write(project, content):
    file = project / "mine.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


def mutated(text, rng):
    """A study file with some of its letters, values or lines changed."""
    for _ in range(rng.randint(1, 3)):
        lines = text.split("\n")
        row, place = rng.randrange(len(lines)), rng.randrange(len(text) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            text = text[:place] + rng.choice(ODD) + text[place + rng.randint(0, 3) :]
        elif kind == 1:
            key, sign, _ = lines[row].partition(":")
            text = "\n".join([*lines[:row], f"{key}{sign} {rng.choice(ODD)}", *lines[row + 1 :]])
        elif kind == 2:
            text = "\n".join([*lines[:row], *lines[row + 1 :]])
        elif kind == 3:
            text = "\n".join([*lines[:row], lines[row], *lines[row:]])
        elif kind == 4:
            text = "\n".join(
                [*lines[:row], rng.choice(["  ", "\t", " "]) + lines[row], *lines[row + 1 :]]
            )
        else:
            other = rng.randrange(len(lines))
            lines[row], lines[other] = lines[other], lines[row]
            text = "\n".join(lines)
    return text


def test_mutations_are_read_or_refused_in_one_sentence(project, settings):
    rng = random.Random(0)
    more = {"corpora": {"web": {"files": ["captions"]}}, "id_sets": {"in": {"folder": "val"}}}
    text = yaml.safe_dump({**settings, **more}, sort_keys=False)
    messages = []
    for _ in range(MUTATIONS):
        content = mutated(text, rng)
        encoded = content.encode(
            rng.choice(["utf-8"] * 8 + ["utf-16", "latin-1"]), errors="replace"
        )
        file = write(project, encoded)
        try:
            study = load_study(file)
        except CoodError as error:
            messages.append(str(error))
        else:
            raw = yaml.safe_load(content)
            assert isinstance(study, Study)
            assert len(study.models) == len(raw["models"]), content
            assert list(study.words.objects) == raw["vocabulary"]["objects"], content
            assert study.seed == raw["seed"], content
    assert MUTATIONS / 3 < len(messages) < MUTATIONS
    for message in messages:
        assert message.startswith(str(project / "mine.yaml"))
        assert "\n" not in message
        assert len(message) < 2000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 7", "seed: 010", "line 1, column 7: 010 is a number in base 8 or 60"),
        ("seed: 7", "seed: 1:30", "line 1, column 7: 1:30 is a number in base 8 or 60"),
        ("seed: 7", "seed: 2001-99-99", "is not valid YAML: month must be in 1..12"),
        ("seed: 7", "seed: !!bool abc", "is not valid YAML: a tag, such as !!bool, does not fit"),
        ("seed: 7", "seed: !!timestamp abc", "is not valid YAML: a tag, such as !!bool, does"),
        ("seed: 7", "seed: " + "9" * 5000, "is not valid YAML: Exceeds the limit"),
        ("seed: 7", "seed: " + "[" * 2000, "is not valid YAML: "),
        ("seed: 7", "seed: 7\nseed: 8", "line 2, column 1: duplicate key 'seed'"),
    ],
)
def test_yaml_that_means_something_else_is_refused_by_name(project, settings, old, new, message):
    text = yaml.safe_dump(settings, sort_keys=False)
    file = write(project, text.replace(old, new))
    with pytest.raises(StudyError) as caught:
        load_study(file)
    assert str(caught.value).startswith(f"{file} is not valid YAML: ")
    assert message in str(caught.value)


def test_numbers_with_exponents(project, settings):
    for written in ("2e-1", "2E-1", ".2", "+2e-1", "0.2"):
        text = yaml.safe_dump(settings, sort_keys=False).replace("core: 0.2", f"core: {written}")
        assert load_study(write(project, text)).core == 0.2


def test_a_file_that_does_not_exist_names_its_neighbours(project):
    write(project, "")
    for name, hint in (("mien.yaml", "; did you mean mine.yaml?"), ("other.yml", "")):
        with pytest.raises(StudyError) as caught:
            load_study(str(project / name))
        assert str(caught.value) == f"study file {project / name} does not exist{hint}"
