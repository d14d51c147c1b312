"""What all sections share, and the vocabulary."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cood import imagenet
from cood.errors import unknown
from cood.vocabulary import CATEGORY, check_texts, check_words

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]

SPLITS = ("all", "seen", "unseen", "core")
LONGEST_WORD = 100  # characters of the name of an attribute or object


class Settings(BaseModel):
    """Base of all sections: frozen, strict about types, finite numbers, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    other_keys: ClassVar[tuple[str, ...]] = ()  # keys of the file that are no fields

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, value: Any) -> Any:
        # Pydantic refuses unknown keys too, but without the keys that may have been meant.
        keys = [*cls.model_fields, *cls.other_keys]
        wrong = [str(key) for key in value if key not in keys] if isinstance(value, dict) else []
        if wrong:
            raise ValueError("; ".join(unknown("key", key, keys) for key in wrong))
        return value


class WordList(Settings):
    """Attributes and objects, in the order of their ids.

    Any words, unless a set of the study is drawn: attributes are then words of the paper.
    A study file may say ``attributes: vaw`` for all of the paper's, and ``objects: imagenet`` for
    all class names that open_clip has.
    """

    attributes: list[str]
    objects: list[str]

    @field_validator("attributes", mode="before")
    @classmethod
    def _vaw(cls, value: Any) -> Any:
        return list(CATEGORY) if value == "vaw" else value

    @field_validator("objects", mode="before")
    @classmethod
    def _imagenet(cls, value: Any) -> Any:
        return imagenet.objects() if value == "imagenet" else value

    @field_validator("attributes", "objects")
    @classmethod
    def _names(cls, value: list[str], field: ValidationInfo) -> list[str]:
        # They become names of folders and headings of tables.
        kind = f"an {str(field.field_name).removesuffix('s')}"
        for name in value:
            bare = name == " ".join(name.split()) and name.isprintable()
            if not name or not bare or name.startswith(".") or len(name) > LONGEST_WORD:
                raise ValueError(
                    f"{name[:LONGEST_WORD]!r} cannot name {kind}: a name has one to "
                    f"{LONGEST_WORD} printable characters, no dot in front and no two blanks in a "
                    "row"
                )
        check_words(value)
        return value

    @model_validator(mode="after")
    def _texts(self) -> WordList:
        check_texts(self.attributes, self.objects)
        return self


def check_templates(where: str, templates: list[str]) -> None:
    """Raise a ValueError unless each template holds {} once, for the words."""
    for template in templates:
        if template.count("{}") != 1 or template.count("{") + template.count("}") != 2:
            raise ValueError(f"{where}: {template!r} must hold {{}} once, for the words")
