"""Profiles: the servers that a run has, where that decides what can fail.

default   one broker, everything behind the proxy
three     three brokers, so that leaders and coordinators move (F14); slower
expiry    a broker that forgets transactional ids within seconds (F22)
acl       a broker with an authorizer, reached by TLS and without the proxy
          (F17-acl)
standby   a second PostgreSQL that follows the first, and takes over (F9)
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Profile:
    name: str
    brokers: int = 1
    settings: tuple = ()        # of the brokers
    options: tuple = ()         # of broker.sh
    config: tuple = ()          # of the forwarder, (name, value)
    secure: bool = False        # the forwarder comes by TLS and password
    standby: bool = False       # PostgreSQL has one: standby.py
    parts: tuple = ()           # that faults may need, see faults.py
    modes: tuple = ("alo", "eos")   # in which it shows what it is for
    runs: int = 1               # of so many in a campaign, before the next
    count: int = 10             # of faults in a run

    @property
    def broker_options(self):
        words = list(self.options)
        for setting in _EVERY + self.settings:
            words += ["--set", setting]
        return words


# So that what is left open is ended within seconds; and large events come.
_EVERY = ("transaction.abort.timed.out.transaction.cleanup.interval.ms=1000",
          "message.max.bytes=8000000")

USER, PASSWORD = "walferry", "CANARY-kafka-do-not-log"

PROFILES = {p.name: p for p in (
    Profile("default", runs=20),
    Profile("three", brokers=3, parts=("three",), runs=4, count=8),
    Profile("expiry", parts=("expiry",), modes=("eos",), runs=2, count=6,
            # An idle forwarder must be heard of before it is forgotten.
            config=(("walferry.position.interval.ms", 1000),), settings=(
        "transactional.id.expiration.ms=4000",
        "transaction.remove.expired.transaction.cleanup.interval.ms=1000",
        "producer.id.expiration.ms=4000",
        "producer.id.expiration.check.interval.ms=1000")),
    Profile("acl", parts=("acl",), runs=2, count=8, secure=True, options=(
        "--sasl", "--acl", "--user", f"{USER}:{PASSWORD}")),
    Profile("standby", standby=True, parts=("standby",), runs=2, count=8,
            # An idle slot is copied once its position has moved.
            config=(("walferry.position.interval.ms", 1000),)))}
