import pandas as pd

from cood.files import write_table
from cood.report.build.data_card import data_card, has_drawings


def test_photos_of_a_user_have_a_card_of_their_own(parse):
    photos = {"source": "folder", "folder": "x", "licence": "CC BY 4.0"}
    models = {"p": {"checkpoint": "ViT-B-32-quickgelu/openai"}}
    study = parse(sets={"photos": photos}, models=models)
    assert not has_drawings(study)
    table = pd.DataFrame({"status": ["kept", "kept", "damaged"], "composition": [0, 0, -1]})
    table["note"] = ["", "turned as its orientation says", ""]
    write_table(table, study.table("photos"))
    text = data_card(study)
    assert text.startswith("# Data card: photos")
    assert "Of 3 images, 2 were kept. Dropped: damaged (1)." in text
    assert "Noted of kept images: turned as its orientation says (1)." in text
    assert f"1 of {study.words.size} possible ones" in text
    assert "CC BY 4.0" in text
    assert "transparent parts on white" in text
    assert "ImageNet-AO" not in text


def test_drawings_have_the_card_of_the_book(parse):
    assert has_drawings(parse())
