import shutil

import pytest
import torch

from cood.errors import CoodError
from cood.synthesis.generation.diffusion import generate, generate_set
from cood.synthesis.generation.pipelines import decodes_in_single, load_pipeline


def silent(text):
    pass


def test_a_pipeline_is_loaded_as_the_study_says(pipeline):
    assert type(pipeline).__name__ == "StableDiffusionXLPipeline"
    assert pipeline.scheduler.config.timestep_spacing == "trailing"  # saved as "leading"
    assert pipeline.device.type == "cpu"
    assert str(pipeline.dtype) == "torch.float32"


@pytest.fixture(scope="module")
def decoder_folder(pipeline, tmp_path_factory):
    """Folder of a decoder like that of the tiny pipeline, but for its weights and settings."""
    from diffusers import AutoencoderKL

    folder = tmp_path_factory.mktemp("decoders") / "half"
    config = {**pipeline.vae.config, "force_upcast": False}
    torch.manual_seed(1)
    AutoencoderKL.from_config(config).save_pretrained(folder)
    return folder


def test_another_decoder_takes_the_place_of_the_own_one(study, pipeline, decoder_folder):
    small = study(vae=f"local-dir:{decoder_folder}")
    settings = small.generated_set("own")
    other = load_pipeline(small, settings, silent)
    given = (["red apple"], [1], settings)
    (own,), (here,) = generate(pipeline, *given), generate(other, *given)
    assert (own() != here()).any()
    assert not decodes_in_single(other, torch.float16)
    other.vae.load_state_dict(pipeline.vae.state_dict())
    (same,) = generate(other, *given)
    assert (same() == own()).all()


def test_a_decoder_that_is_only_right_in_single_precision_is_kept_right(pipeline):
    assert pipeline.vae.config.force_upcast  # what diffusers goes by
    assert decodes_in_single(pipeline, torch.float16)
    assert not decodes_in_single(pipeline, torch.bfloat16)  # has the range
    assert not decodes_in_single(pipeline, torch.float32)
    assert not decodes_in_single(object(), torch.float16)


def test_what_single_precision_costs_is_said_once(study, pipeline_folder, monkeypatch):
    lines, name = [], "cood.synthesis.generation.pipelines.decodes_in_single"
    monkeypatch.setattr(name, lambda pipeline, dtype: True)
    small = study()
    load_pipeline(small, small.generated_set("own"), lines.append)
    (line,) = lines
    assert line.startswith(f"local-dir:{pipeline_folder}: its decoder is only right in single")
    assert "twice the time" in line


@pytest.mark.parametrize("reason", [None, "drawings of fruit are flagged at random"])
def test_a_safety_checker_is_switched_off_with_a_reason_only(study, pipeline, monkeypatch, reason):
    monkeypatch.setattr(pipeline, "safety_checker", "a checker", raising=False)
    monkeypatch.setattr(
        "diffusers.AutoPipelineForText2Image.from_pretrained", lambda *given, **options: pipeline
    )
    small = study(no_safety_checker=reason)
    found = load_pipeline(small, small.generated_set("own"))
    assert found.safety_checker == (None if reason else "a checker")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": "local-dir:nowhere"}, "generator local-dir:nowhere cannot be loaded: there is"),
        ({"model": "local-dir:empty"}, "generator local-dir:empty cannot .*model_index.json"),
        ({"model": "local-dir:pickled"}, "generator local-dir:pickled cannot .*safetensors"),
        ({"vae": "local-dir:nowhere"}, "vae local-dir:nowhere cannot be loaded: there is no such"),
        ({"vae": "local-dir:pickled/unet"}, "vae local-dir:pickled/unet cannot .*safetensors"),
    ],
)
def test_a_generator_that_cannot_be_loaded_is_refused(
    project, study, pipeline_folder, changed, message
):
    (project / "empty").mkdir()
    shutil.copytree(pipeline_folder, project / "pickled")
    weights = project / "pickled" / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(CoodError, match=message) as caught:
        generate_set(study(**changed), "own", silent)
    assert "\n" not in str(caught.value)


def test_the_error_names_the_cause_that_the_hub_gave(study, monkeypatch):
    def unreachable(*given, **options):
        try:
            raise ConnectionError("Connection refused")
        except ConnectionError as error:
            raise OSError("x/y does not appear to have\na file") from error

    monkeypatch.setattr("diffusers.AutoPipelineForText2Image.from_pretrained", unreachable)
    small = study(model="x/y")
    with pytest.raises(CoodError, match="x/y does not appear to have a file: Connection refused"):
        load_pipeline(small, small.generated_set("own"))
