import numpy as np
import pandas as pd

from cood.report.topics.diversity import describe_share


def test_how_closely_nmi_follows_the_share_is_said():
    share = np.geomspace(0.1, 0.8, 5)
    models = pd.DataFrame({"model": list("abcde"), "share": share})
    nmi = pd.Series(-np.log(share), list("abcde"))
    assert "correlate at -1.00" in describe_share(nmi, models)
    assert "do not differ" in describe_share(nmi, models.assign(share=0.5))
    assert "do not differ" in describe_share(nmi[:1], models[:1])
