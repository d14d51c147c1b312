"""Attributes, objects, compositions and the sentences that name them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

# The attributes of ImageNet-AO by category of VAW (Pham et al. 2021, arXiv:2106.09707), in the
# order of VAW. The paper speaks of 140; its printed list holds these 130 distinct ones, once four
# repeated colours are dropped and "stainedblue plaid" is split in two.
# fmt: off
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "state": ("cracked", "dilapidated", "dry", "folded", "wet"),
    "texture": ("jagged", "moss covered", "rough", "textured", "wrinkled"),
    "opaqueness": ("transparent",),
    "cleanliness": ("clean", "dirty", "dusty", "stained"),
    "pattern": (
        "blue plaid", "checkered", "dotted", "floral", "lined", "red striped", "speckled",
        "spotted", "striped",
    ),
    "shape": (
        "arch shaped", "arrow shaped", "circular", "conical", "cubed", "curved", "curly",
        "cylindrical", "diamond shaped", "domed", "heart shaped", "octagonal", "oval shaped",
        "rectangular", "round", "rounded", "spherical", "spiky", "spiral", "square",
        "triangular",
    ),
    "material": (
        "aluminum", "asphalt", "bamboo", "brass", "brick", "cardboard", "cement", "ceramic",
        "chocolate", "chrome", "clay", "cloth", "cobblestone", "concrete", "denim", "dirt",
        "fabric", "fluffy", "foamy", "furry", "glass", "granite", "gravel", "hardwood", "iron",
        "jean", "khaki", "leather", "marble", "metal", "muddy", "paper", "pebbled", "plastic",
        "plush", "porcelain", "red brick", "rocky", "rubber", "sandy", "silk", "snowy",
        "stainless steel", "steel", "stone", "straw", "stucco", "styrofoam", "tiled", "wicker",
        "wooden", "water",
    ),
    "color quantity": ("colorful",),
    "color": (
        "red", "pink", "purple", "green", "amber", "aqua", "beige", "black", "blond", "blue",
        "bluish", "bronze", "brown", "burgundy", "fuchsia", "golden", "gray", "ivory", "maroon",
        "murky", "orange", "purplish", "reddish", "silver", "tan", "taupe", "teal",
        "terracotta", "turquoise", "violet", "white", "yellow",
    ),
}
# fmt: on

CATEGORY: dict[str, str] = {a: category for category, names in ATTRIBUTES.items() for a in names}
OTHER = "other"  # category of an attribute that the paper does not have
CATEGORIES = (*ATTRIBUTES, OTHER)


def category_of(attribute: str) -> str:
    """The category of an attribute of the paper, and ``other`` for any other word.

    Examples
    --------
    >>> category_of("wooden"), category_of("rotten")
    ('material', 'other')
    """
    return CATEGORY.get(attribute, OTHER)


# Attributes that many people would use for the same image. Predicting one where another of its
# group is the label is hardly an error, so accuracy is also reported with groups merged. The groups
# are a judgement of this project; the paper has none.
SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("aqua", "teal", "turquoise"),
    ("blue", "bluish"),
    ("red", "reddish"),
    ("purple", "purplish", "violet"),
    ("pink", "fuchsia"),
    ("burgundy", "maroon"),
    ("beige", "ivory", "tan", "taupe"),
    ("blond", "golden", "yellow"),
    ("metal", "steel", "stainless steel", "iron", "aluminum", "chrome"),
    ("brass", "bronze"),
    ("concrete", "cement", "stone", "granite", "rocky"),
    ("gravel", "pebbled"),
    ("brick", "red brick"),
    ("clay", "terracotta"),
    ("ceramic", "porcelain"),
    ("denim", "jean"),
    ("cloth", "fabric"),
    ("fluffy", "furry", "plush"),
    ("foamy", "styrofoam"),
    ("hardwood", "wooden"),
    ("straw", "wicker"),
    ("dirt", "muddy"),
    ("dirty", "dusty", "stained"),
    ("dotted", "speckled", "spotted"),
    ("lined", "striped", "red striped"),
    ("checkered", "blue plaid"),
    ("circular", "round", "rounded", "spherical"),
    ("cubed", "square"),
    ("jagged", "spiky"),
    ("rough", "textured"),
)

# Prompts averaged into one text embedding (prompt ensembling, Radford et al. 2021,
# arXiv:2103.00020). None names an attribute: of the 80 templates published for ImageNet, those
# with "clean", "dirty", "plastic" or "black and white" would clash with the labels.
TEMPLATES: tuple[str, ...] = (
    "a photo of a {}",
    "a picture of a {}",
    "an image of a {}",
    "a drawing of a {}",
    "a {}",
)


def named_attributes(templates: Sequence[str], attributes: Sequence[str]) -> dict[str, list[str]]:
    """Templates by the attribute that they name, which they favour for every image.

    Examples
    --------
    >>> named_attributes(["a {}", "a photo of a dirty {}"], ["red", "dirty"])
    {'dirty': ['a photo of a dirty {}']}
    """
    named = {}
    for name in attributes:
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
        matching = [template for template in templates if word.search(template)]
        if matching:
            named[name] = matching
    return named


# The indefinite article follows the sound, not the letter: "a unicycle", "a European polecat",
# "a one-armed bandit"; "an hourglass".
CONSONANT_SOUND = re.compile(
    r"eu|ewe|onc?e\b|u(?:ni(?![dmn])|s[eu]|t[ei]|r[aei]|k[ue])", re.IGNORECASE
)
VOWEL_SOUND = re.compile(r"[aeiou]|hour|honou?r|honest|heir", re.IGNORECASE)
# Capitals whose names begin with a vowel: "an SUV", but "a T-shirt" and "a U-boat".
VOWEL_NAMES = frozenset("AEFHILMNORSX")
GAP = re.compile(r"(?:\b([Aa])n? )?\{(\w*)\}")


def indefinite_article(words: str) -> str:
    """Return the article of a phrase by the sound of its first word, ``"a"`` or ``"an"``.

    The exceptions to the rule of vowels are right for all attributes, all class names of ImageNet,
    and for the common words like them.

    Examples
    --------
    >>> [indefinite_article(word) for word in ("umbrella", "unicycle", "hourglass", "T-shirt")]
    ['an', 'a', 'an', 'a']
    """
    first = re.split(r"\W", words, maxsplit=1)[0]
    if first.isupper():  # said letter by letter
        return "an" if first[0] in VOWEL_NAMES else "a"
    return "an" if VOWEL_SOUND.match(words) and not CONSONANT_SOUND.match(words) else "a"


def fill(template: str, *words: str, **named: str) -> str:
    """Put words into the gaps of a template, as `str.format` does, with the right article.

    An ``a`` or ``an`` right before a gap is replaced by the article of the words that come there.
    Prompts of ID sets are not filled by this function: they keep the templates literally, as
    published accuracies do.

    Parameters
    ----------
    template
        A sentence with one gap ``{}``, or with gaps that have names.
    *words, **named
        The words for the gap, or for each gap by its name.

    Examples
    --------
    >>> fill("a photo of a {}", "orange wine bottle")
    'a photo of an orange wine bottle'
    >>> fill("Is there a {object}?", object="hourglass")
    'Is there an hourglass?'
    """

    def article(gap: re.Match[str]) -> str:
        letter, name = gap.groups()
        if letter is None:
            return gap[0]
        following = indefinite_article(named[name] if name else words[0])
        return f"{letter}{following[1:]} {{{name}}}"

    return GAP.sub(article, template).format(*words, **named)


# Forms of training captions: most name the pair, some only one of its words, as web captions do.
PAIR_CAPTIONS: tuple[str, ...] = (
    *TEMPLATES,
    "{}",
    "the {}",
    "here is a {}",
    "there is a {} here",
)
OBJECT_CAPTIONS: tuple[str, ...] = ("a photo of a {}", "a {}", "the {}", "here is a {}")
ATTRIBUTE_CAPTIONS: tuple[str, ...] = ("something {}", "a {} thing", "it is {}", "a {} one")

# The word for the object in a prompt for an attribute alone, as in "a {} thing" above.
ANY_OBJECT = "thing"


@lru_cache(maxsize=2**16)
def form(text: str) -> str:
    """Form in which words are compared: lower case; underscores, dashes and slashes as blanks.

    Letters with accents are the same however they are encoded, as systems differ in this.

    Examples
    --------
    >>> form("Blue_plaid  T-shirt")
    'blue plaid t shirt'
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[_/\-\u2010-\u2015\u2212]", " ", plain).split())


