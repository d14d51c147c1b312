import numpy as np
import pytest
import yaml
from open_clip import IMAGENET_CLASSNAMES

from cood.synthesis.drawing import icons

OBJECTS = icons.icons()
GLYPHS = [(object_, *glyph) for object_, icon in OBJECTS.items() for glyph in icon.glyphs]


@pytest.fixture
def fresh():
    icons.clear_caches()
    yield
    icons.clear_caches()


def test_there_are_enough_objects():
    assert len(OBJECTS) >= 48


def test_names_and_classes_are_not_used_twice():
    listed = [
        line.split(":")[0].strip()
        for line in icons.ICONS_FILE.read_text(encoding="utf-8").splitlines()
        if "{class:" in line
    ]
    assert listed == list(OBJECTS)
    classes = [icon.class_name for icon in OBJECTS.values()]
    assert len(set(classes)) == len(classes)


@pytest.mark.parametrize("object_", OBJECTS)
def test_object_is_an_imagenet_class_or_the_noun_at_its_head(object_):
    name = OBJECTS[object_].class_name
    assert name in IMAGENET_CLASSNAMES
    assert name == object_ or name.split()[-1] == object_


@pytest.mark.parametrize("object_", OBJECTS)
def test_two_independent_designs_draw_the_object(object_):
    assert len(OBJECTS[object_].designs) >= 2
    assert OBJECTS[object_].designs <= icons.designs().keys()


def test_no_glyph_stands_for_two_objects():
    glyphs = [glyph for _, *glyph in GLYPHS]
    assert len({tuple(glyph) for glyph in glyphs}) == len(glyphs)


@pytest.mark.parametrize(("object_", "design", "glyph"), GLYPHS)
def test_glyph_has_area_and_room_around_it(object_, design, glyph):
    mask = np.asarray(icons.glyph_mask(design, glyph, 128))
    assert mask.shape == (128, 128)
    assert (mask > 127).mean() > 0.08
    assert max(icons.glyph_box(design, glyph, 128)) == pytest.approx(icons.SHARE * 128, abs=2)
    rim = np.asarray(icons.glyph_rim(design, glyph, 128))
    for border in (rim[0], rim[-1], rim[:, 0], rim[:, -1]):
        assert not border.any()


def test_every_design_is_credited():
    used = {design for _, design, _ in GLYPHS}
    assert used == icons.designs().keys()
    for design in icons.designs().values():
        assert design.name
        assert design.licence
        assert design.credit


def test_unknown_object_names_close_ones():
    with pytest.raises(ValueError, match=r"'umbrela'.*umbrella"):
        icons.get_icon("umbrela")


def test_a_missing_package_says_what_to_install(fresh, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(icons.MissingFontError, match="pip install qtawesome"):
        icons.glyph_mask("fa", "dog", 64)


def test_missing_font_names_file_and_folder(fresh, monkeypatch, tmp_path):
    monkeypatch.setattr(icons, "fonts_folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="charmap of icon design 'fa'") as caught:
        icons.glyph_mask("fa", "dog", 64)
    assert str(tmp_path) in str(caught.value)
    assert "pip install qtawesome" in str(caught.value)


def test_a_charmap_without_font_is_refused(fresh, monkeypatch, tmp_path):
    (tmp_path / "fontawesome6-solid-webfont-charmap-6.json").write_text('{"dog": "f6d3"}')
    monkeypatch.setattr(icons, "fonts_folder", lambda: tmp_path)
    with pytest.raises(icons.MissingFontError, match="font of icon design 'fa'"):
        icons.glyph_mask("fa", "dog", 64)


def test_missing_glyph_names_close_ones():
    with pytest.raises(icons.MissingGlyphError, match=r"'umbrela'.*umbrella"):
        icons.glyph_mask("fa", "umbrela", 64)


def test_unknown_design_is_refused():
    with pytest.raises(ValueError, match="unknown icon design 'xx'"):
        icons.glyph_mask("xx", "dog", 64)


def test_the_list_is_plain_yaml():
    assert set(yaml.safe_load(icons.ICONS_FILE.read_text(encoding="utf-8"))) == {
        "designs",
        "bodies",
        "objects",
    }


BODIES = icons.bodies().glyphs


def test_bodies_are_several_shapes_and_no_object():
    assert len(BODIES) >= 4
    assert not set(BODIES) & {(design, glyph) for _, design, glyph in GLYPHS}
    masks = [np.asarray(icons.glyph_mask(*body, 64)) > 127 for body in BODIES]
    for i, one in enumerate(masks):
        assert all((one ^ other).mean() > 0.02 for other in masks[:i])


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[1])
def test_bodies_have_no_inner_drawing(body):
    mask = np.asarray(icons.glyph_mask(*body, 128)) > 127
    for line in (*mask, *mask.T):
        # From outside to inside and back, but for the dents of the splotch.
        assert (np.diff(line.astype(int)) == 1).sum() <= (2 if body[1] == "splotch" else 1)
