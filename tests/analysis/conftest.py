import numpy as np
import pandas as pd
import pytest
from scipy.special import expit


@pytest.fixture
def simulated():
    def draw(rng, *, families=12, each=6, slope=1.0, between=0.3, within=0.1, shift=0.0):
        """Accuracies around a line between logits; half of the families lies `shift` up."""
        family = np.repeat(np.arange(families), each)
        x = rng.normal(0.5, 1, families)[family] + rng.normal(0, 0.5, len(family))
        y = -0.2 + slope * x + rng.normal(0, between, families)[family]
        y += rng.normal(0, within, len(family)) + shift * (family < families // 2)
        table = pd.DataFrame({"id": expit(x), "ood": expit(y), "family": [f"f{i}" for i in family]})
        return table.set_index(table.index.map("m{}".format))

    return draw
