"""The certificate of a metric: whether its values may decide anything."""

from cood.analysis.certificate.certify import CERTIFICATE, certified, certify
from cood.analysis.certificate.saved import has_own_certificate, load_certificate
from cood.analysis.certificate.thresholds import Thresholds, load_thresholds

__all__ = [
    "CERTIFICATE",
    "Thresholds",
    "certified",
    "certify",
    "has_own_certificate",
    "load_certificate",
    "load_thresholds",
]
