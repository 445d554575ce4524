"""What real services take, from tools/realcloud/baseline.md: the figures that stand where no real cloud is asked in the
same run. Nova 34, Neutron 29, Keystone 30 with 2 processes for each API on 2 cores; the third run there (the machine
otherwise idle) where it has the figure.
"""

from __future__ import annotations

from bench.report import Report, Row

SOURCE = "tools/realcloud/baseline.md"


def _row(what: str, unit: str, *values: float) -> Row:
    return Row(what=what, unit=unit, values=list(values))


BASELINE = [
    _row("GET /servers/detail?limit=100", "ms CPU", 530, 579),
    _row("GET /servers/detail?limit=100", "ms", 478),
    _row("GET /servers/detail?limit=100, 16 clients", "/s", 3.2),
    _row("GET /servers/detail?limit=100, 16 clients", "ms p99", 5267),
    _row("GET /servers?limit=100", "ms CPU", 162),
    _row("GET /servers/{id}", "ms CPU", 46.8),
    _row("GET /servers/{id}, 16 clients", "/s", 40.1),
    _row("GET /v2.0/ports?limit=100", "ms CPU", 97, 111),
    _row("GET /v2.0/ports/{id}", "ms CPU", 17.1),
    _row("POST /servers", "ms CPU", 332, 355),
    _row("POST /servers, 16 clients", "/s", 5.9),
    _row("POST /v2.0/ports", "ms CPU", 129, 188, 242),
    _row("servers to ACTIVE", "/s", 0.7, 1.3, 1.58),
    _row("processor time of a server to ACTIVE", "ms CPU", 1229, 1431),
]


#: What other benches call the same.
ALSO = {
    "GET /servers/detail, first page": "GET /servers/detail?limit=100",
    "GET /ports, first page": "GET /v2.0/ports?limit=100",
    "GET /ports/{id}": "GET /v2.0/ports/{id}",
    "GET /servers/{id}": "GET /servers/{id}",
}


def real(reports: dict[str, Report], what: str, unit: str) -> tuple[Row | None, bool]:
    """The real service's figure, and whether it was measured by one of these reports; None where nobody knows it."""
    asked = [row for report in reports.values() for row in report.real]
    for rows, measured in ((asked, True), (BASELINE, False)):
        for row in rows:
            if (row.what, row.unit) == (what, unit):
                return row, measured
    return None, False
