import pandas as pd

from cood.catalogue import checkpoints as catalogue
from cood.catalogue.published_accuracy import mieb, openclip

TABLE = pd.read_csv(mieb.TABLE)
SCORES = [*mieb.COMPOSITION, *mieb.RETRIEVAL, "imagenet"]


def test_the_file_is_whole():
    assert len(TABLE) == 49
    assert list(TABLE.columns) == ["model", "revision", "imagenet", *SCORES[:-1]]
    # One revision of each model.
    assert TABLE["model"].is_unique
    assert TABLE["revision"].ne("").all()
    values = TABLE[SCORES].stack().dropna()
    assert values.between(0, 1).all()
    # Winoground has 400 examples.
    assert (400 * TABLE["winoground"]).round(6).mod(1).eq(0).all()


def test_every_model_is_either_of_the_clip_kind_or_left_out_for_a_reason():
    chosen, excluded = mieb.dual_encoders(), mieb.excluded()
    assert not set(chosen) & set(excluded)
    assert set(chosen) | set(excluded) == set(TABLE["model"])
    assert len(chosen) == 25
    assert all(len(why) > 20 for why in excluded.values())
    kinds = ("blip", "e5-", "Omni", "VLM2Vec", "voyage", "bge", "omni")
    assert not [name for name in chosen if any(kind in name for kind in kinds)]


def test_dual_encoders_have_every_score():
    chosen = TABLE.set_index("model").loc[list(mieb.dual_encoders()), SCORES]
    assert chosen.notna().all(axis=None)


def test_the_same_weights_are_named_in_the_catalogue():
    names = [
        known["checkpoint"] for known in mieb.dual_encoders().values() if "checkpoint" in known
    ]
    assert len(names) == len(set(names)) == 23
    assert set(names) <= set(openclip.imagenet_accuracy())
    rest = [known for known in mieb.dual_encoders().values() if "checkpoint" not in known]
    assert all(set(known) == {"data", "tower"} for known in rest)


def test_names_match_in_architecture_and_training_set():
    # What the name in MIEB says must be in the name of the checkpoint.
    said = {
        "patch32": "-32",
        "patch16": "-16",
        "patch14": "-14",
        "B-32": "B-32",
        "B-16": "B-16",
        "L-14": "L-14",
        "H-14": "H-14",
        "g-14-": "g-14",
        "bigG-14": "bigG-14",
        "bigE-14": "E-14",
        "plus": "plus",
        "384": "384",
        "512": "512",
        "256": "256",
        "multilingual": "i18n",
        "DataComp.XL": "datacomp_xl",
        "laion2B": "laion2b",
        "siglip": "SigLIP",
        "openai": "openai",
        "EVA02": "EVA02",
        "so400m": "SO400M",
    }
    for model, known in mieb.dual_encoders().items():
        name = known.get("checkpoint")
        if name is None:
            continue
        for part, expected in said.items():
            if part in model:
                assert expected in name, (model, name)
            elif part in ("plus", "384", "512", "multilingual"):
                assert expected not in name, (model, name)
        assert catalogue.facts(name)


def test_accuracies_of_the_same_weights_are_close():
    # Another implementation and other prompts: within seven points on ImageNet.
    accuracy = TABLE.set_index("model")["imagenet"]
    for model, known in mieb.dual_encoders().items():
        if "checkpoint" in known:
            assert abs(accuracy[model] - openclip.imagenet_accuracy()[known["checkpoint"]]) < 0.07
