import csv
import math
import subprocess
import sys

import open_clip
import pytest
import torch
from open_clip.pretrained import get_pretrained_cfg

from cood.catalogue import checkpoints as catalogue
from cood.catalogue import open_clip_listing as listing
from cood.errors import CoodError, StudyError
from cood.models.loading import load

KNOWN = [name for names in catalogue.families().values() for name in names]
ARCHITECTURES = open_clip.list_models()  # before any test adds some
TAGS = ["/".join(pair) for pair in open_clip.list_pretrained()]
# Its configuration has QuickGELU, its entry in open_clip's list does not say so.
FORGOTTEN = "roberta-ViT-B-32/laion2b_s12b_b32k"


def wrong_activation(name):
    architecture, tag = name.split("/")
    made = open_clip.get_model_config(architecture).get("quick_gelu", False)
    return made != get_pretrained_cfg(architecture, tag).get("quick_gelu", False)


def test_every_checkpoint_is_one_of_open_clip():
    assert len(set(KNOWN)) == len(KNOWN) > 130
    assert set(KNOWN) <= set(TAGS)
    for name in KNOWN:
        known = catalogue.facts(name)
        assert known["family"] in catalogue.families()
        for size in ("pairs", "samples_seen"):
            assert math.isnan(known[size]) or known[size] >= 1e6
        assert known["embed_dim"] >= 256
        assert known["resolution"] >= 224
        assert known["parameters"] > 4e7


def test_open_clip_is_read_as_it_would_list_itself():
    assert listing.places() == {
        name: get_pretrained_cfg(*name.split("/"))["hf_hub"] for name in TAGS
    }
    assert listing.architectures() == sorted(ARCHITECTURES)


def test_names_of_the_hub_are_those_that_open_clip_lists():
    openai = "hf-hub:timm/vit_base_patch32_clip_224.openai"
    assert catalogue.listed_as(openai) == "ViT-B-32-quickgelu/openai"  # not the plain GELU
    for other in (f"{openai}@main", "hf-hub:org/repo", "ViT-B-32/nowhere", "file:x"):
        assert catalogue.listed_as(other) == other
    refused = catalogue.refusal("hf-hub:laion/mscoco_finetuned_CoCa-ViT-B-32-laion2B-s13B-b90k")
    assert "is broken: 0.8 % right" in refused
    listed = {catalogue.listed_as(f"hf-hub:{place[:-1]}") for place in listing.places().values()}
    assert set(KNOWN) <= listed


def test_families_that_came_since_the_paper():
    assert {"siglip", "siglip2", "metaclip", "dfn", "eva", "mobileclip", "clipa"} < set(
        catalogue.families()
    )


@pytest.mark.parametrize(
    "architecture", ["RN50-quickgelu", "ViT-bigG-14", "ViT-B-16-SigLIP", "MobileCLIP-S1"]
)
def test_parameters_are_those_of_the_model(architecture):
    name = next(name for name in KNOWN if name.startswith(f"{architecture}/"))
    with torch.device("meta"):
        model = open_clip.create_model(architecture, device="meta")
    known = catalogue.facts(name)
    assert known["parameters"] == sum(p.numel() for p in model.parameters())
    size = model.visual.image_size
    assert known["resolution"] == (size[0] if isinstance(size, tuple) else size)


def test_every_wrong_activation_of_open_clip_is_refused_with_the_right_name():
    wrong = [name for name in TAGS if name != FORGOTTEN and wrong_activation(name)]
    assert {"RN50/openai", "RN50/yfcc15m", "RN50/cc12m", "ViT-B-32/laion400m_e31"} < set(wrong)
    for name in wrong:
        right = name.replace("/", "-quickgelu/")
        assert catalogue.refusal(name).endswith(f"plain GELU; use {right}")
        assert catalogue.refusal(name, in_a_file=True)
        assert right in KNOWN
        assert not wrong_activation(right)
        assert catalogue.refusal(right) is None


def test_no_weights_have_two_names():
    places = {}
    for name in TAGS:
        places.setdefault(get_pretrained_cfg(*name.split("/"))["hf_hub"], []).append(name)
    for names in places.values():
        left = [name for name in names if catalogue.refusal(name) is None]
        assert len(left) <= 1, names
    same = "ViT-B-16-plus-240/laion400m_e32"
    assert catalogue.refusal(same).endswith("use that name")
    assert catalogue.refusal(same, in_a_file=True) is None


def test_no_listed_checkpoint_is_refused_and_refused_ones_are_of_open_clip():
    assert not any(map(catalogue.refusal, KNOWN))
    refused = [name for name in TAGS if catalogue.refusal(name)]
    assert len(refused) == 31
    assert catalogue.refusal("hf-hub:org/repo") is None
    assert "broken: 0.8 % right" in catalogue.refusal(
        "coca_ViT-B-32/mscoco_finetuned_laion2b_s13b_b90k"
    )


