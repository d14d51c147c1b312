from cood.analysis.pretraining_sets import LARGE, SMALL
from cood.analysis.topics.published.accuracy_table import published_table
from cood.catalogue.checkpoints import facts, families


def test_the_groups_of_claim_c4_are_sets_of_the_published_table():
    assert {*LARGE.values(), *SMALL.values()} <= set(published_table()["set"])


def test_a_family_and_its_set_are_the_same_data():
    for family, name in (LARGE | SMALL).items():
        data = {facts(checkpoint)["data"].partition(" ")[0] for checkpoint in families()[family]}
        assert data == {"WIT" if name == "OpenAI" else name}