def check_words(names: Sequence[str]) -> None:
    """Raise a ValueError unless there are two names or more, each of them once.

    Names that differ only in capitals, dashes and the like (`form`) cannot be told apart.
    """
    count = Counter(names)
    repeated = sorted(name for name in count if count[name] > 1)
    if repeated:
        raise ValueError(f"{', '.join(repeated)} named more than once")
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(form(name), name)
        if other != name:
            raise ValueError(
                f"{other!r} and {name!r} differ only in capitals, dashes or blanks; leave one out"
            )
    if len(names) < 2:
        raise ValueError(f"at least two are needed, got {list(names)}")


def check_texts(attributes: Sequence[str], objects: Sequence[str]) -> None:
    """Raise a ValueError if two pairs have one text: "red brick" "wall", and "red" "brick wall"."""
    by_form = {form(name): name for name in attributes}
    things = {form(name): name for name in objects}
    for text, longer in by_form.items():
        parts = text.split()
        for n in range(1, len(parts)):
            shorter = by_form.get(" ".join(parts[:n]))
            for rest, thing in things.items() if shorter else ():
                other = things.get(" ".join([*parts[n:], rest]))
                if other is not None:
                    raise ValueError(
                        f"{shorter!r} with {other!r} and {longer!r} with {thing!r} have one text, "
                        f"'{longer} {thing}'; leave one of these words out"
                    )