def test_every_published_load_is_listed_or_refused():
    with catalogue.PUBLISHED.open(newline="") as file:
        rows = {row["model"]: float(row["imagenet_val_top1"]) for row in csv.DictReader(file)}
    assert len(rows) == 68
    tags = {name.replace("/", "_"): name for name in TAGS}
    published = catalogue.published()
    seen = set()
    for load_, accuracy in rows.items():
        name = tags[load_]
        reason = catalogue.refusal(name)
        if name.endswith("/openai"):  # loaded with QuickGELU whatever the name
            name = name if "quickgelu" in name else name.replace("/", "-quickgelu/")
        elif reason:
            assert name not in published
            continue
        assert published[name] == accuracy
        assert name in KNOWN
        seen.add(name)
    assert seen == set(published)
    assert len(seen) == 57
    assert catalogue.facts("ViT-L-14/datacomp_xl_s13b_b90k")["published_id"] == 0.7622
    assert math.isnan(catalogue.facts("ViT-B-16-SigLIP/webli")["published_id"])


def test_facts_about_a_checkpoint():
    known = catalogue.facts("ViT-L-14/datacomp_xl_s13b_b90k")
    assert known == {
        "family": "datacomp",
        "architecture": "ViT-L-14",
        "data": "DataComp-1B",
        "pairs": 1.4e9,
        "samples_seen": 12.8e9,
        "parameters": 427616513,
        "embed_dim": 768,
        "width": 1024,
        "resolution": 224,
        "published_id": 0.7622,
    }
    assert catalogue.facts("hf-hub:org/repo") == {}


def test_loading_refuses_too():
    with pytest.raises(CoodError, match="use ViT-B-32-quickgelu/openai"):
        load("ViT-B-32/openai")


def test_families_chosen_in_a_study(parse):
    own = {"own": {"checkpoint": "RN50-quickgelu/yfcc15m", "family": "mine"}, "few": {"share": 0.6}}
    study = parse(zoo=["cc12m", "yfcc15m"], models=own)
    assert list(study.models) == ["RN101-quickgelu_yfcc15m", "RN50-quickgelu_cc12m", "own", "few"]
    assert study.models["RN50-quickgelu_cc12m"].facts["family"] == "cc12m"
    assert study.models["own"].facts["family"] == "mine"
    assert study.models["own"].facts["data"] == "YFCC15M"
    hub = {"checkpoint": "hf-hub:timm/resnet50_clip.yfcc15m"}
    study = parse(zoo=["yfcc15m"], models={"hub": hub})
    assert list(study.models) == ["RN101-quickgelu_yfcc15m", "hub"]
    assert study.models["hub"].facts["data"] == "YFCC15M"
    copy = {"checkpoint": "file:w.pt", "architecture": "RN50-quickgelu/cc12m"}
    study = parse(zoo=["cc12m"], models={"copy": copy})
    assert list(study.models) == ["copy"]
    assert study.models["copy"].facts["data"] == "CC12M"
    plain = {"checkpoint": "file:w.pt", "architecture": "RN50-quickgelu"}
    facts = parse(models={"plain": plain}).models["plain"].facts
    assert facts == {"architecture": "RN50-quickgelu", "family": "other"}
    assert len(parse(zoo=list(catalogue.families()), models=None).models) == len(KNOWN)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"zoo": ["laion"]}, "zoo: unknown family 'laion'; did you mean laion"),
        ({"zoo": "openai"}, "zoo: expected a list of families, got 'openai'"),
        ({"zoo": [{"a": 1}]}, "zoo: unknown family"),
        ({"models": {"m": {"checkpoint": "RN50/openai"}}}, "use RN50-quickgelu/openai"),
        ({"models": {"m": {"checkpoint": "file:w.pt"}}}, "models.m: architecture: needed with"),
        (
            {"models": {"m": {"checkpoint": "RN50/x", "architecture": "RN50"}}},
            "models.m: architecture: needed with a checkpoint file:..., and with no other",
        ),
        (
            {"models": {"m": {"checkpoint": "file:w.pt", "architecture": "RN50/openai"}}},
            "use RN50-quickgelu/openai",
        ),
        (
            {"models": {"a": {"checkpoint": "x/y"}, "b": {"checkpoint": "x/y"}}},
            "models.b: x/y is models.a already; name it once",
        ),
        (
            {
                "models": {
                    "a": {"checkpoint": "RN50-quickgelu/openai"},
                    "b": {"checkpoint": "hf-hub:timm/resnet50_clip.openai"},
                }
            },
            "models.b: hf-hub:timm/resnet50_clip.openai, the weights of RN50-quickgelu/openai, is "
            "models.a already; name it once",
        ),
        ({"zo": ["openai"]}, "unknown key 'zo'; did you mean zoo"),
    ],
)
def test_checkpoints_that_a_study_may_not_name(parse, changes, said):
    with pytest.raises(StudyError) as caught:
        parse(**changes)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_torch_is_needed():
    code = (
        "import sys; from cood.catalogue import checkpoints, image_encoders, open_clip_listing; "
        "[checkpoints.facts(n) for names in checkpoints.families().values() for n in names]; "
        "[image_encoders.facts(name) for name in image_encoders.image_encoder_names()]; "
        "open_clip_listing.places(); "
        "assert not {'torch', 'open_clip'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
