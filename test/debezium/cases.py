"""The cases: a workload, and the settings of both sides.

Cases of one workload share a database, in which it runs once; each has a
connector, a forwarder, slots and a topic.prefix of its own.
"""
import dataclasses

# Files of workload/, in this order.
WORKLOADS = {
    "all": ("types", "identity", "toast", "partition", "ddl", "message",
            "transaction"),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """both, debezium, walferry: properties that differ from the defaults.
    tables: table.include.list of both, besides the barrier; all if absent."""
    name: str
    workload: str = "all"
    both: dict = dataclasses.field(default_factory=dict)
    debezium: dict = dataclasses.field(default_factory=dict)
    walferry: dict = dataclasses.field(default_factory=dict)
    tables: str = ""
    mode: str = "default"


NO_SCHEMAS = {"key.converter.schemas.enable": "false",
              "value.converter.schemas.enable": "false"}

CASES = [
    Case("default", debezium={"event.processing.failure.handling.mode": "warn"}),
]