@dataclass(frozen=True)
class Vocabulary:
    """The attributes and objects of a study; a composition is one of each.

    Compositions have the ids ``attribute_id * len(objects) + object_id``.

    Raises
    ------
    ValueError
        If a name is repeated, two pairs have one text, or there are fewer than two attributes or
        objects.
    """

    attributes: tuple[str, ...]
    objects: tuple[str, ...]

    def __post_init__(self) -> None:
        check_words(self.attributes)
        check_words(self.objects)
        check_texts(self.attributes, self.objects)

    @property
    def size(self) -> int:
        """Number of compositions."""
        return len(self.attributes) * len(self.objects)

    def attribute_of(self, composition: ArrayLike) -> np.ndarray:
        """Attribute ids of composition ids (any shape)."""
        return np.asarray(composition) // len(self.objects)

    def object_of(self, composition: ArrayLike) -> np.ndarray:
        """Object ids of composition ids (any shape)."""
        return np.asarray(composition) % len(self.objects)

    def merged(self) -> np.ndarray:
        """Group number [attributes] of each attribute; near-synonyms (`SYNONYMS`) share one.

        Examples
        --------
        >>> Vocabulary(("teal", "red", "aqua"), ("cat", "dog")).merged()
        array([0, 1, 0])
        """
        group = {name: names[0] for names in SYNONYMS for name in names}
        firsts = [group.get(name, name) for name in self.attributes]
        numbers = {name: i for i, name in enumerate(dict.fromkeys(firsts))}
        return np.array([numbers[name] for name in firsts])

    def compositions(self) -> list[str]:
        """Names of all compositions, ``"attribute object"``, in the order of their ids."""
        return [f"{a} {o}" for a in self.attributes for o in self.objects]

    def ids(self, attributes: Sequence[str], objects: Sequence[str]) -> np.ndarray:
        """Composition ids [n] of n attribute names and n object names."""
        attribute = {name: i for i, name in enumerate(self.attributes)}
        object_ = {name: i for i, name in enumerate(self.objects)}
        pairs = [
            attribute[a] * len(self.objects) + object_[o]
            for a, o in zip(attributes, objects, strict=True)
        ]
        return np.array(pairs, dtype=np.int64)
