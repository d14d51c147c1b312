import subprocess
import sys

from open_clip import IMAGENET_CLASSNAMES

from cood import imagenet


def test_the_names_are_those_of_open_clip_and_distinct():
    assert imagenet.class_names() == tuple(IMAGENET_CLASSNAMES)
    names = imagenet.objects()
    assert len(names) == len(set(names)) == 998
    assert set(names) == set(IMAGENET_CLASSNAMES)


def test_names_of_wordnet_are_those_of_the_same_class():
    synonyms = imagenet.synonyms()
    assert synonyms.keys() == set(IMAGENET_CLASSNAMES)
    assert synonyms["polar bear"][0] == "ice bear"
    assert synonyms["red panda"][0] == "lesser panda"
    assert synonyms["Egyptian Mau"] == ("Egyptian cat",)
    assert {"missile", "projectile"} <= set(synonyms["missile"])  # two classes of one name
    # Most classes keep one of their names, so the two lists are in step.
    kept = sum(name.lower() in map(str.lower, given) for name, given in synonyms.items())
    assert kept > 800


def test_neither_library_is_imported():
    code = (
        "import sys; from cood import imagenet; imagenet.objects(); imagenet.synonyms();"
        "print(*{'torch', 'open_clip', 'timm'} & sys.modules.keys())"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == ""
